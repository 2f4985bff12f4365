/* mk_pe.c: PE32 and PE32+ images (Microsoft's public PE/COFF specification). */
#include "sim/kernel/mk_pe.h"
#include "transport/kd/kd_bytes.h"
#include <string.h>

enum {
    E_LFANEW = 0x80,
    COFF = E_LFANEW + 4,
    OPTIONAL = COFF + 20,
    SECTION_BYTES = 40,
    HEADERS_BYTES = 0x400,
    DIRECTORY_EXPORT = 0,
    DIRECTORY_EXCEPTION = 3,
    DIRECTORY_DEBUG = 6,
    EXPORT_DIRECTORY_BYTES = 40,
    DEBUG_DIRECTORY_BYTES = 28,
    RUNTIME_FUNCTION_BYTES = 12,
};

/* Where PE32 and PE32+ differ. Offsets in the optional header. */
struct format {
    uint16_t magic;
    uint16_t optional_bytes;
    uint16_t characteristics;
    uint8_t image_base;      /* of the machine's width */
    uint8_t directory_count; /* the directories follow it */
};

static const struct format formats[] = {
    {.magic = 0x20B,
     .optional_bytes = 0xF0,
     .characteristics = 0x0022,
     .image_base = 24,
     .directory_count = 108},
    {.magic = 0x10B,
     .optional_bytes = 0xE0,
     .characteristics = 0x0102,
     .image_base = 28,
     .directory_count = 92},
};

struct section {
    const char *name;
    uint32_t rva, end_rva, characteristics;
};

/* A module being written: where in .rdata the next item goes. */
struct writer {
    const struct mk_builder *builder;
    const struct mk_pe *pe;
    const struct format *format;
    uint32_t rdata;
};

static void put_32(const struct writer *writer, uint32_t rva, uint32_t value)
{
    mk_put_32(writer->builder, writer->pe->base + rva, value);
}

static void put_16(const struct writer *writer, uint32_t rva, uint16_t value)
{
    mk_put_16(writer->builder, writer->pe->base + rva, value);
}

static void put_bytes(const struct writer *writer, uint32_t rva, const void *bytes, size_t len_bytes)
{
    mk_put_bytes(writer->builder, writer->pe->base + rva, bytes, len_bytes);
}

static uint32_t take_rdata(struct writer *writer, uint32_t bytes)
{
    uint32_t rva = (writer->rdata + 3u) & ~3u;
    writer->rdata = rva + bytes;
    return rva;
}

static uint32_t put_name(struct writer *writer, const char *name)
{
    uint32_t bytes = (uint32_t)strlen(name) + 1;
    uint32_t rva = take_rdata(writer, bytes);
    put_bytes(writer, rva, name, bytes);
    return rva;
}

static void put_directory(const struct writer *writer, uint32_t index, uint32_t rva, uint32_t bytes)
{
    uint32_t at = OPTIONAL + writer->format->directory_count + 4u + 8 * index;
    put_32(writer, at, rva);
    put_32(writer, at + 4, bytes);
}

/* ---- headers ------------------------------------------------------------------------------------------- */

static void put_file_header(const struct writer *writer, uint16_t section_count)
{
    enum { DLL = 0x2000 };
    const struct mk_pe *pe = writer->pe;
    put_bytes(writer, 0, "MZ\x90\0\3\0\0\0\4\0\0\0\xFF\xFF", 14);
    put_32(writer, 0x3C, E_LFANEW);
    put_bytes(writer, E_LFANEW, "PE\0", 4);
    put_16(writer, COFF, writer->builder->layout->version.machine);
    put_16(writer, COFF + 2, section_count);
    put_32(writer, COFF + 4, pe->timestamp);
    put_16(writer, COFF + 16, writer->format->optional_bytes);
    put_16(writer, COFF + 18, (uint16_t)(writer->format->characteristics | (pe->is_dll ? DLL : 0)));
}

