/* guest_pe.h: maps a PE image from its file's bytes as a boot loader does: headers and sections, relocations,
 * imports; and finds exports in what was mapped. Freestanding, for PE32 (x86) and PE32+ (x64); the guest
 * image uses it for the DLL under test, the host for the guest image.
 *
 * Nothing in the file is trusted: every offset and count is checked before it is used, loops end with the
 * file, and what cannot be loaded is refused with a reason. Delay imports, TLS and the entry point are
 * ignored, as by the boot loader. Tests: tests/test_guest_pe.c */
#ifndef GUEST_PE_H
#define GUEST_PE_H

#include <stdbool.h>
#include <stdint.h>

enum { GUEST_PE_WHY_BYTES = 192 };
enum { GUEST_PE_X64 = 0x8664, GUEST_PE_X86 = 0x014C };

/* The address of an import; 0: the kernel does not export it. library and name are NUL-terminated. */
typedef uint64_t guest_pe_resolve_fn(void *context, const char *library, const char *name);

struct guest_pe {
    /* in */
    const uint8_t *file;
    uint32_t file_bytes;
    uint8_t *image;               /* page-aligned room for the mapped image */
    uint32_t image_room;          /* bytes */
    uint64_t base;                /* the address that image has in the guest */
    uint16_t machine;             /* GUEST_PE_X64 or GUEST_PE_X86 */
    guest_pe_resolve_fn *resolve; /* NULL: an import is refused */
    void *context;
    /* out */
    uint32_t image_bytes; /* SizeOfImage */
    uint32_t entry;       /* offset of the entry point */
    char why[GUEST_PE_WHY_BYTES];
    /* private */
    uint32_t optional, directories, sections, section_count;
};

/* Returns  true: mapped; false: why says the reason, and the room's contents are undefined */
bool guest_pe_load(struct guest_pe *pe);

/* For an image that somebody else has loaded from the same file: reads the headers alone.
 * Returns  as guest_pe_load */
bool guest_pe_read(struct guest_pe *pe);

/* For an image that was loaded: the offset of an exported function or variable; 0: not exported, or only
 * forwarded. */
uint32_t guest_pe_export(const struct guest_pe *pe, const char *name);

/* The sections of an image that was loaded, in ascending order. */
struct guest_pe_section {
    char name[9];
    uint32_t offset;
    uint32_t bytes; /* as mapped */
    bool read, write, execute;
};
bool guest_pe_section(const struct guest_pe *pe, uint32_t index, struct guest_pe_section *section);

#endif
