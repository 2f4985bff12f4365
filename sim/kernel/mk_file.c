/* mk_file.c: a file on the debugger's side, read into the pool or written from it (kd-protocol.md 4.7).
 *
 * What NT does for .kdfiles when it loads a driver: create, reads of as much as a packet holds, close.
 * Refused, or with nobody there, it goes on without. */
#include "sim/kernel/mk_state.h"

enum { FILE_CREATE = 0x3430, FILE_READ, FILE_WRITE, FILE_CLOSE };

/* Fields of the header; what create and the others keep at the same place have two names. */
enum {
    FILE_STATUS = 4,
    FILE_ACCESS = 8,
    FILE_HANDLE = 8,
    FILE_SHARE = 16,
    FILE_OFFSET = 16,
    FILE_DISPOSITION = 20,
    FILE_OPTIONS = 24,
    FILE_LENGTH = 24,
    FILE_NEW_HANDLE = 32,
    FILE_SIZE = 40,
    FILE_BYTES_MAX = KD_BODY_BYTES_MAX - KD_FILE_IO_BYTES, /* 3936 */
};

/* It is built anew whenever it is sent: an answer that came to nothing may have overwritten it. */
struct question {
    uint32_t api;
    bool writes;      /* create: for writing */
    const char *name; /* create */
    uint64_t handle;  /* the others */
    uint32_t offset;  /* read, write: in the file as in the pool */
    uint32_t length;
};

/* As in vector F08; to write is to replace. Returns the bytes of the name. */
static uint32_t put_create(struct mk_state *state, const struct question *question)
{
    enum { OPEN = 1, OVERWRITE_IF = 5, SHARE_READ = 1, NOT_A_DIRECTORY_SYNCHRONOUS = 0x60 };
    const uint32_t read_access = 0x80100080u, write_access = 0x40100080u;
    uint32_t name_bytes = 0;
    kd_store_u32(state->file + FILE_ACCESS, question->writes ? write_access : read_access);
    kd_store_u32(state->file + FILE_SHARE, SHARE_READ);
    kd_store_u32(state->file + FILE_DISPOSITION, question->writes ? OVERWRITE_IF : OPEN);
    kd_store_u32(state->file + FILE_OPTIONS, NOT_A_DIRECTORY_SYNCHRONOUS);
    for (const char *at = question->name; *at != 0 && name_bytes < 2 * MK_TEXT_BYTES; at++, name_bytes += 2)
        kd_store_u16(state->data + name_bytes, (uint8_t)*at);
    return name_bytes;
}

/* Returns the bytes that go with it. */
static uint32_t put_transfer(struct mk_state *state, const struct question *question)
{
    kd_store_u64(state->file + FILE_HANDLE, question->handle);
    kd_store_u64(state->file + FILE_OFFSET, question->offset);
    kd_store_u32(state->file + FILE_LENGTH, question->length);
    if (question->api != FILE_WRITE)
        return 0;
    return mk_read(state, state->map->pool + question->offset, state->data, question->length);
}

static void send_question(struct mk_state *state, const struct question *question)
{
    kd_fill(state->file, 0, sizeof state->file);
    kd_store_u32(state->file, question->api);
    uint32_t data_bytes =
        question->api == FILE_CREATE ? put_create(state, question) : put_transfer(state, question);
    struct kd_string header = {.Length = KD_FILE_IO_BYTES, .Buffer = state->file};
    struct kd_string data = {.Length = (uint16_t)data_bytes, .Buffer = state->data};
    mk_send(state, KD_TYPE_FILE_IO, &header, data_bytes > 0 ? &data : NULL);
}

/* Returns the answer's status; its header is in state->file, its data in state->data. A debugger that stays
 * silent blocks the machine; only create is given up when nobody is there. */
static uint32_t ask(struct mk_state *state, const struct question *question, uint32_t *answer_bytes)
{
    uint32_t status = KD_RESEND;
    mk_module_save(false);
    while (status != KD_RECEIVED && !state->not_present) {
        struct kd_string answer = {.MaximumLength = KD_FILE_IO_BYTES, .Buffer = state->file};
        if (status == KD_RESEND)
            send_question(state, question);
        if (!state->not_present)
            status = mk_receive(state, KD_TYPE_FILE_IO, &answer, answer_bytes);
    }
    mk_module_restore(false);
    if (status != KD_RECEIVED || kd_load_u32(state->file) != question->api)
        return MK_UNSUCCESSFUL;
    return kd_load_u32(state->file + FILE_STATUS);
}

static uint32_t create(struct mk_state *state, const char *name, bool writes, uint64_t *handle,
                       uint64_t *size)
{
    const struct question question = {.api = FILE_CREATE, .name = name, .writes = writes};
    uint32_t ignored = 0;
    uint32_t status = ask(state, &question, &ignored);
    *handle = kd_load_u64(state->file + FILE_NEW_HANDLE);
    *size = kd_load_u64(state->file + FILE_SIZE);
    return status;
}

/* Packet by packet, as long as each brings something. Returns the status of the last one. */
static uint32_t transfer(struct mk_state *state, uint32_t api, uint64_t handle, uint64_t size, uint32_t *done)
{
    uint32_t status = MK_SUCCESS, moved = 1;
    uint32_t whole = size < state->map->pool_bytes ? (uint32_t)size : (uint32_t)state->map->pool_bytes;
    while (status == MK_SUCCESS && moved > 0 && *done < whole) {
        struct question question = {.api = api, .handle = handle, .offset = *done};
        uint32_t answer_bytes = 0;
        question.length = mk_min(whole - *done, FILE_BYTES_MAX);
        status = ask(state, &question, &answer_bytes);
        moved =
            mk_min(api == FILE_READ ? answer_bytes : kd_load_u32(state->file + FILE_LENGTH), question.length);
        if (status != MK_SUCCESS)
            break;
        if (api == FILE_READ)
            moved = mk_write(state, state->map->pool + *done, state->data, moved);
        *done += moved;
    }
    return status;
}

/* "file: 0x00001234 bytes, status 0x00000000\n" */
static void tell(struct mk_state *state, uint32_t done, uint32_t status)
{
    char *line = mk_line(state);
    uint32_t length = mk_text(line, "file: ");
    length += mk_text_hex(line + length, done, 8);
    length += mk_text(line + length, " bytes, status ");
    length += mk_text_hex(line + length, status, 8);
    length += mk_text(line + length, "\n");
    mk_print(state, line, length);
}

/* Create, transfers, close: bytes is how much to write, ignored when reading. */
static void converse(struct mk_state *state, const char *name, uint32_t api, uint32_t bytes)
{
    uint64_t handle, size;
    uint32_t done = 0, ignored = 0;
    if (!state->enabled || state->not_present)
        return;
    uint32_t status = create(state, name, api == FILE_WRITE, &handle, &size);
    if (status == MK_SUCCESS) {
        status = transfer(state, api, handle, api == FILE_WRITE ? bytes : size, &done);
        const struct question close = {.api = FILE_CLOSE, .handle = handle};
        (void)ask(state, &close, &ignored);
    }
    tell(state, done, status);
}

void mk_file_read(struct mk_state *state, const char *name)
{
    converse(state, name, FILE_READ, 0);
}

void mk_file_write(struct mk_state *state, const char *name, uint32_t bytes)
{
    converse(state, name, FILE_WRITE, bytes);
}
