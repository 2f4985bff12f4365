/* Register blocks by name: CONTEXT (kd-protocol.md 4.10) and KSPECIAL_REGISTERS (4.9). */
#include "harness/dbg/dbg_api.h"
#include "harness/dbg/dbg_bytes.h"
#include <string.h>

static const struct dbg_field context_x64[] = {
    {"p1home", 0x00, 8}, {"p2home", 0x08, 8}, {"p3home", 0x10, 8}, {"p4home", 0x18, 8}, {"p5home", 0x20, 8},
    {"p6home", 0x28, 8}, {"flags", 0x30, 4},  {"mxcsr", 0x34, 4},  {"cs", 0x38, 2},     {"ds", 0x3A, 2},
    {"es", 0x3C, 2},     {"fs", 0x3E, 2},     {"gs", 0x40, 2},     {"ss", 0x42, 2},     {"eflags", 0x44, 4},
    {"dr0", 0x48, 8},    {"dr1", 0x50, 8},    {"dr2", 0x58, 8},    {"dr3", 0x60, 8},    {"dr6", 0x68, 8},
    {"dr7", 0x70, 8},    {"rax", 0x78, 8},    {"rcx", 0x80, 8},    {"rdx", 0x88, 8},    {"rbx", 0x90, 8},
    {"rsp", 0x98, 8},    {"rbp", 0xA0, 8},    {"rsi", 0xA8, 8},    {"rdi", 0xB0, 8},    {"r8", 0xB8, 8},
    {"r9", 0xC0, 8},     {"r10", 0xC8, 8},    {"r11", 0xD0, 8},    {"r12", 0xD8, 8},    {"r13", 0xE0, 8},
    {"r14", 0xE8, 8},    {"r15", 0xF0, 8},    {"rip", 0xF8, 8},
};

static const struct dbg_field context_x86[] = {
    {"flags", 0x00, 4},  {"dr0", 0x04, 4}, {"dr1", 0x08, 4}, {"dr2", 0x0C, 4}, {"dr3", 0x10, 4},
    {"dr6", 0x14, 4},    {"dr7", 0x18, 4}, {"gs", 0x8C, 4},  {"fs", 0x90, 4},  {"es", 0x94, 4},
    {"ds", 0x98, 4},     {"edi", 0x9C, 4}, {"esi", 0xA0, 4}, {"ebx", 0xA4, 4}, {"edx", 0xA8, 4},
    {"ecx", 0xAC, 4},    {"eax", 0xB0, 4}, {"ebp", 0xB4, 4}, {"eip", 0xB8, 4}, {"cs", 0xBC, 4},
    {"eflags", 0xC0, 4}, {"esp", 0xC4, 4}, {"ss", 0xC8, 4},
};

static const struct dbg_field special_x64[] = {
    {"cr0", 0x00, 8},          {"cr2", 0x08, 8},           {"cr3", 0x10, 8},        {"cr4", 0x18, 8},
    {"dr0", 0x20, 8},          {"dr1", 0x28, 8},           {"dr2", 0x30, 8},        {"dr3", 0x38, 8},
    {"dr6", 0x40, 8},          {"dr7", 0x48, 8},           {"gdtr_limit", 0x56, 2}, {"gdtr_base", 0x58, 8},
    {"idtr_limit", 0x66, 2},   {"idtr_base", 0x68, 8},     {"tr", 0x70, 2},         {"ldtr", 0x72, 2},
    {"mxcsr", 0x74, 4},        {"debug_control", 0x78, 8}, {"cr8", 0xA0, 8},        {"gs_base", 0xA8, 8},
    {"gs_swap", 0xB0, 8},      {"star", 0xB8, 8},          {"lstar", 0xC0, 8},      {"cstar", 0xC8, 8},
    {"syscall_mask", 0xD0, 8}, {"xcr0", 0xD8, 8},
};

static const struct dbg_field special_x86[] = {
    {"cr0", 0x00, 4},        {"cr2", 0x04, 4},       {"cr3", 0x08, 4},        {"cr4", 0x0C, 4},
    {"dr0", 0x10, 4},        {"dr1", 0x14, 4},       {"dr2", 0x18, 4},        {"dr3", 0x1C, 4},
    {"dr6", 0x20, 4},        {"dr7", 0x24, 4},       {"gdtr_limit", 0x2A, 2}, {"gdtr_base", 0x2C, 4},
    {"idtr_limit", 0x32, 2}, {"idtr_base", 0x34, 4}, {"tr", 0x38, 2},         {"ldtr", 0x3A, 2},
};

#define DBG_TABLE(table) table, sizeof table / sizeof *table
static const struct {
    const struct dbg_field *fields;
    unsigned count;
} contexts[] = {[DBG_X64] = {DBG_TABLE(context_x64)}, [DBG_X86] = {DBG_TABLE(context_x86)}},
  specials[] = {[DBG_X64] = {DBG_TABLE(special_x64)}, [DBG_X86] = {DBG_TABLE(special_x86)}};

const struct dbg_field *dbg_context_fields(enum dbg_arch arch, unsigned *count)
{
    *count = contexts[arch].count;
    return contexts[arch].fields;
}

const struct dbg_field *dbg_special_fields(enum dbg_arch arch, unsigned *count)
{
    *count = specials[arch].count;
    return specials[arch].fields;
}

uint32_t dbg_context_bytes(enum dbg_arch arch)
{
    return arch == DBG_X86 ? DBG_CONTEXT_BYTES_X86 : DBG_CONTEXT_BYTES_X64;
}

static enum kd_status find_inside(const struct dbg_field *fields, unsigned count, const char *name,
                                  size_t block_bytes, const struct dbg_field **field)
{
    for (unsigned i = 0; i < count; i++) {
        if (strcmp(fields[i].name, name) == 0) {
            *field = &fields[i];
            return fields[i].offset + fields[i].bytes <= block_bytes ? KD_OK : KD_ERR_BAD_MESSAGE;
        }
    }
    return KD_ERR_ARGUMENT;
}

enum kd_status dbg_field_get(const struct dbg_field *fields, unsigned count, const char *name,
                             const uint8_t *block, size_t block_bytes, uint64_t *value)
{
    const struct dbg_field *field = NULL;
    enum kd_status status = find_inside(fields, count, name, block_bytes, &field);
    if (status == KD_OK)
        *value = dbg_get(block + field->offset, field->bytes);
    return status;
}

enum kd_status dbg_field_set(const struct dbg_field *fields, unsigned count, const char *name, uint8_t *block,
                             size_t block_bytes, uint64_t value)
{
    const struct dbg_field *field = NULL;
    enum kd_status status = find_inside(fields, count, name, block_bytes, &field);
    if (status == KD_OK)
        dbg_put(block + field->offset, field->bytes, value);
    return status;
}
