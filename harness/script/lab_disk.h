/* lab_disk.h: the files on the debugger's side that a target may ask for (kd-protocol.md 4.7, .kdfiles).
 *
 * Names are ASCII, compared as they are. A handle is the file's number; a file stays open until it is closed.
 */
#ifndef LAB_DISK_H
#define LAB_DISK_H

#include "harness/script/lab.h"

struct lab_disk *lab_disk_create(void);
void lab_disk_destroy(struct lab_disk *disk);

void lab_disk_put(struct lab_disk *disk, const char *name, const uint8_t *bytes, size_t len_bytes);
const struct lab_bytes *lab_disk_find(const struct lab_disk *disk, const char *name);

/* Builds the answer to a file request, a refusal where it must be one.
 * Returns KD_OK; KD_ERR_BAD_MESSAGE: this is no file request, and there is no answer */
KD_MUST_USE enum kd_status lab_disk_answer(struct lab_disk *disk, const uint8_t *body, uint32_t body_bytes,
                                           struct dbg_request *answer);

#endif
