/* What a target says by itself: state changes, prints and prompts, file requests
 * (kd-protocol.md 4.1, 4.6, 4.7). */
#include "harness/dbg/dbg_api.h"
#include "harness/dbg/dbg_bytes.h"
#include <string.h>

enum { PARAMETERS_MAX = 15, INSTRUCTIONS_MAX = 16, ALTERNATE_SOURCE = 0x10000 };

/* The control report lies at the same place on both architectures, its fields do not. */
static const struct report_layout {
    uint32_t dr6, dr7, register_bytes, eflags, count, flags, instructions, segments;
} reports[] = {
    [DBG_X64] = {192, 200, 8, 208, 212, 214, 216, 232},
    [DBG_X86] = {192, 196, 4, 228, 200, 202, 204, 220},
};

static enum kd_status read_report(enum dbg_arch arch, const uint8_t *body, struct dbg_control_report *report)
{
    const struct report_layout *at = &reports[arch];
    report->dr6 = dbg_get(body + at->dr6, at->register_bytes);
    report->dr7 = dbg_get(body + at->dr7, at->register_bytes);
    report->eflags = dbg_get32(body + at->eflags);
    report->flags = dbg_get16(body + at->flags);
    report->instruction_bytes = dbg_get16(body + at->count);
    if (report->instruction_bytes > INSTRUCTIONS_MAX)
        return KD_ERR_BAD_MESSAGE;
    memcpy(report->instructions, body + at->instructions, INSTRUCTIONS_MAX);
    report->cs = dbg_get16(body + at->segments);
    report->ds = dbg_get16(body + at->segments + 2);
    report->es = dbg_get16(body + at->segments + 4);
    report->fs = dbg_get16(body + at->segments + 6);
    return KD_OK;
}

static enum kd_status read_exception(const uint8_t *body, struct dbg_state_change *change)
{
    change->code = dbg_get32(body + 32);
    change->exception_flags = dbg_get32(body + 36);
    change->exception_address = dbg_get(body + 48, 8);
    change->parameters = dbg_get32(body + 56);
    if (change->parameters > PARAMETERS_MAX)
        return KD_ERR_BAD_MESSAGE;
    for (unsigned i = 0; i < PARAMETERS_MAX; i++)
        change->parameter[i] = dbg_get(body + 64 + 8 * (size_t)i, 8);
    change->first_chance = dbg_get32(body + 184) != 0;
    return KD_OK;
}

/* The path is said to be PathNameLength long, its NUL included; it must be all the data and end with that
 * NUL. */
static enum kd_status read_symbols(const uint8_t *body, uint32_t body_bytes, struct dbg_state_change *change)
{
    uint32_t path_bytes = dbg_get32(body + 32);
    change->base = dbg_get(body + 40, 8);
    change->process = dbg_get(body + 48, 8);
    change->checksum = dbg_get32(body + 56);
    change->size_bytes = dbg_get32(body + 60);
    change->unload = body[64] != 0;
    change->going_down = change->unload && change->base == UINT64_MAX && path_bytes == 0;
    change->path = (const char *)body + DBG_STATE_CHANGE_BYTES;
    if (path_bytes != body_bytes - DBG_STATE_CHANGE_BYTES)
        return KD_ERR_BAD_MESSAGE;
    if (path_bytes == 0)
        return KD_OK;
    change->path_bytes = path_bytes - 1;
    return change->path[change->path_bytes] == '\0' ? KD_OK : KD_ERR_BAD_MESSAGE;
}

enum kd_status dbg_api_state_change(enum dbg_arch arch, const uint8_t *body, uint32_t body_bytes,
                                    struct dbg_state_change *change)
{
    if (body_bytes < DBG_STATE_CHANGE_BYTES)
        return KD_ERR_BAD_MESSAGE;
    uint32_t state = dbg_get32(body);
    *change = (struct dbg_state_change){.state = state & ~(uint32_t)ALTERNATE_SOURCE,
                                        .alternate = state & ALTERNATE_SOURCE,
                                        .level = dbg_get16(body + 4),
                                        .cpu = dbg_get16(body + 6),
                                        .processors = dbg_get32(body + 8),
                                        .thread = dbg_get(body + 16, 8),
                                        .pc = dbg_get(body + 24, 8)};
    enum kd_status status = read_report(arch, body, &change->control);
    if (status != KD_OK)
        return status;
    switch (change->state) {
    case DBG_STATE_EXCEPTION:
        return read_exception(body, change);
    case DBG_STATE_LOAD_SYMBOLS:
        return read_symbols(body, body_bytes, change);
    case DBG_STATE_COMMAND_STRING:
        return KD_OK;
    default:
        return KD_ERR_BAD_MESSAGE;
    }
}