static void put_optional_header(const struct writer *writer)
{
    enum { SUBSYSTEM_NATIVE = 1, SUBSYSTEM_CONSOLE = 3, DIRECTORY_COUNT = 16, STACK_AND_HEAP = 72 };
    const struct mk_pe *pe = writer->pe;
    const uint64_t optional = pe->base + OPTIONAL;
    const struct mk_version_layout *version = &writer->builder->layout->version;
    put_16(writer, OPTIONAL, writer->format->magic);
    put_16(writer, OPTIONAL + 2, 9); /* linker 9.0, as of the time */
    put_32(writer, OPTIONAL + 4, MK_PE_RDATA - MK_PE_TEXT);
    put_32(writer, OPTIONAL + 8, pe->size_bytes - MK_PE_RDATA);
    put_32(writer, OPTIONAL + 16, MK_PE_TEXT + pe->code->functions[pe->code->function_count - 1].first);
    put_32(writer, OPTIONAL + 20, MK_PE_TEXT);
    mk_put_pointer(writer->builder, optional + writer->format->image_base, pe->base);
    put_32(writer, OPTIONAL + 32, MK_PAGE_BYTES); /* section alignment, in memory and in the file */
    put_32(writer, OPTIONAL + 36, 0x200);
    for (uint32_t at = 40; at <= 48; at += 4)
        put_32(writer, OPTIONAL + at, version->nt_major | (uint32_t)version->nt_minor << 16);
    put_32(writer, OPTIONAL + 56, pe->size_bytes);
    put_32(writer, OPTIONAL + 60, HEADERS_BYTES);
    put_32(writer, OPTIONAL + 64, pe->checksum);
    put_16(writer, OPTIONAL + 68, pe->is_user ? SUBSYSTEM_CONSOLE : SUBSYSTEM_NATIVE);
    static const uint32_t stack_and_heap[] = {0x40000, 0x1000, 0x100000, 0x1000};
    for (uint32_t i = 0; i < 4; i++)
        mk_put_pointer(writer->builder,
                       optional + STACK_AND_HEAP + i * writer->builder->layout->pointer_bytes,
                       stack_and_heap[i]);
    put_32(writer, OPTIONAL + writer->format->directory_count, DIRECTORY_COUNT);
}

/* A module without unwind table has no .pdata: what there would be belongs to .rdata. */
static void put_sections(const struct writer *writer)
{
    const bool has_pdata = writer->builder->layout->unwind_table;
    const struct section sections[] = {
        {".text", MK_PE_TEXT, MK_PE_RDATA, 0x68000020},
        {".rdata", MK_PE_RDATA, has_pdata ? MK_PE_PDATA : MK_PE_DATA, 0x48000040},
        {".pdata", MK_PE_PDATA, has_pdata ? MK_PE_DATA : MK_PE_PDATA, 0x48000040},
        {".data", MK_PE_DATA, writer->pe->size_bytes, 0xC8000040},
    };
    uint32_t count = 0;
    for (uint32_t i = 0; i < sizeof sections / sizeof sections[0]; i++) {
        const struct section *section = &sections[i];
        uint32_t bytes = section->end_rva - section->rva;
        uint32_t at = OPTIONAL + writer->format->optional_bytes + count * (uint32_t)SECTION_BYTES;
        if (bytes == 0)
            continue;
        count++;
        put_bytes(writer, at, section->name, strlen(section->name));
        put_32(writer, at + 8, bytes);
        put_32(writer, at + 12, section->rva);
        put_32(writer, at + 16, bytes);
        put_32(writer, at + 20, section->rva - MK_PE_TEXT + HEADERS_BYTES);
        put_32(writer, at + 36, section->characteristics);
    }
    put_file_header(writer, (uint16_t)count);
}

/* ---- directories --------------------------------------------------------------------------------------- */

static void put_exports(struct writer *writer)
{
    const struct mk_pe *pe = writer->pe;
    uint32_t count = pe->export_count;
    uint32_t directory = take_rdata(writer, EXPORT_DIRECTORY_BYTES);
    uint32_t functions = take_rdata(writer, 4 * count), names = take_rdata(writer, 4 * count);
    uint32_t ordinals = take_rdata(writer, 2 * count);
    put_32(writer, directory + 4, pe->timestamp);
    put_32(writer, directory + 12, put_name(writer, pe->name));
    const uint32_t fields[] = {1, count, count, functions, names, ordinals};
    for (uint32_t i = 0; i < 6; i++)
        put_32(writer, directory + 16 + 4 * i, fields[i]);
    for (uint32_t i = 0; i < count; i++) {
        put_32(writer, functions + 4 * i, pe->exports[i].rva);
        put_32(writer, names + 4 * i, put_name(writer, pe->exports[i].name));
        put_16(writer, ordinals + 2 * i, (uint16_t)i);
    }
    put_directory(writer, DIRECTORY_EXPORT, directory, writer->rdata - directory);
}

