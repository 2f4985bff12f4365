/* kdharness image: what a debugger would find in the target's memory, as a map for people and as a file of guest RAM
 * for other tools. What lies where is nt-image.md's; built by the same builder as every machine's memory. */
#include "harness/script/command.h"
#include "harness/script/lab.h"
#include "harness/script/runner.h"
#include "sim/kernel/mk_image.h"
#include "sim/world/sim_memory.h"
#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { KEY_HELP = '?', KEY_ARCH = 256, KEY_OUT, KEY_SET, MIB = 1024 * 1024, WHAT_BYTES = 64 };

struct arguments {
    struct lab_config lab;
    const char *out; /* NULL: the map alone */
};

/* A line of the map. */
struct place {
    uint64_t va, pa, bytes;
    uint32_t pid;
    char what[WHAT_BYTES];
};

struct places {
    struct place *items;
    size_t count, room;
};

static void add(struct places *places, const struct mk_image_region *region)
{
    places->items = sim_grow(places->items, &places->room, places->count + 1, sizeof *places->items);
    struct place *place = &places->items[places->count++];
    *place = (struct place){.va = region->va, .pa = region->pa, .bytes = region->bytes, .pid = region->pid};
    snprintf(place->what, sizeof place->what, "%s", region->what);
}

static void keep_region(void *context, const struct mk_image_region *region)
{
    add(context, region);
}

/* ---- places inside the regions --------------------------------------------------------------------------------- */

static void add_point(struct places *places, uint64_t va, uint64_t bytes, const char *what)
{
    for (size_t i = 0; i < places->count; i++) {
        const struct place region = places->items[i];
        if (region.pid != 0 || va < region.va || va - region.va >= region.bytes)
            continue;
        add(places, &(struct mk_image_region){va, region.pa + (va - region.va), bytes, 0, what});
        return;
    }
}

