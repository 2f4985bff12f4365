#define _GNU_SOURCE
#include "sim/machine/sim_guest.h"
#include "sim/machine/sim_guest_private.h"
#include "sim/machine/sim_host.h"
#include "sim/world/sim_memory.h"
#include "transport/kd/kd_bytes.h"
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* ---- the guest image, loaded once per architecture ----------------------------------------------------- */

extern const uint8_t sim_guest_kernel_x64[], sim_guest_kernel_x64_end[];
extern const uint8_t sim_guest_kernel_x86[], sim_guest_kernel_x86_end[];

static const struct guest_pe *kernel(enum mk_arch arch)
{
    static struct guest_pe kernels[2];
    struct guest_pe *pe = &kernels[arch == MK_X86];
    if (pe->image_bytes != 0)
        return pe;
    const uint8_t *first = arch == MK_X86 ? sim_guest_kernel_x86 : sim_guest_kernel_x64;
    const uint8_t *end = arch == MK_X86 ? sim_guest_kernel_x86_end : sim_guest_kernel_x64_end;
    *pe = (struct guest_pe){.file = first,
                            .file_bytes = (uint32_t)(end - first),
                            .image = sim_allocate(GUEST_KERNEL_BYTES_MAX, 1),
                            .image_room = GUEST_KERNEL_BYTES_MAX,
                            .base = GUEST_KERNEL,
                            .machine = arch == MK_X86 ? GUEST_PE_X86 : GUEST_PE_X64};
    if (!guest_pe_load(pe)) {
        fprintf(stderr, "fastkd: the guest image of this build: %s\n", pe->why);
        exit(EXIT_FAILURE);
    }
    return pe;
}

/* ---- parts --------------------------------------------------------------------------------------------- */

static uint32_t whole_pages(uint32_t bytes)
{
    return (bytes + GUEST_PAGE_BYTES - 1) / GUEST_PAGE_BYTES * GUEST_PAGE_BYTES;
}

static void add_part(struct sim_guest *guest, const char *name, uint32_t address, uint32_t bytes, bool write,
                     bool execute)
{
    if (guest->part_count == SIM_GUEST_PARTS_MAX || bytes == 0)
        return;
    struct sim_guest_part *part = &guest->parts[guest->part_count++];
    *part = (struct sim_guest_part){
        .address = address, .bytes = whole_pages(bytes), .write = write, .execute = execute};
    snprintf(part->name, sizeof part->name, "%s", name);
}

/* Headers, then sections; those that a loader has nothing in are left out. */
static void add_image(struct sim_guest *guest, const char *whose, const struct guest_pe *pe)
{
    struct guest_pe_section section;
    uint32_t base = (uint32_t)pe->base;
    char name[20];
    guest_pe_section(pe, 0, &section);
    snprintf(name, sizeof name, "%s header", whose);
    add_part(guest, name, base, section.offset, false, false);
    for (uint32_t i = 0; guest_pe_section(pe, i, &section); i++) {
        snprintf(name, sizeof name, "%s %s", whose, section.name);
        add_part(guest, name, base + section.offset, section.bytes, section.write, section.execute);
    }
}

/* In the order of their addresses. */
static void make_parts(struct sim_guest *guest)
{
    guest->part_count = 0;
    add_part(guest, "paging", GUEST_PAGING, GUEST_PAGING_BYTES, true, false);
    add_part(guest, "task", GUEST_TASK, GUEST_TASK_BYTES, false, false);
    add_part(guest, "boot page", GUEST_BOOT, GUEST_BOOT_BYTES, false, false);
    add_image(guest, "kernel", kernel(guest->image->arch));
    add_part(guest, "kernel state", GUEST_STATE, GUEST_STATE_BYTES, true, false);
    add_part(guest, "stack", GUEST_STACK, GUEST_STACK_BYTES, true, false);
    add_part(guest, "dll file", GUEST_FILE, (uint32_t)guest->dll->len_bytes, false, false);
    if (guest->dll_bytes == 0)
        add_part(guest, "dll", GUEST_DLL, GUEST_DLL_BYTES_MAX, true, false);
    else
        add_image(guest, "dll", &guest->pe);
    sim_guest_build_paging(guest);
}

const struct sim_guest_part *sim_guest_part(const struct sim_guest *guest, uint64_t address)
{
    for (unsigned i = 0; i < guest->part_count; i++)
        if (address >= guest->parts[i].address && address - guest->parts[i].address < guest->parts[i].bytes)
            return &guest->parts[i];
    return NULL;
}

/* ---- addresses ----------------------------------------------------------------------------------------- */

uint64_t sim_guest_alias(const struct sim_guest *guest)
{
    return guest->image->arch == MK_X86 ? GUEST_ALIAS_X86 : GUEST_ALIAS_X64;
}