/* CodeView: RSDS, a GUID, the age, the name of the symbol file. The GUID is nobody's: made from the
 * timestamp. */
static void put_debug(struct writer *writer)
{
    enum { TYPE_CODEVIEW = 2, GUID_BYTES = 16, CODEVIEW_FIXED_BYTES = 24, AGE = 2 };
    const struct mk_pe *pe = writer->pe;
    uint32_t name_bytes = (uint32_t)strlen(pe->pdb_name) + 1;
    uint32_t directory = take_rdata(writer, DEBUG_DIRECTORY_BYTES);
    uint32_t codeview = take_rdata(writer, CODEVIEW_FIXED_BYTES + name_bytes);
    put_bytes(writer, codeview, "RSDS", 4);
    for (uint32_t i = 0; i < GUID_BYTES / 4; i++)
        put_32(writer, codeview + 4 + 4 * i, pe->timestamp * (2654435761u + 2 * i));
    put_32(writer, codeview + 20, AGE);
    put_bytes(writer, codeview + CODEVIEW_FIXED_BYTES, pe->pdb_name, name_bytes);
    put_32(writer, directory + 4, pe->timestamp);
    put_32(writer, directory + 12, TYPE_CODEVIEW);
    put_32(writer, directory + 16, CODEVIEW_FIXED_BYTES + name_bytes);
    put_32(writer, directory + 20, codeview);
    put_32(writer, directory + 24, codeview - MK_PE_TEXT + HEADERS_BYTES);
    put_directory(writer, DIRECTORY_DEBUG, directory, DEBUG_DIRECTORY_BYTES);
}

static uint32_t put_unwind_info(struct writer *writer, const struct mk_function *function)
{
    enum { VERSION = 1, FIXED_BYTES = 4 };
    uint32_t rva = take_rdata(writer, FIXED_BYTES + 2u * ((function->code_count + 1u) & ~1u));
    const uint8_t fixed[FIXED_BYTES] = {VERSION, function->prolog_bytes, function->code_count, 0};
    put_bytes(writer, rva, fixed, sizeof fixed);
    for (uint32_t i = 0; i < function->code_count; i++) {
        const uint8_t code[2] = {function->codes[i].offset, function->codes[i].operation};
        put_bytes(writer, rva + FIXED_BYTES + 2 * i, code, sizeof code);
    }
    return rva;
}

static void put_unwind_table(struct writer *writer)
{
    const struct mk_code *code = writer->pe->code;
    uint32_t at = MK_PE_PDATA;
    for (uint32_t i = 0; i < code->function_count; i++) {
        const struct mk_function *function = &code->functions[i];
        if (function->code_count == 0)
            continue;
        put_32(writer, at, MK_PE_TEXT + function->first);
        put_32(writer, at + 4, MK_PE_TEXT + function->end);
        put_32(writer, at + 8, put_unwind_info(writer, function));
        at += RUNTIME_FUNCTION_BYTES;
    }
    put_directory(writer, DIRECTORY_EXCEPTION, MK_PE_PDATA, at - MK_PE_PDATA);
}

void mk_pe_build(struct mk_builder *builder, const struct mk_pe *pe)
{
    struct writer writer = {.builder = builder,
                            .pe = pe,
                            .format = &formats[builder->layout->pointer_bytes == 8 ? 0 : 1],
                            .rdata = MK_PE_RDATA};
    mk_region(builder, pe->base, pe->size_bytes, pe->page_flags, pe->name);
    memset(mk_at(builder, pe->base + MK_PE_TEXT, MK_PAGE_BYTES), 0xCC, MK_PAGE_BYTES);
    put_bytes(&writer, MK_PE_TEXT, pe->code->bytes, pe->code->len_bytes);
    put_optional_header(&writer);
    put_sections(&writer);
    put_exports(&writer);
    put_debug(&writer);
    if (builder->layout->unwind_table)
        put_unwind_table(&writer);
}
