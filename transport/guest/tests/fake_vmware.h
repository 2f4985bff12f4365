/* fake_vmware.h: the host's side of the backdoor for unit tests: vmware-backdoor.md 3.4 with the register
 * discipline of 1.2 and 1.3, everything "don't care" scrambled, faults at chosen calls, and the client's
 * conduct judged (7.3). */
#ifndef FAKE_VMWARE_H
#define FAKE_VMWARE_H

#include "transport/guest/tests/fake_platform.h"

enum { FAKE_CHANNELS = 8, FAKE_MESSAGE_BYTES = 8192 };

/* Answers a whole RPCI message. reply has room for FAKE_MESSAGE_BYTES. Returns the reply's length, prefix
 * included. */
typedef uint32_t fake_rpc_fn(const uint8_t *message, uint32_t len_bytes, uint8_t *reply);

enum fake_channel_state { FAKE_IDLE, FAKE_SENDING, FAKE_REPLIED };

struct fake_channel {
    bool is_open;
    bool was_open; /* and closed by the client since: it must not be used again */
    uint16_t id;
    uint32_t cookie_high, cookie_low;
    enum fake_channel_state state;
    bool fetched;   /* RECVSIZE announced a reply that has had no RECVSTATUS */
    bool offers_hb; /* in the reply to the last size call */
    bool is_tclo;
    bool reset_due; /* TCLO: "reset" was not fetched yet */
    bool call_due;  /* TCLO: the client named itself, and was not shown yet that it will be called */
    bool is_ours;   /* TCLO: the client named itself */
    uint32_t announced, got, cursor, reply_bytes;
    uint8_t message[FAKE_MESSAGE_BYTES];
    uint8_t reply[FAKE_MESSAGE_BYTES];
};

/* What answers to GETVERSION, and to MESSAGE. */
enum fake_profile { FAKE_VMWARE, FAKE_QEMU, FAKE_ABSENT_ONES, FAKE_ABSENT_ZERO, FAKE_ABSENT_ECHO };

struct fake_vmware {
    enum fake_profile profile;
    bool has_cookies;
    bool has_hb;
    bool refuses_open;
    bool has_tclo;          /* else OPEN refuses that protocol */
    bool knows_no_calls;    /* a VMM that knows nothing of fastkd: it never calls */
    bool attention;         /* the level that calls tell */
    const char *tclo_says;  /* what every call says, if not what it should */
    fake_rpc_fn *handler;

    /* The fault at the fault_at-th MESSAGE or string call from now (1 is the next; 0: none), for fault_count
     * calls: it gets this status instead of being acted on. A checkpoint (0x10) is good where hosts have one
     * (M4), and other calls pass. */
    uint32_t fault_at, fault_count, fault_status;
    bool fault_after_handler;     /* act first, then answer with fault_status */
    uint32_t reply_waits;         /* RECVSIZE calls that find no message yet */
    uint32_t reply_bytes_forced;  /* RECVSIZE says so, if not 0 */
    uint32_t hostile_status;      /* the status of every call from now on, if not 0 */
    uint32_t receive_type_forced; /* EDX high of the receiving calls, if not 0 */

    uint32_t calls, opens, closes, messages, violations;
    uint16_t next_id;
    uint32_t scramble; /* state of the don't-cares */
    struct fake_channel channels[FAKE_CHANNELS];
    char tclo_heard[64]; /* the client's last answer on a TCLO channel that was not empty */
    uint32_t tclo_opens, tclo_turns;
};

extern struct fake_vmware vmware;

/* A VMware with cookies and high bandwidth, plugged into the fake platform. */
void fake_vmware_reset(fake_rpc_fn *handler);

/* Arms the fault at the nth call from now. */
void fake_vmware_fault(uint32_t nth, uint32_t status);

/* All channels are gone, as after a revert, a reset of the VM or a long silence (V17). */
void fake_vmware_forget_channels(void);

uint32_t fake_vmware_open_channels(void);

#endif
