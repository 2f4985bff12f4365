/* live_door.h: where debuggers come in: a listening socket or a pty, and at most one of them inside.
 *
 * A second one is closed again and named in the log. One that left without a word is let go as soon as it is
 * noticed, at the latest when the next one comes. Context: the loop's thread. Tests: tests/test_live_target.c
 */
#ifndef LIVE_DOOR_H
#define LIVE_DOOR_H

#include "transport/relay/relay_listen.h"
#include <stddef.h>

struct uv_loop_s;

struct live_door_events {
    void *context;
    void (*came)(void *context);
    void (*bytes)(void *context, const uint8_t *bytes, size_t len_bytes);
    void (*written)(void *context); /* live_door_unwritten has shrunk */
    void (*gone)(void *context, const char *why);
    void (*log)(void *context, const char *line);
};

struct live_door;

/* address  in   where to listen; NULL: a new pty
 * why      out  on an error one sentence
 * Returns  KD_OK; what relay_listen returns, KD_ERR_NO_DEVICE: nothing is open, but the loop may have handles
 * to close */
KD_MUST_USE enum kd_status live_door_open(struct uv_loop_s *loop, const struct relay_address *address,
                                          const struct live_door_events *events, struct live_door **door,
                                          char why[RELAY_WHY_BYTES]);

/* Where it is, as relay_address_print writes it, with the port that the system chose; a pty: the slave's
 * path. */
const char *live_door_name(const struct live_door *door);

/* To the debugger inside; without one they do nothing. */
void live_door_write(struct live_door *door, const uint8_t *bytes, size_t len_bytes);
size_t live_door_unwritten(const struct live_door *door);
void live_door_set_reading(struct live_door *door, bool reading);

/* Shows the debugger inside out; there is no event of it. */
void live_door_show_out(struct live_door *door);

/* Closes and removes everything; the memory is the loop's until its handles are closed. NULL is ignored. */
void live_door_close(struct live_door *door);

#endif
