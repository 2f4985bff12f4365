/* sim_backdoor.h: the VMware backdoor at register level: ports 0x5658 and 0x5659, GETVERSION, GuestRPC channels.
 *
 * The host model is vmware-backdoor.md 3.4 with the register discipline of 1.2 and 1.3; every item the document
 * calls don't-care is scrambled from the seed, so that no client can come to rely on it. Whole RPCI messages go to
 * a handler; its answer may come later, and the guest stands still meanwhile.
 * Tests: tests/test_sim_backdoor.c, which plays the vectors V1 to V20. */
#ifndef SIM_BACKDOOR_H
#define SIM_BACKDOOR_H

#include "sim/device/sim_exit.h"
#include "sim/world/sim_fault.h"

enum { SIM_PORT_BACKDOOR = 0x5658, SIM_PORT_BACKDOOR_HB = 0x5659, SIM_RPC_BYTES_MAX = 65536 };

/* A channel that nobody used for longer is closed (M6). */
#define SIM_BACKDOOR_IDLE_NS SIM_S(80)

/* name, text (scripts: backdoor = "vmware"), what answers */
#define SIM_BACKDOOR_PROFILE_LIST(X)                                                                         \
    X(SIM_BACKDOOR_VMWARE, "vmware", "everything, high bandwidth offered")                                   \
    X(SIM_BACKDOOR_LB_ONLY, "vmware-LB-only", "high bandwidth never offered, its port dead")                 \
    X(SIM_BACKDOOR_ABSENT_ONES, "absent-ones", "EAX all ones, the rest unchanged: no device")                \
    X(SIM_BACKDOOR_ABSENT_ZERO, "absent-zero", "EAX zero, the rest unchanged: a VMM that ignores the exit")  \
    X(SIM_BACKDOOR_ABSENT_ECHO, "absent-echo", "all registers unchanged")                                    \
    X(SIM_BACKDOOR_QEMU, "qemu-vmport", "GETVERSION answered, MESSAGE refused with registers unchanged") \
    X(SIM_BACKDOOR_RPCI_ONLY, "vmware-rpci-only", "as vmware, but TCLO is never opened")

enum sim_backdoor_profile {
#define SIM_BACKDOOR_ENUM(name, text, note) name,
    SIM_BACKDOOR_PROFILE_LIST(SIM_BACKDOOR_ENUM)
#undef SIM_BACKDOOR_ENUM
    SIM_BACKDOOR_PROFILES
};
const char *sim_backdoor_profile_name(enum sim_backdoor_profile profile);
KD_MUST_USE enum kd_status sim_backdoor_profile_find(const char *name, enum sim_backdoor_profile *profile);

/* One whole message from the guest, the command word included. The handler answers with sim_backdoor_reply, now
 * or later. */
typedef void sim_rpc_fn(void *context, const uint8_t *message, size_t len_bytes);

struct sim_backdoor_config {
    uint32_t vm;
    enum sim_backdoor_profile profile;
    uint32_t channels; /* 8 .. 128 */
};

struct sim_backdoor;

/* memory    in  the guest's, for high-bandwidth calls
 * handler   in  RPCI messages
 * complete  in  called from sim_backdoor_reply when a guest stands in a held call */
struct sim_backdoor *sim_backdoor_create(struct sim_world *world, struct sim_faults *faults,
                                         const struct sim_backdoor_config *config, const struct sim_memory *memory,
                                         sim_rpc_fn *handler, void (*complete)(void *context), void *context);
void sim_backdoor_destroy(struct sim_backdoor *backdoor);

/* One exit. port 0x5658: IN or OUT, 32 bits wide. port 0x5659: rep insb (is_in) or rep outsb, the whole string in
 * one exit. Registers are updated as the guest sees them afterwards; on SIM_EXIT_HELD not before the completion,
 * when sim_backdoor_resume fills them. A string whose buffer is not all the guest's fails with status 0 (Q10). */
enum sim_exit_result sim_backdoor_access(struct sim_backdoor *backdoor, uint16_t port, bool is_in,
                                         struct sim_registers *registers);
void sim_backdoor_resume(struct sim_backdoor *backdoor, struct sim_registers *registers);

/* An access to either port that is not 32 bits wide: no device claims it (rule 2). width_bytes is 1 or 2. */
void sim_backdoor_access_narrow(struct sim_backdoor *backdoor, bool is_in, unsigned width_bytes,
                                struct sim_registers *registers);

/* The handler's answer to the message under way: the bytes of an RPCI reply, "1 " or "0 " included. Ignored when
 * none is under way (the call was struck). */
void sim_backdoor_reply(struct sim_backdoor *backdoor, const uint8_t *reply, size_t len_bytes);

/* Whether the guest should ask the handler, a level: shown on its TCLO channel (transport/guest/README.md 5). */
void sim_backdoor_attention(struct sim_backdoor *backdoor, bool raised);

/* VM reset: all channels closed, a held call struck (M5). */
void sim_backdoor_reset(struct sim_backdoor *backdoor);

/* A checkpoint (suspend, snapshot): transfers under way start over, once told so by status CPT (M4). A held call
 * stays held. */
void sim_backdoor_checkpoint(struct sim_backdoor *backdoor);

/* The call that the guest stands in ends with status CPT, so that the guest sends its message again (rule 27): what a
 * VMM does that cannot keep a call over a suspension. The handler's answer, if it comes yet, is ignored. */
void sim_backdoor_strike(struct sim_backdoor *backdoor);

/* Messages that reached the handler, and bytes moved by string I/O. */
uint64_t sim_backdoor_rpcs(const struct sim_backdoor *backdoor);
uint64_t sim_backdoor_payload_bytes(const struct sim_backdoor *backdoor);

/* Channels open now: conduct is checked when all is over. */
uint32_t sim_backdoor_channels_open(const struct sim_backdoor *backdoor);

#endif
