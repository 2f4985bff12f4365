/* mk_pe.h: a module in memory as a loader leaves it: headers, code, exports, debug directory, unwind table.
 * Private to the image builder. */
#ifndef MK_PE_H
#define MK_PE_H

#include "sim/kernel/mk_code.h"

/* Section by section, each from its own page on. */
enum { MK_PE_TEXT = 0x1000, MK_PE_RDATA = 0x2000, MK_PE_PDATA = 0x3000, MK_PE_DATA = 0x4000 };

struct mk_export {
    const char *name;
    uint32_t rva;
};

struct mk_pe {
    const char *name;     /* file name, in the export directory */
    const char *pdb_name; /* in the debug directory */
    uint64_t base;
    uint32_t size_bytes; /* SizeOfImage; .data ends there */
    uint32_t checksum;
    uint32_t timestamp;
    uint64_t page_flags; /* of the pages it is mapped with */
    bool is_dll;
    bool is_user;
    const struct mk_code *code;
    const struct mk_export *exports; /* sorted by name */
    uint32_t export_count;
};

/* Maps size_bytes of fresh pages at base and writes the module there. */
void mk_pe_build(struct mk_builder *builder, const struct mk_pe *pe);

#endif
