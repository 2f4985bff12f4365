/* bench_live.h: a debugger on a real socket and on the wall clock, to measure any KDCOM target with: a live
 * target of ours, a relay, or what else listens. It is the harness's debugger (harness/dbg), whose timers run
 * by the wall clock and which does not think. Tests: tests/live.sh, against live targets. */
#ifndef BENCH_LIVE_H
#define BENCH_LIVE_H

#include "harness/dbg/dbg_api.h"
#include "transport/relay/relay_address.h"

enum { BENCH_LIVE_WHY_BYTES = 192 };

struct bench_live;

/* Connects, stops the target, and asks who it is.
 * why      out  BENCH_LIVE_WHY_BYTES, when NULL: what went wrong, in words
 * Returns  a session with a stopped target; NULL: nobody listens, or it does not stop within half a minute (a
 * serial target boots slowly while nobody is there), or it answers nothing */
struct bench_live *bench_live_open(const struct relay_address *address, char why[BENCH_LIVE_WHY_BYTES]);

/* Lets the target go and hangs up. */
void bench_live_close(struct bench_live *live);

/* One thing that a person does; the target is stopped before and after. Returns false, and why, when it is
 * not answered within ten seconds, or otherwise than it should be. */
typedef bool bench_live_fn(struct bench_live *live, char why[BENCH_LIVE_WHY_BYTES]);

bench_live_fn bench_live_bulk_read;   /* 3,944 bytes at the kernel's base */
bench_live_fn bench_live_small_read;  /* 64 bytes there */
bench_live_fn bench_live_bulk_write;  /* the bytes that were read, where they were read */
bench_live_fn bench_live_step;        /* one instruction */
bench_live_fn bench_live_source_step; /* a step, the registers, and thirteen small reads */

#endif
