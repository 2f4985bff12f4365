/* timeline_private.h: what the layout sees of a timeline. */
#ifndef TIMELINE_PRIVATE_H
#define TIMELINE_PRIVATE_H

#include "harness/timeline/timeline.h"

enum {
    TIMELINE_TITLE_BYTES = 200,
    TIMELINE_HEADLINE_BYTES = TIMELINE_TITLE_BYTES + 60,
    TIMELINE_DURATION_BYTES = 32
};

struct timeline_ladder {
    char title[TIMELINE_TITLE_BYTES];
    const char *middle;
    struct timeline_event *events;
    size_t count;
    size_t room;
};

struct timeline {
    char title[TIMELINE_TITLE_BYTES];
    struct timeline_ladder *ladders;
    size_t count;
    size_t room;
    size_t written; /* as text */
};

/* A ladder's title; one of several with the same title gets its number. Returns text.
 * text  out  TIMELINE_HEADLINE_BYTES */
const char *timeline_headline(const struct timeline *timeline, size_t index, char *text);

/* About three digits, in the unit that suits: "75 us", "18.1 ms", "2.16 s". Returns text.
 * text  out  TIMELINE_DURATION_BYTES */
const char *timeline_duration(uint64_t ns, char *text);

#endif
