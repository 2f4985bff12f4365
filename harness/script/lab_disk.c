/* See lab_disk.h. */
#include "harness/script/lab_disk.h"
#include "sim/world/sim_memory.h"
#include <stdlib.h>
#include <string.h>

enum { NAME_BYTES = 256, FILE_DATA_BYTES_MAX = DBG_BODY_BYTES_MAX - DBG_FILE_IO_BYTES };

struct file {
    char name[NAME_BYTES];
    struct lab_bytes content;
    size_t room;
    bool open;
};

struct lab_disk {
    struct file *files;
    size_t count;
    size_t room;
};

struct lab_disk *lab_disk_create(void)
{
    return sim_allocate(1, sizeof(struct lab_disk));
}

void lab_disk_destroy(struct lab_disk *disk)
{
    if (disk == NULL)
        return;
    for (size_t i = 0; i < disk->count; i++)
        free(disk->files[i].content.bytes);
    free(disk->files);
    free(disk);
}

static struct file *find(const struct lab_disk *disk, const char *name)
{
    for (size_t i = 0; i < disk->count; i++)
        if (strcmp(disk->files[i].name, name) == 0)
            return &disk->files[i];
    return NULL;
}

const struct lab_bytes *lab_disk_find(const struct lab_disk *disk, const char *name)
{
    const struct file *file = find(disk, name);
    return file == NULL ? NULL : &file->content;
}

/* The file of that name, made if there is none, and empty. */
static struct file *make(struct lab_disk *disk, const char *name)
{
    struct file *file = find(disk, name);
    if (file == NULL) {
        disk->files = sim_grow(disk->files, &disk->room, disk->count + 1, sizeof *disk->files);
        file = &disk->files[disk->count++];
        *file = (struct file){0};
        strncpy(file->name, name, sizeof file->name - 1);
    }
    file->content.len_bytes = 0;
    return file;
}

/* Bytes at an offset that is not behind the end. */
static void put(struct file *file, uint32_t offset, const uint8_t *bytes, size_t len_bytes)
{
    size_t end = offset + len_bytes;
    file->content.bytes = sim_grow(file->content.bytes, &file->room, end + 1, 1);
    if (len_bytes > 0)
        memcpy(file->content.bytes + offset, bytes, len_bytes);
    if (file->content.len_bytes < end)
        file->content.len_bytes = (uint32_t)end;
}

void lab_disk_put(struct lab_disk *disk, const char *name, const uint8_t *bytes, size_t len_bytes)
{
    put(make(disk, name), 0, bytes, len_bytes);
}

/* ---- requests ---------------------------------------------------------------------------- */

struct question {
    const uint8_t *body;
    uint32_t body_bytes;
    struct dbg_file file;
};

static enum kd_status refuse(struct dbg_request *answer, const struct question *question, uint32_t status)
{
    return dbg_api_file_refusal(answer, question->body, question->body_bytes, status);
}

static enum kd_status answer_create(struct lab_disk *disk, const struct question *question,
                                    struct dbg_request *answer)
{
    char name[NAME_BYTES] = "";
    for (uint32_t i = 0; i < question->file.data_bytes / 2 && i < NAME_BYTES - 1; i++)
        name[i] = (char)question->file.data[2 * (size_t)i];
    struct file *file = find(disk, name);
    if (question->file.access & DBG_GENERIC_WRITE)
        file = make(disk, name);
    if (file == NULL)
        return refuse(answer, question, DBG_STATUS_NO_SUCH_FILE);
    file->open = true;
    uint64_t handle = (uint64_t)(file - disk->files) + 1;
    return dbg_api_file_opened(answer, question->body, question->body_bytes, handle, file->content.len_bytes);
}

static enum kd_status answer_read(struct file *file, const struct question *question,
                                  struct dbg_request *answer)
{
    uint32_t size = file->content.len_bytes, count = question->file.length;
    if (question->file.offset >= size)
        return refuse(answer, question, DBG_STATUS_END_OF_FILE);
    uint32_t offset = (uint32_t)question->file.offset;
    if (count > size - offset)
        count = size - offset;
    if (count > FILE_DATA_BYTES_MAX)
        count = FILE_DATA_BYTES_MAX;
    if (dbg_api_file_done(answer, question->body, question->body_bytes, count) != KD_OK)
        return KD_ERR_BAD_MESSAGE;
    return dbg_api_append(answer, file->content.bytes + offset, count);
}

static enum kd_status answer_write(struct file *file, const struct question *question,
                                   struct dbg_request *answer)
{
    if (question->file.offset > file->content.len_bytes)
        return refuse(answer, question, DBG_STATUS_UNSUCCESSFUL);
    put(file, (uint32_t)question->file.offset, question->file.data, question->file.data_bytes);
    return dbg_api_file_done(answer, question->body, question->body_bytes, question->file.data_bytes);
}

static enum kd_status answer_close(struct file *file, const struct question *question,
                                   struct dbg_request *answer)
{
    file->open = false;
    return refuse(answer, question, DBG_STATUS_SUCCESS);
}

enum kd_status lab_disk_answer(struct lab_disk *disk, const uint8_t *body, uint32_t body_bytes,
                               struct dbg_request *answer)
{
    static enum kd_status (*const answers[])(struct file *, const struct question *, struct dbg_request *) = {
        [DBG_FILE_READ - DBG_FILE_READ] = answer_read,
        [DBG_FILE_WRITE - DBG_FILE_READ] = answer_write,
        [DBG_FILE_CLOSE - DBG_FILE_READ] = answer_close,
    };
    struct question question = {.body = body, .body_bytes = body_bytes};
    if (dbg_api_file(body, body_bytes, &question.file) != KD_OK)
        return KD_ERR_BAD_MESSAGE;
    if (question.file.api == DBG_FILE_CREATE)
        return answer_create(disk, &question, answer);
    uint64_t index = question.file.handle - 1;
    if (index >= disk->count || !disk->files[index].open)
        return refuse(answer, &question, DBG_STATUS_INVALID_HANDLE);
    return answers[question.file.api - DBG_FILE_READ](&disk->files[index], &question, answer);
}