static void add_processor(struct places *places, const struct mk_map *map, uint32_t number)
{
    const struct {
        uint64_t va;
        const char *what;
    } rows[] = {{map->kprcb[number], "KPRCB"},
                {map->thread[number], "current thread"},
                {map->stack_top[number], "stack pointer"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char what[WHAT_BYTES];
        snprintf(what, sizeof what, "%s of processor %" PRIu32, rows[i].what, number);
        add_point(places, rows[i].va, 0, what);
    }
}

static void add_points(struct places *places, const struct mk_map *map)
{
    const struct {
        uint64_t va, bytes;
        const char *what;
    } rows[] = {{map->module_list, 0, "PsLoadedModuleList"},
                {map->debugger_data_list, 0, "list of data blocks (GetVersion)"},
                {map->debugger_data, 0, "KDDEBUGGER_DATA64"},
                {map->loop, map->loop_bytes, "the idle loop"},
                {map->function, 0, "a function that it calls"},
                {map->break_handler, 0, "interrupt handler of a break-in"},
                {map->break_instruction, 1, "int 3 of a break-in"},
                {map->bugcheck_handler, 0, "handler of a bugcheck"},
                {map->debug_service, 1, "int 3 of symbol notices"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        add_point(places, rows[i].va, rows[i].bytes, rows[i].what);
    for (uint32_t i = 0; i < map->processors; i++)
        add_processor(places, map, i);
}

/* ---- the map --------------------------------------------------------------------------------------------------- */

/* By process, then by address; what holds others stands before them. */
static int in_order(const void *left, const void *right)
{
    const struct place *a = left, *b = right;
    if (a->pid != b->pid)
        return a->pid < b->pid ? -1 : 1;
    if (a->va != b->va)
        return a->va < b->va ? -1 : 1;
    if (a->bytes != b->bytes)
        return a->bytes > b->bytes ? -1 : 1;
    return strcmp(a->what, b->what);
}

static void print_address(enum mk_arch arch, uint64_t va)
{
    if (arch == MK_X64)
        printf("%016" PRIX64, va);
    else
        printf("%08" PRIX32, (uint32_t)va);
}

static void print_map(enum mk_arch arch, struct places *places, const struct mk_map *map)
{
    const int width = arch == MK_X64 ? 16 : 8;
    qsort(places->items, places->count, sizeof *places->items, in_order);
    printf("%-*s  %-8s  %8s  %-7s  %s\n", width, "virtual", "physical", "bytes", "process", "what");
    for (size_t i = 0; i < places->count; i++) {
        const struct place *place = &places->items[i];
        char whose[16] = "kernel", bytes[20] = "";
        if (place->pid != 0)
            snprintf(whose, sizeof whose, "%" PRIu32, place->pid);
        if (place->bytes != 0)
            snprintf(bytes, sizeof bytes, "%" PRIX64, place->bytes);
        print_address(arch, place->va);
        printf("  %08" PRIX64 "  %8s  %-7s  %s\n", place->pa, bytes, whose, place->what);
    }
    const struct {
        uint64_t va;
        const char *what;
    } absent[] = {{map->hole, "not mapped"}, {map->not_present, "not present, with a frame number in its entry"}};
    for (size_t i = 0; i < sizeof absent / sizeof *absent; i++) {
        print_address(arch, absent[i].va);
        printf("  %-8s  %8s  %-7s  %s\n", "-", "1000", "kernel", absent[i].what);
    }
}

static void write_ram(const char *path, const uint8_t *ram, size_t bytes)
{
    FILE *file = fopen(path, "wb");
    if (file == NULL)
        command_refuse("image: --out %s: cannot be written: %s", path, strerror(errno));
    bool written = fwrite(ram, 1, bytes, file) == bytes;
    if (fclose(file) != 0 || !written)
        command_refuse("image: --out %s: the file could not be written completely: %s", path, strerror(errno));
}

/* ---- the command ----------------------------------------------------------------------------------------------- */

static void set_field(struct arguments *arguments, const char *option, const char *name, const char *value)
{
    char why[LAB_WHY_BYTES];
    if (lab_config_set(&arguments->lab, name, value, why) != KD_OK)
        command_refuse("image: %s: %s", option, why);
}

static void set_any_field(struct arguments *arguments, char *setting)
{
    char *equals = strchr(setting, '=');
    if (equals == NULL || equals == setting)
        command_refuse("image: --set '%s': expected name=value", setting);
    *equals = 0;
    if (strcmp(setting, "processors") != 0 && strcmp(setting, "ram_mib") != 0)
        command_refuse("image: --set %s: changes nothing here: expected processors or ram_mib", setting);
    set_field(arguments, "--set", setting, equals + 1);
}

static error_t parse_image(int key, char *value, struct argp_state *state)
{
    struct arguments *arguments = state->input;
    switch (key) {
    case KEY_ARCH:
        set_field(arguments, "--arch", "arch", value);
        return 0;
    case KEY_OUT:
        arguments->out = value;
        return 0;
    case KEY_SET:
        set_any_field(arguments, value);
        return 0;
    case KEY_HELP:
        argp_help(state->root_argp, stdout, ARGP_HELP_STD_HELP, "kdharness image");
        exit(RUNNER_OK);
    case ARGP_KEY_ARG:
        command_refuse("image: '%s' is no option, and nothing else is expected", value);
    case ARGP_KEY_ERROR:
        command_refuse("image: %s: unknown option, or its value is missing (kdharness image --help lists them)",
                       state->argv[state->next - 1]);
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option image_options[] = {
    {"arch", KEY_ARCH, "ARCH", 0, "x64 (default) or x86", 0},
    {"out", KEY_OUT, "FILE", 0, "Write guest RAM to FILE, from physical address 0 on", 0},
    {"set", KEY_SET, "NAME=VALUE", 0, "A field of vm{}: processors, ram_mib; may be repeated", 0},
    {"help", KEY_HELP, NULL, 0, "Show this text", -1},
    {0},
};

int command_image(int argc, char **argv)
{
    static const struct argp argp = {image_options, parse_image, NULL,
                                     "Shows what lies where in the target's memory before it boots.", NULL, NULL, NULL};
    struct arguments arguments = {.lab = lab_config_default(SIM_LINK_BACKDOOR, 0)};
    argp_parse(&argp, argc, argv, ARGP_NO_ERRS | ARGP_NO_HELP, NULL, &arguments);
    const struct mk_boot *boot = &arguments.lab.vm.boot;
    const size_t ram_bytes = (size_t)arguments.lab.vm.ram_mib * MIB;
    uint8_t *ram = sim_allocate(ram_bytes + 1, 1);
    struct places places = {0};
    struct mk_map map;
    if (mk_image_build_told(ram, ram_bytes, boot->arch, boot->processors, &map, keep_region, &places) != KD_OK)
        command_refuse("image: expected ram_mib of %d at least and 1 to %d processors", MK_RAM_BYTES_MIN / MIB,
                       MK_PROCESSORS_MAX);
    if (arguments.out != NULL)
        write_ram(arguments.out, ram, ram_bytes);
    add_points(&places, &map);
    print_map(boot->arch, &places, &map);
    free(places.items);
    free(ram);
    return RUNNER_OK;
}
