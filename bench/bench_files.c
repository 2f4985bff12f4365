#include "bench/bench_files.h"
#include "harness/script/command.h"
#include <errno.h>
#include <string.h>
#include <unistd.h>

enum { PATH_BYTES = 4096 };

static void join(char path[PATH_BYTES], const char *folder, const char *name)
{
    snprintf(path, PATH_BYTES, "%s%s%s", folder == NULL ? "" : folder, folder == NULL ? "" : "/", name);
}

void bench_write(const char *folder, const char *name, bool (*print)(const void *context, FILE *to),
                 const void *context)
{
    char path[PATH_BYTES], half[PATH_BYTES + 8];
    join(path, folder, name);
    snprintf(half, sizeof half, "%s.part", path);
    FILE *file = fopen(half, "w");
    bool written = file != NULL && print(context, file);
    if (file != NULL)
        written = fclose(file) == 0 && written;
    if (written && rename(half, path) == 0)
        return;
    int error = errno;
    remove(half);
    command_refuse("%s: cannot be written: %s", path, strerror(error));
}

json_t *bench_read_optional(const char *folder, const char *name, const char *expected)
{
    char path[PATH_BYTES];
    json_error_t error;
    join(path, folder, name);
    if (access(path, F_OK) != 0 && errno == ENOENT)
        return NULL;
    json_t *value = json_load_file(path, 0, &error);
    if (value == NULL)
        command_refuse("%s:%d: %s: expected %s", path, error.line, error.text, expected);
    return value;
}

json_t *bench_read(const char *folder, const char *name, const char *expected)
{
    json_t *value = bench_read_optional(folder, name, expected);
    if (value == NULL)
        command_refuse("%s%s%s: no such file: expected %s", folder == NULL ? "" : folder,
                       folder == NULL ? "" : "/", name, expected);
    return value;
}
