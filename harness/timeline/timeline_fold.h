/* timeline_fold.h: a ladder's events made shorter, before they are put on the grid. Private to the layout. */
#ifndef TIMELINE_FOLD_H
#define TIMELINE_FOLD_H

#include "harness/timeline/timeline_private.h"

struct timeline_item {
    struct timeline_event
        event;        /* times and texts of the first one it stands for; its exits are those of all */
    uint64_t count;   /* idle: how many heartbeats; 1: just the event */
    uint64_t repeats; /* not 0: it stands for so many turns of the block before it, named in event */
    size_t length;    /* repeats: events of the block */
};

struct timeline_items {
    struct timeline_item *items;
    size_t count;
};

/* Free items with free(). */
struct timeline_items timeline_fold(const struct timeline_event *events, size_t count);

#endif
