#include "harness/timeline/timeline_symbols.h"
#include "sim/kernel/mk_layout.h"
#include "sim/world/sim_memory.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EXPORTS_MAX = 4096, EXPORT_REACH = 0x100, PAGE_REACH = 0x1000 };

struct symbol {
    uint64_t address;
    uint64_t reach; /* bytes for which the name is good */
    char name[TIMELINE_SYMBOL_BYTES - 20];
};

struct timeline_symbols {
    struct symbol *symbols;
    size_t count;
    size_t room;
    uint64_t pool_pa, pool_bytes;
};

static void add(struct timeline_symbols *symbols, uint64_t address, uint64_t reach, const char *module,
                const char *name)
{
    if (address == 0)
        return;
    symbols->symbols =
        sim_grow(symbols->symbols, &symbols->room, symbols->count + 1, sizeof *symbols->symbols);
    struct symbol *symbol = &symbols->symbols[symbols->count++];
    *symbol = (struct symbol){.address = address, .reach = reach};
    snprintf(symbol->name, sizeof symbol->name, "%s%s", module, name);
}

/* ---- guest memory, through the target's own page tables ------------------------------------------------ */

struct memory {
    const struct mk_map *map;
    const struct mk_paging_layout *paging;
    const uint8_t *ram;
};

static uint64_t load(const uint8_t *from, unsigned len_bytes)
{
    uint64_t value = 0;
    for (unsigned i = len_bytes; i > 0; i--)
        value = value << 8 | from[i - 1];
    return value;
}

/* Returns  false where nothing is mapped */
static bool translate(const struct memory *memory, uint64_t va, uint64_t *pa)
{
    const struct mk_paging_layout *paging = memory->paging;
    uint64_t table = memory->map->directory_table_pa;
    for (unsigned level = 0; level < paging->levels; level++) {
        uint64_t index = va >> paging->shift[level] & ((1u << paging->index_bits) - 1);
        uint64_t entry_pa = table + index * paging->entry_bytes;
        if (entry_pa + paging->entry_bytes > memory->map->ram_bytes)
            return false;
        uint64_t entry = load(memory->ram + entry_pa, paging->entry_bytes);
        if (!(entry & MK_PTE_PRESENT))
            return false;
        bool last = level + 1u == paging->levels || (paging->large[level] && (entry & MK_PTE_LARGE));
        uint64_t offset_mask = ((uint64_t)1 << paging->shift[level]) - 1;
        table = entry & paging->frame_mask;
        if (last) {
            *pa = (table & ~offset_mask) | (va & offset_mask);
            return *pa < memory->map->ram_bytes;
        }
    }
    return false;
}

/* A field; 0 where nothing is mapped. */
static uint64_t field(const struct memory *memory, uint64_t va, unsigned len_bytes)
{
    uint8_t bytes[8] = {0};
    uint64_t pa;
    for (unsigned i = 0; i < len_bytes; i++)
        if (translate(memory, va + i, &pa))
            bytes[i] = memory->ram[pa];
    return load(bytes, len_bytes);
}

static void text_at(const struct memory *memory, uint64_t va, char *to, size_t to_bytes)
{
    size_t length = 0;
    while (length + 1 < to_bytes && (to[length] = (char)field(memory, va + length, 1)) != 0)
        length++;
    to[length] = 0;
}

/* ---- modules ------------------------------------------------------------------------------------------- */

/* The export directory of a PE image (nt-image.md, module list): names and what they point to. */
static void add_exports(struct timeline_symbols *symbols, const struct memory *memory, uint64_t base,
                        const char *module)
{
    enum { PE_OFFSET = 0x3C, OPTIONAL = 24, MAGIC_PE32_PLUS = 0x20B, DIRECTORY_32 = 96, DIRECTORY_64 = 112 };
    enum { NAME_COUNT = 24, FUNCTIONS = 28, NAMES = 32, ORDINALS = 36 };
    uint64_t optional = base + field(memory, base + PE_OFFSET, 4) + OPTIONAL;
    bool wide = field(memory, optional, 2) == MAGIC_PE32_PLUS;
    uint64_t rva = field(memory, optional + (wide ? DIRECTORY_64 : DIRECTORY_32), 4);
    if (rva == 0)
        return;
    uint64_t directory = base + rva;
    uint64_t count = field(memory, directory + NAME_COUNT, 4);
    uint64_t functions = base + field(memory, directory + FUNCTIONS, 4);
    uint64_t names = base + field(memory, directory + NAMES, 4);
    uint64_t ordinals = base + field(memory, directory + ORDINALS, 4);
    for (uint64_t i = 0; i < count && i < EXPORTS_MAX; i++) {
        char name[TIMELINE_SYMBOL_BYTES];
        text_at(memory, base + field(memory, names + 4 * i, 4), name, sizeof name);
        uint64_t function = functions + 4 * field(memory, ordinals + 2 * i, 2);
        add(symbols, base + field(memory, function, 4), EXPORT_REACH, module, name);
    }
}