/* Out of the alias to where the pages lie. */
static uint64_t plain_address(const struct sim_guest *guest, uint64_t address)
{
    uint64_t offset = address - sim_guest_alias(guest);
    if (offset < GUEST_PAGE_BYTES)
        return GUEST_RAM + guest->image->map.shared_data_pa + offset;
    if (offset < 2 * GUEST_PAGE_BYTES)
        return GUEST_BOOT + offset - GUEST_PAGE_BYTES;
    return address;
}

/* Parts that touch are one piece of memory: a range may cross from one into the next. */
static bool in_parts(const struct sim_guest *guest, uint64_t address, uint64_t len_bytes, bool write)
{
    do {
        const struct sim_guest_part *part = sim_guest_part(guest, address);
        if (part == NULL || (write && !part->write))
            return false;
        uint64_t here = part->address + part->bytes - address;
        if (len_bytes <= here)
            return true;
        address += here;
        len_bytes -= here;
    } while (true);
}

uint8_t *sim_guest_at(const struct sim_guest *guest, uint64_t address, uint64_t len_bytes, bool write)
{
    address = plain_address(guest, address);
    uint64_t ram_bytes = guest->image->ram_bytes;
    if (address >= GUEST_RAM && address - GUEST_RAM <= ram_bytes &&
        len_bytes <= ram_bytes - (address - GUEST_RAM))
        return guest->ram + (address - GUEST_RAM);
    return in_parts(guest, address, len_bytes, write) ? guest->region + (address - GUEST_REGION) : NULL;
}

const char *sim_guest_place(const struct sim_guest *guest, uint64_t address, char *text, size_t text_bytes)
{
    uint64_t plain = plain_address(guest, address);
    const struct sim_guest_part *part = sim_guest_part(guest, plain);
    if (part != NULL)
        snprintf(text, text_bytes, "%s+%" PRIx64, part->name, plain - part->address);
    else if (plain >= GUEST_RAM && plain - GUEST_RAM < guest->image->ram_bytes)
        snprintf(text, text_bytes, "ram+%" PRIx64, plain - GUEST_RAM);
    else
        snprintf(text, text_bytes, "unmapped %" PRIx64, address);
    return text;
}

static bool memory_read(void *context, uint64_t address, void *to, size_t len_bytes)
{
    const uint8_t *from = sim_guest_at(context, address, len_bytes, false);
    if (from != NULL)
        memcpy(to, from, len_bytes);
    return from != NULL;
}

static bool memory_write(void *context, uint64_t address, const void *from, size_t len_bytes)
{
    uint8_t *to = sim_guest_at(context, address, len_bytes, true);
    if (to != NULL)
        memcpy(to, from, len_bytes);
    return to != NULL;
}

struct sim_memory sim_guest_memory(struct sim_guest *guest)
{
    return (struct sim_memory){guest, memory_read, memory_write};
}

/* ---- life ---------------------------------------------------------------------------------------------- */

/* LOADER_PARAMETER_BLOCK of the NT that the image is: Windows XP on x86, 7 on x64
 * (transport/guest/dll/README.md 4). */
static void write_loader_block(const struct sim_guest *guest, uint8_t *block)
{
    enum { OPTIONS_X86 = 0x44, OPTIONS_X64 = 0x98 };
    uint64_t page = sim_guest_alias(guest) + GUEST_PAGE_BYTES;
    uint64_t options = page + offsetof(struct guest_boot, boot) + offsetof(struct mk_boot, options);
    if (guest->image->arch == MK_X86) {
        kd_store_u32(block, (uint32_t)page); /* a list's pointer, where later ones have their version */
        kd_store_u32(block + OPTIONS_X86, (uint32_t)options);
    } else {
        kd_store_u32(block, 6);
        kd_store_u32(block + 4, 1);
        kd_store_u64(block + OPTIONS_X64, options);
    }
}

static void write_boot_page(struct sim_guest *guest)
{
    struct guest_boot *told = (struct guest_boot *)(guest->region + (GUEST_BOOT - GUEST_REGION));
    memset(told, 0, GUEST_BOOT_BYTES);
    told->magic = GUEST_BOOT_MAGIC;
    told->file_bytes = (uint32_t)guest->dll->len_bytes;
    told->boot = guest->boot;
    told->map = guest->image->map;
    write_loader_block(guest, told->loader_block);
}

/* For anonymous memory MADV_DONTNEED means zero again, for a private file mapping the file's contents again.
 */
static void drop(void *memory, size_t bytes)
{
    if (madvise(memory, bytes, MADV_DONTNEED) != 0)
        sim_host_fail("a guest's memory cannot be reset");
}

