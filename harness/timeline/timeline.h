/* timeline.h: a conversation as a ladder that a person can follow: who said what to whom, when, and what
 * struck it.
 *
 * Events are collected, by timeline_watch.h from a VM and its debugger or by hand, and drawn as text or as a
 * picture. Both pictures come from one layout (timeline_layout.h), a grid of 100 columns. Collecting changes
 * nothing: the history and its hash are the same with and without.
 *
 * A timeline holds ladders in the order in which they began, one for each machine that was watched.
 * Tests: tests/test_timeline.c */
#ifndef TIMELINE_H
#define TIMELINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum timeline_lane {
    TIMELINE_GUEST,
    TIMELINE_MIDDLE, /* the relay, or the UART on a serial link */
    TIMELINE_DEBUGGER,
    TIMELINE_LANES
};

enum timeline_kind {
    TIMELINE_ARROW, /* a frame or a message, from one lane to another */
    TIMELINE_SAY,   /* something happens at the lane `from` */
    TIMELINE_LIFE,  /* the lane `from` begins, ends or starts over */
};

enum timeline_fate { TIMELINE_ARRIVES, TIMELINE_STRUCK, TIMELINE_LOST };

enum {
    TIMELINE_NAME_BYTES = 48,
    TIMELINE_ID_BYTES = 20,
    TIMELINE_DETAIL_BYTES = 120,
    TIMELINE_FAULT_BYTES = 40
};

struct timeline_event {
    uint64_t time_ns;
    enum timeline_kind kind;
    enum timeline_lane from;
    enum timeline_lane to; /* ARROW only */
    enum timeline_fate fate;
    bool idle;      /* a heartbeat or a stray byte; those in a row become one line with their number */
    bool ends;      /* LIFE: nobody is at the lane from now on */
    uint64_t exits; /* SAY at the guest: what the call cost in VM exits, and their price */
    uint64_t exits_ns;
    char name[TIMELINE_NAME_BYTES];     /* "manipulate read_virtual"; events with equal names are alike */
    char id[TIMELINE_ID_BYTES];         /* "id=0+sync" */
    char detail[TIMELINE_DETAIL_BYTES]; /* "addr=pool+0x10 count=12" */
    char fault[TIMELINE_FAULT_BYTES];   /* "lost", "bit 17 flipped"; empty when fate is ARRIVES */
};

struct timeline;

struct timeline *timeline_create(void);
void timeline_destroy(struct timeline *timeline);

/* The headline of the ladders that begin from now on; copied. */
void timeline_title(struct timeline *timeline, const char *title);

/* Begins a ladder. middle  in  what its middle lane is called: "relay", "uart"; a constant */
void timeline_begin(struct timeline *timeline, const char *middle);

/* Adds an event to the last ladder. Text that is no printable ASCII becomes '?'.
 * Returns the copy, which may be changed until the next call */
struct timeline_event *timeline_add(struct timeline *timeline, const struct timeline_event *event);

/* The last event that was added to the last ladder, NULL when there is none. */
struct timeline_event *timeline_last(struct timeline *timeline);

/* Forgets all ladders. */
void timeline_clear(struct timeline *timeline);

/* The ladders that were not written as text before, no line longer than 100 columns. */
void timeline_write_text(struct timeline *timeline, FILE *file);

/* All ladders as one picture that needs no other file. */
void timeline_write_svg(const struct timeline *timeline, FILE *file);

#endif