static void add_modules(struct timeline_symbols *symbols, enum mk_arch arch, const struct mk_map *map,
                        const uint8_t *ram)
{
    const struct mk_layout *layout = mk_layout(arch);
    for (uint32_t i = 0; i < map->module_count; i++) {
        const struct mk_module *module = &map->modules[i];
        char name[sizeof module->name + 1], prefix[sizeof name + 1];
        snprintf(name, sizeof name, "%.*s", (int)strcspn(module->name, "."), module->name);
        if (module->base == map->kernel_base)
            strcpy(name, "nt");
        snprintf(prefix, sizeof prefix, "%s!", name);
        add(symbols, module->base, module->size_bytes, name, "");
        if (layout != NULL)
            add_exports(symbols, &(struct memory){map, &layout->paging, ram}, module->base, prefix);
    }
}

/* ---- the map ------------------------------------------------------------------------------------------- */

static void add_places(struct timeline_symbols *symbols, const struct mk_map *map)
{
    const struct {
        const char *name;
        uint64_t address, reach;
    } places[] = {
        {"pool", map->pool, map->pool_bytes},
        {"hole", map->hole, PAGE_REACH},
        {"user_page", map->user_page, PAGE_REACH},
        {"not_present", map->not_present, PAGE_REACH},
        {"nt!PsLoadedModuleList", map->module_list, 0x10},
        {"nt!KdpDebuggerDataListHead", map->debugger_data_list, 0x10},
        {"nt!KdDebuggerDataBlock", map->debugger_data, 0x400},
    };
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        add(symbols, places[i].address, places[i].reach, "", places[i].name);
    for (unsigned cpu = 0; cpu < MK_PROCESSORS_MAX; cpu++) {
        char number[4];
        snprintf(number, sizeof number, "%u", cpu);
        add(symbols, map->kpcr[cpu], PAGE_REACH, "kpcr", number);
        add(symbols, map->kprcb[cpu], 2 * PAGE_REACH, "kprcb", number);
        add(symbols, map->thread[cpu], 0x400, "thread", number);
    }
}

struct timeline_symbols *timeline_symbols_create(enum mk_arch arch, const struct mk_map *map,
                                                 const uint8_t *ram)
{
    struct timeline_symbols *symbols = sim_allocate(1, sizeof *symbols);
    symbols->pool_pa = map->pool_pa;
    symbols->pool_bytes = map->pool_bytes;
    add_places(symbols, map);
    add_modules(symbols, arch, map, ram);
    return symbols;
}

void timeline_symbols_destroy(struct timeline_symbols *symbols)
{
    if (symbols == NULL)
        return;
    free(symbols->symbols);
    free(symbols);
}

/* ---- names --------------------------------------------------------------------------------------------- */

static const char *offset_text(const char *name, uint64_t offset, char *text)
{
    if (offset == 0)
        snprintf(text, TIMELINE_SYMBOL_BYTES, "%s", name);
    else
        snprintf(text, TIMELINE_SYMBOL_BYTES, "%s+0x%" PRIx64, name, offset);
    return text;
}

const char *timeline_symbol(const struct timeline_symbols *symbols, uint64_t address, char *text)
{
    const struct symbol *nearest = NULL;
    for (size_t i = 0; i < symbols->count; i++) {
        const struct symbol *symbol = &symbols->symbols[i];
        if (address >= symbol->address && address - symbol->address < symbol->reach &&
            (nearest == NULL || symbol->address > nearest->address))
            nearest = symbol;
    }
    if (nearest != NULL)
        return offset_text(nearest->name, address - nearest->address, text);
    snprintf(text, TIMELINE_SYMBOL_BYTES, "0x%" PRIx64, address);
    return text;
}

const char *timeline_symbol_physical(const struct timeline_symbols *symbols, uint64_t address, char *text)
{
    if (address >= symbols->pool_pa && address - symbols->pool_pa < symbols->pool_bytes)
        return offset_text("phys(pool)", address - symbols->pool_pa, text);
    snprintf(text, TIMELINE_SYMBOL_BYTES, "phys(0x%" PRIx64 ")", address);
    return text;
}