void sim_guest_reset(struct sim_guest *guest)
{
    enum { STACK_AT_START = 40 }; /* home space of four arguments under a return address: as after a call */
    const struct guest_pe *image = kernel(guest->image->arch);
    drop(guest->region, GUEST_REGION_END - GUEST_REGION);
    drop(guest->ram, guest->image->ram_bytes);
    guest->dll_bytes = 0;
    memcpy(guest->region + (GUEST_KERNEL - GUEST_REGION), image->image, image->image_bytes);
    memcpy(guest->region + (GUEST_FILE - GUEST_REGION), guest->dll->bytes, guest->dll->len_bytes);
    write_boot_page(guest);
    guest->entry = GUEST_KERNEL + image->entry;
    guest->stack_pointer = GUEST_STACK + GUEST_STACK_BYTES - STACK_AT_START;
    make_parts(guest);
}

struct sim_guest *sim_guest_create(const struct sim_image *image, const struct mk_boot *boot,
                                   const struct sim_dll *dll)
{
    struct sim_guest *guest = sim_allocate(1, sizeof *guest);
    guest->dll = dll;
    guest->image = image;
    guest->boot = *boot;
    guest->region = mmap(NULL, GUEST_REGION_END - GUEST_REGION, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (guest->region == MAP_FAILED)
        sim_host_fail("no memory for a guest");
    guest->ram =
        mmap(NULL, image->ram_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, image->fd, 0);
    if (guest->ram == MAP_FAILED)
        sim_host_fail("no memory for a guest's RAM");
    sim_guest_reset(guest);
    return guest;
}

void sim_guest_tell(struct sim_guest *guest, const struct mk_boot *boot)
{
    guest->boot = *boot;
    write_boot_page(guest);
}

void sim_guest_destroy(struct sim_guest *guest)
{
    munmap(guest->region, GUEST_REGION_END - GUEST_REGION);
    munmap(guest->ram, guest->image->ram_bytes);
    free(guest);
}

/* ---- the image's ports --------------------------------------------------------------------------------- */

bool sim_guest_owns(uint16_t port)
{
    return port >= GUEST_PORT_FIRST && port < GUEST_PORT_END;
}

void sim_guest_fault(struct sim_guest *guest, struct sim_guest_exit *exit, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(guest->fault, sizeof guest->fault, format, arguments);
    va_end(arguments);
    *exit = (struct sim_guest_exit){.kind = SIM_GUEST_FAULT, .fault = guest->fault};
}

/* A buffer of the kernel's: nowhere where there are no bytes. */
static bool trace_buffer(const struct sim_guest *guest, uint64_t address, uint32_t len_bytes,
                         const uint8_t **buffer)
{
    *buffer = len_bytes == 0 ? NULL : sim_guest_at(guest, address, len_bytes, false);
    return len_bytes == 0 || *buffer != NULL;
}

static bool decode_trace(struct sim_guest *guest, uint32_t address)
{
    bool x64 = guest->image->arch == MK_X64;
    const uint8_t *from =
        sim_guest_at(guest, address, x64 ? GUEST_TRACE_BYTES_X64 : GUEST_TRACE_BYTES_X86, false);
    if (from == NULL)
        return false;
    const uint8_t *header = from + GUEST_TRACE_HEADER, *data = header + (x64 ? 16 : 8);
    struct mk_trace *trace = &guest->trace;
    *trace = (struct mk_trace){.event = kd_load_u32(from),
                               .type = kd_load_u32(from + 4),
                               .first = kd_load_u32(from + 8),
                               .status = kd_load_u32(from + 12),
                               .header_bytes = kd_load_u32(header + (x64 ? 8 : 4)),
                               .data_bytes = kd_load_u32(data + (x64 ? 8 : 4))};
    return trace->event < MK_TRACE_EVENTS &&
           trace_buffer(guest, x64 ? kd_load_u64(header) : kd_load_u32(header), trace->header_bytes,
                        &trace->header) &&
           trace_buffer(guest, x64 ? kd_load_u64(data) : kd_load_u32(data), trace->data_bytes, &trace->data);
}

static void port_trace(struct sim_guest *guest, uint32_t value, struct sim_guest_exit *exit)
{
    if (decode_trace(guest, value))
        *exit = (struct sim_guest_exit){.kind = SIM_GUEST_TRACE, .trace = &guest->trace};
    else
        sim_guest_fault(guest, exit, "a report of the kernel's at %" PRIx32 " is none", value);
}

static void port_command(struct sim_guest *guest, uint32_t value, struct sim_guest_exit *exit)
{
    struct mk_command *command = (struct mk_command *)sim_guest_at(guest, value, sizeof *command, true);
    *exit = (struct sim_guest_exit){.kind = SIM_GUEST_COMMAND, .command = command};
    if (command == NULL || value % _Alignof(struct mk_command) != 0)
        sim_guest_fault(guest, exit, "room for a wish at %" PRIx32 " is none", value);
}

static void port_stray(struct sim_guest *guest, uint32_t value, struct sim_guest_exit *exit)
{
    const uint8_t *stray = sim_guest_at(guest, value, sizeof(struct guest_stray), false);
    if (stray == NULL) {
        sim_guest_fault(guest, exit, "a stray write at %" PRIx32 " is none", value);
        return;
    }
    *exit = (struct sim_guest_exit){
        .kind = SIM_GUEST_CONDUCT,
        .conduct = {SIM_CONDUCT_WRITES, kd_load_u32(stray), kd_load_u32(stray + 4)}};
}

static void port_fail(struct sim_guest *guest, uint32_t value, struct sim_guest_exit *exit)
{
    const char *why = (const char *)sim_guest_at(guest, value, 1, false);
    int room = 0;
    while (why != NULL && room < SIM_GUEST_FAULT_BYTES / 2 &&
           sim_guest_at(guest, (uint64_t)value + (uint64_t)room, 1, false) != NULL && why[room] != 0)
        room++;
    sim_guest_fault(guest, exit, "%s: cannot be loaded: %.*s", guest->dll->path, room,
                    why == NULL ? "" : why);
}

/* What the loader in the guest has mapped is read again from there with the same code. */
static bool loaded(struct sim_guest *guest)
{
    struct guest_pe *pe = &guest->pe;
    *pe = (struct guest_pe){.file = guest->dll->bytes,
                            .file_bytes = (uint32_t)guest->dll->len_bytes,
                            .image = guest->region + (GUEST_DLL - GUEST_REGION),
                            .image_room = GUEST_DLL_BYTES_MAX,
                            .base = GUEST_DLL,
                            .machine = guest->image->arch == MK_X86 ? GUEST_PE_X86 : GUEST_PE_X64};
    if (guest->dll_bytes != 0 || !guest_pe_read(pe))
        return false;
    guest->dll_bytes = whole_pages(pe->image_bytes);
    make_parts(guest);
    return true;
}

bool sim_guest_port(struct sim_guest *guest, uint16_t port, uint32_t value, struct sim_guest_exit *exit)
{
    switch (port) {
    case GUEST_PORT_TRACE:
        port_trace(guest, value, exit);
        return true;
    case GUEST_PORT_COMMAND:
        port_command(guest, value, exit);
        return true;
    case GUEST_PORT_STRAY:
        port_stray(guest, value, exit);
        return true;
    case GUEST_PORT_TICK:
        *exit = (struct sim_guest_exit){.kind = SIM_GUEST_TICK};
        return true;
    case GUEST_PORT_RESET:
        *exit = (struct sim_guest_exit){.kind = SIM_GUEST_RESET};
        return true;
    case GUEST_PORT_POWER_OFF:
        *exit = (struct sim_guest_exit){.kind = SIM_GUEST_POWER_OFF};
        return true;
    case GUEST_PORT_LOADED:
        if (loaded(guest))
            return false;
        sim_guest_fault(guest, exit, "the loader says that it is done when it is not");
        return true;
    case GUEST_PORT_FAIL:
        port_fail(guest, value, exit);
        return true;
    default:
        sim_guest_fault(guest, exit, "an access to port %x, which the image does not have", port);
        return true;
    }
}

/* ---- saving -------------------------------------------------------------------------------------------- */

struct sim_guest_saved {
    uint8_t *parts[SIM_GUEST_PARTS_MAX]; /* of those that may be written */
    struct sim_pages ram;
};

static bool is_guests(const struct sim_guest_part *part)
{
    return part->write && part->address != GUEST_PAGING;
}

struct sim_guest_saved *sim_guest_save(const struct sim_guest *guest)
{
    struct sim_guest_saved *saved = sim_allocate(1, sizeof *saved);
    for (unsigned i = 0; i < guest->part_count; i++) {
        const struct sim_guest_part *part = &guest->parts[i];
        if (!is_guests(part))
            continue;
        saved->parts[i] = sim_allocate(part->bytes, 1);
        memcpy(saved->parts[i], guest->region + (part->address - GUEST_REGION), part->bytes);
    }
    saved->ram = sim_pages_save(guest->image, guest->ram);
    return saved;
}

void sim_guest_load(struct sim_guest *guest, const struct sim_guest_saved *saved)
{
    for (unsigned i = 0; i < guest->part_count; i++)
        if (saved->parts[i] != NULL)
            memcpy(guest->region + (guest->parts[i].address - GUEST_REGION), saved->parts[i],
                   guest->parts[i].bytes);
    drop(guest->ram, guest->image->ram_bytes);
    sim_pages_load(&saved->ram, guest->ram);
}

void sim_guest_forget(struct sim_guest_saved *saved)
{
    if (saved == NULL)
        return;
    for (unsigned i = 0; i < SIM_GUEST_PARTS_MAX; i++)
        free(saved->parts[i]);
    sim_pages_free(&saved->ram);
    free(saved);
}
