/* scenario_find.h: from what a person typed to scenario files.
 *
 * A name is a path to a file or folder, or a name below the scenario folder: $KDHARNESS_SCENARIOS if set, else the
 * one that was compiled in; ".lua" may be left out. A folder means every scenario in it, in name order.
 * Tests: tests/test_runner.c */
#ifndef SCENARIO_FIND_H
#define SCENARIO_FIND_H

#include "transport/kd/kd_status.h"
#include <stddef.h>

struct scenario {
    char *path; /* of the file */
    char *name; /* to show: "loss/lost-ack", or the path without ".lua" */
};
struct scenario_list {
    struct scenario *items;
    size_t count;
    size_t room;
};

enum { SCENARIO_WHY_BYTES = 512 };

const char *scenario_folder(void);

/* Appends what the name means; name NULL: everything below the scenario folder.
 * why      out  SCENARIO_WHY_BYTES, on error: what was looked for and where
 * Returns  KD_OK; KD_ERR_ARGUMENT: nothing there */
KD_MUST_USE enum kd_status scenario_find(struct scenario_list *list, const char *name, char *why);
void scenario_list_free(struct scenario_list *list);

#endif
