/* sim_doorbell.h: the doorbell at register level: port 0x565A, a whole message and its reply in one exit.
 *
 * The host's side of transport/guest/doorbell.md; "rule n" is its. Messages go to a handler, whose answer may come later; the
 * guest stands still meanwhile. What a don't-care register holds is drawn from the seed. Faults of the rpc layer strike
 * messages, those of the exit layer accesses (SIM_FAULT_TYPE_DOORBELL_OPEN, SIM_FAULT_TYPE_RING).
 * Tests: tests/test_sim_doorbell.c, which plays the vectors D1 to D9. */
#ifndef SIM_DOORBELL_H
#define SIM_DOORBELL_H

#include "sim/device/sim_exit.h"
#include "sim/world/sim_fault.h"

enum { SIM_PORT_DOORBELL = 0x565A, SIM_DOORBELL_BYTES_MAX = 4032 };

/* Commands, in EBX. */
enum sim_doorbell_command { SIM_DOORBELL_OPEN = 1, SIM_DOORBELL_RING = 2, SIM_DOORBELL_CLOSE = 3 };

/* One whole message from the guest. The handler answers with sim_doorbell_reply or sim_doorbell_nobody, now or later. */
typedef void sim_ring_fn(void *context, const uint8_t *message, size_t len_bytes);

/* What is the guest's of it, in a snapshot (rule 11). */
struct sim_doorbell_session {
    bool is_open;
    uint64_t word; /* address of the attention word */
};

struct sim_doorbell;

/* offered   in  false: nobody claims the port
 * memory    in  the guest's
 * complete  in  called when a guest stands in a held call and its outcome is there */
struct sim_doorbell *sim_doorbell_create(struct sim_world *world, struct sim_faults *faults, uint32_t vm, bool offered,
                                         const struct sim_memory *memory, sim_ring_fn *handler,
                                         void (*complete)(void *context), void *context);
void sim_doorbell_destroy(struct sim_doorbell *doorbell);

/* One exit: IN EAX,DX at the port. Registers are updated as the guest sees them afterwards; on SIM_EXIT_HELD not before the
 * completion, when sim_doorbell_resume fills them. */
enum sim_exit_result sim_doorbell_access(struct sim_doorbell *doorbell, struct sim_registers *registers);
void sim_doorbell_resume(struct sim_doorbell *doorbell, struct sim_registers *registers);

/* The handler's answer to the message under way, or that there is nobody to give one. Ignored when none is under way. */
void sim_doorbell_reply(struct sim_doorbell *doorbell, const uint8_t *reply, size_t len_bytes);
void sim_doorbell_nobody(struct sim_doorbell *doorbell);

/* Whether the guest should ask the handler, a level: written into the attention word as it changes (rule 6). */
void sim_doorbell_attention(struct sim_doorbell *doorbell, bool raised);

/* VM reset: no session, a held call is struck (rule 10). */
void sim_doorbell_reset(struct sim_doorbell *doorbell);

/* The call that the guest stands in ends with "again" (rule 11). The handler's answer, if it comes yet, is ignored. */
void sim_doorbell_strike(struct sim_doorbell *doorbell);

/* The session as device state. A load writes the word as the level is now; guest memory must be what it was already. */
struct sim_doorbell_session sim_doorbell_save(const struct sim_doorbell *doorbell);
void sim_doorbell_load(struct sim_doorbell *doorbell, const struct sim_doorbell_session *session);

/* Messages that reached the handler, and bytes of messages and replies copied out of and into guest memory. */
uint64_t sim_doorbell_rings(const struct sim_doorbell *doorbell);
uint64_t sim_doorbell_payload_bytes(const struct sim_doorbell *doorbell);

/* True while a session is open. */
bool sim_doorbell_is_open(const struct sim_doorbell *doorbell);

#endif
