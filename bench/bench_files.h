/* bench_files.h: what kdbench reads and writes. Every failure ends the program with one line on stderr. */
#ifndef BENCH_FILES_H
#define BENCH_FILES_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

/* Written beside and renamed, so that nobody ever sees half of a file. print returns false, errno set, when
 * the file took no more. folder may be NULL: name is the path. */
void bench_write(const char *folder, const char *name, bool (*print)(const void *context, FILE *to),
                 const void *context);

/* A file of JSON. folder may be NULL. expected: in words, for the refusal. */
json_t *bench_read(const char *folder, const char *name, const char *expected);
/* Likewise; NULL when there is no such file. */
json_t *bench_read_optional(const char *folder, const char *name, const char *expected);

#endif
