/* relay_folder.h: a folder of a test's own for its sockets. */
#ifndef RELAY_FOLDER_H
#define RELAY_FOLDER_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

enum { RELAY_FOLDER_BYTES = 80 };

/* Returns false when none can be made. */
static inline bool relay_folder_make(char folder[RELAY_FOLDER_BYTES])
{
    const char *parent = getenv("TMPDIR");
    int length = snprintf(folder, RELAY_FOLDER_BYTES, "%s/relay-XXXXXX", parent == NULL ? P_tmpdir : parent);
    return length < RELAY_FOLDER_BYTES && mkdtemp(folder) != NULL;
}

#endif
