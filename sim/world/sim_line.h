/* sim_line.h: one direction of a byte stream with a latency, on which faults strike frame by frame.
 *
 * Both directions between relay and debugger, and both sides of a UART's wire, are lines. Bytes keep their order.
 * While a rule is armed for the line it follows KDCOM frames in the clean stream: the first 8 bytes of a frame are
 * held together until its type is known, then the fault is applied; otherwise bytes pass as they come.
 * Tests: tests/test_sim_line.c */
#ifndef SIM_LINE_H
#define SIM_LINE_H

#include "sim/world/sim_fault.h"

struct sim_line;

/* Bytes arrived at the far end. */
typedef void sim_line_fn(void *context, const uint8_t *bytes, size_t len_bytes);

struct sim_line_config {
    enum sim_fault_layer layer;         /* SIM_FAULT_STREAM or SIM_FAULT_UART */
    enum sim_fault_direction direction; /* SIM_FAULT_TO_DEBUGGER or SIM_FAULT_TO_TARGET */
    uint32_t vm;                        /* number for the trace */
    uint64_t latency_ns;
    uint32_t chunk_bytes;               /* deliver at most so many at once, 1 us apart; 0: as written */
};

/* faults   in  may be NULL: a perfect line
 * deliver  in  called from an event, at least latency_ns after the write; every delivery is traced */
struct sim_line *sim_line_create(struct sim_world *world, struct sim_faults *faults,
                                 const struct sim_line_config *config, sim_line_fn *deliver, void *context);
void sim_line_destroy(struct sim_line *line);

/* Tells somebody about every fault applied: the rule and the clean frame in full, when its last byte was put on the
 * line (a receiver cannot have seen the whole frame before). A break-in byte is a frame of one byte. */
typedef void sim_line_fault_fn(void *context, const struct sim_fault_rule *rule, const uint8_t *frame,
                               size_t frame_bytes);
void sim_line_on_fault(struct sim_line *line, sim_line_fault_fn *fn, void *context);

/* The same for every frame, and for every byte that begins none, at the same moment; rule is NULL for one that no
 * fault strikes. */
void sim_line_on_frame(struct sim_line *line, sim_line_fault_fn *fn, void *context);

/* Tells a UART which byte of a delivery does not arrive whole (SIM_FAULT_FRAMING, SIM_FAULT_OVERRUN), right after the
 * delivery: back counts from its end, 1 is the last byte. */
typedef void sim_line_spoilt_fn(void *context, enum sim_fault_kind kind, size_t back);
void sim_line_on_spoilt(struct sim_line *line, sim_line_spoilt_fn *fn, void *context);

/* Back-pressure: true while the reader is stalled and so much is under way that a writer who can wait has to. When
 * that is over fn is called. A writer that cannot wait (a UART) writes on, nothing is dropped. */
enum { SIM_LINE_ROOM_BYTES = 4096 };
bool sim_line_full(const struct sim_line *line);
void sim_line_on_room(struct sim_line *line, void (*fn)(void *context), void *context);

/* Hears both ends of the line: what is written, before any fault and before it is under way, and what arrives, right
 * before the far end is given it. Either may be NULL; must not write. */
struct sim_line_tap {
    void *context;
    sim_line_fn *written;
    sim_line_fn *delivered;
};
void sim_line_set_tap(struct sim_line *line, const struct sim_line_tap *tap);

/* Puts bytes on the line; copied. */
void sim_line_write(struct sim_line *line, const uint8_t *bytes, size_t len_bytes);

/* Drops what is under way and forgets half a frame: the line was cut. */
void sim_line_cut(struct sim_line *line);

/* True when nothing is under way. */
bool sim_line_idle(const struct sim_line *line);

/* Bytes written so far, and delivered. */
uint64_t sim_line_written(const struct sim_line *line);
uint64_t sim_line_delivered(const struct sim_line *line);

#endif
