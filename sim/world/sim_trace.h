/* sim_trace.h: what happened, as a stream of records: hashed, the last ones kept, all of them written on request.
 *
 * A record holds only defined inputs and outputs: never an address, an upper register half or a don't-care value.
 * The hash is XXH64 over every record's packed little-endian fields and is the identity of a history: the same
 * seed gives the same hash on every compiler, optimisation level, address layout and machine of an architecture.
 * Tests: tests/test_sim_trace.c */
#ifndef SIM_TRACE_H
#define SIM_TRACE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* name, text prefix. Fields a..d mean what the emitting module's header says; payload is hashed with its length. */
#define SIM_RECORD_LIST(X)                                                                                   \
    X(SIM_RECORD_EXIT, "exit")         /* a: port  b: width | direction << 8  c: input  d: output */         \
    X(SIM_RECORD_API, "api")           /* a: enum mk_trace_event  b: packet type  c: first u32  d: status */ \
    X(SIM_RECORD_LIFE, "life")         /* a: enum sim_life */                                                \
    X(SIM_RECORD_STREAM, "stream")     /* a: direction  b: length; payload: the bytes delivered */           \
    X(SIM_RECORD_FAULT, "fault")       /* a: layer  b: kind  c: direction  d: rule number */                 \
    X(SIM_RECORD_DEBUGGER, "debugger") /* a: enum dbg_note  b..d: its arguments */                           \
    X(SIM_RECORD_RELAY, "relay")       /* a: request kind  b: result  c: flags  d: packet type */

enum sim_record_kind {
#define SIM_RECORD_ENUM(name, text) name,
    SIM_RECORD_LIST(SIM_RECORD_ENUM)
#undef SIM_RECORD_ENUM
};

struct sim_record {
    uint64_t time_ns;
    uint32_t kind; /* enum sim_record_kind */
    uint32_t vm;   /* number of the VM in its world, 0 for the first */
    uint64_t a, b, c, d;
    uint64_t payload_hash; /* XXH64 of the payload, 0 when there is none */
};

enum { SIM_TRACE_RING = 64 };

struct sim_trace;

struct sim_trace *sim_trace_create(void);
void sim_trace_destroy(struct sim_trace *trace);

/* Writes every record from now on to file as a line of text, until the trace is destroyed; NULL stops. The file
 * stays the caller's. Never changes the hash. */
void sim_trace_write_to(struct sim_trace *trace, FILE *file);

/* Appends one record. payload_hash is computed from payload; payload may be NULL when payload_bytes is 0. */
void sim_trace_add(struct sim_trace *trace, const struct sim_record *record, const void *payload,
                   size_t payload_bytes);

/* The hash of all records so far; asking changes nothing. */
uint64_t sim_trace_hash(const struct sim_trace *trace);
uint64_t sim_trace_count(const struct sim_trace *trace);

/* The last records, oldest first: index 0 .. count-1, count at most SIM_TRACE_RING. */
unsigned sim_trace_ring_count(const struct sim_trace *trace);
const struct sim_record *sim_trace_ring(const struct sim_trace *trace, unsigned index);

/* One record as a line of text without a newline, as --trace writes it: time in ns, vm, kind, named fields. */
void sim_record_text(const struct sim_record *record, char *to, size_t to_bytes);

#endif