enum kd_status dbg_api_debug_io(const uint8_t *body, uint32_t body_bytes, struct dbg_debug_io *io)
{
    if (body_bytes < DBG_DEBUG_IO_BYTES)
        return KD_ERR_BAD_MESSAGE;
    *io = (struct dbg_debug_io){.api = dbg_get32(body),
                                .cpu = dbg_get16(body + 6),
                                .text = (const char *)body + DBG_DEBUG_IO_BYTES,
                                .text_bytes = dbg_get32(body + 8)};
    bool prompt = io->api == DBG_IO_PROMPT;
    if (prompt)
        io->room = dbg_get32(body + 12);
    bool whole = io->text_bytes == body_bytes - DBG_DEBUG_IO_BYTES;
    return whole && (prompt || io->api == DBG_IO_PRINT) ? KD_OK : KD_ERR_BAD_MESSAGE;
}

static void begin_answer(struct dbg_request *answer, const uint8_t *header, uint32_t header_bytes)
{
    answer->body_bytes = header_bytes;
    memcpy(answer->body, header, header_bytes);
}

enum kd_status dbg_api_prompt_answer(struct dbg_request *answer, const uint8_t *prompt, uint32_t prompt_bytes,
                                     const char *text, size_t text_bytes)
{
    struct dbg_debug_io io;
    if (dbg_api_debug_io(prompt, prompt_bytes, &io) != KD_OK || io.api != DBG_IO_PROMPT)
        return KD_ERR_BAD_MESSAGE;
    begin_answer(answer, prompt, DBG_DEBUG_IO_BYTES);
    dbg_put(answer->body + 12, 4, text_bytes);
    return dbg_api_append(answer, (const uint8_t *)text, text_bytes);
}

enum kd_status dbg_api_file_refusal(struct dbg_request *answer, const uint8_t *body, uint32_t body_bytes,
                                    uint32_t status)
{
    if (body_bytes < DBG_FILE_IO_BYTES)
        return KD_ERR_BAD_MESSAGE;
    begin_answer(answer, body, DBG_FILE_IO_BYTES);
    dbg_put(answer->body + 4, 4, status);
    return KD_OK;
}

enum {
    FILE_HANDLE = 8,
    FILE_OFFSET = 16,
    FILE_DISPOSITION = 20,
    FILE_LENGTH = 24,
    FILE_NEW_HANDLE = 32,
    FILE_SIZE = 40
};

enum kd_status dbg_api_file(const uint8_t *body, uint32_t body_bytes, struct dbg_file *file)
{
    if (body_bytes < DBG_FILE_IO_BYTES)
        return KD_ERR_BAD_MESSAGE;
    *file = (struct dbg_file){.api = dbg_get32(body),
                              .data = body + DBG_FILE_IO_BYTES,
                              .data_bytes = body_bytes - DBG_FILE_IO_BYTES};
    if (file->api == DBG_FILE_CREATE) {
        file->access = dbg_get32(body + FILE_HANDLE);
        file->disposition = dbg_get32(body + FILE_DISPOSITION);
    } else {
        file->handle = dbg_get(body + FILE_HANDLE, 8);
        file->offset = dbg_get(body + FILE_OFFSET, 8);
        file->length = dbg_get32(body + FILE_LENGTH);
    }
    return file->api >= DBG_FILE_CREATE && file->api <= DBG_FILE_CLOSE ? KD_OK : KD_ERR_BAD_MESSAGE;
}

enum kd_status dbg_api_file_opened(struct dbg_request *answer, const uint8_t *body, uint32_t body_bytes,
                                   uint64_t handle, uint64_t size)
{
    enum kd_status status = dbg_api_file_refusal(answer, body, body_bytes, DBG_STATUS_SUCCESS);
    if (status != KD_OK)
        return status;
    dbg_put(answer->body + FILE_NEW_HANDLE, 8, handle);
    dbg_put(answer->body + FILE_SIZE, 8, size);
    return KD_OK;
}

enum kd_status dbg_api_file_done(struct dbg_request *answer, const uint8_t *body, uint32_t body_bytes,
                                 uint32_t done)
{
    enum kd_status status = dbg_api_file_refusal(answer, body, body_bytes, DBG_STATUS_SUCCESS);
    if (status == KD_OK)
        dbg_put(answer->body + FILE_LENGTH, 4, done);
    return status;
}
