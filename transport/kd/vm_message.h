/* vm_message.h: the messages between the guest module and the relay, one request and one reply at a time.
 *
 * They ride GuestRPC as the bytes behind the command word "fastkd " (and behind the "1 " of an RPCI reply), and a
 * stream socket as frames with a u32 length in front. What they mean is written in transport/guest/README.md; this
 * header is their bytes. All fields little-endian, reserved fields zero on sending and refused otherwise.
 *
 * Freestanding; context: any. Tests: tests/test_vm_message.c */
#ifndef VM_MESSAGE_H
#define VM_MESSAGE_H

#include "transport/kd/kd_packet.h"
#include "transport/kd/kd_status.h"

#define VM_COMMAND_WORD  "fastkd "
#define VM_MESSAGE_MAGIC 0x4B46u /* "FK" */

enum {
    VM_COMMAND_WORD_BYTES = 7,
    VM_VERSION_MIN = 1,
    VM_VERSION_MAX = 1,
    VM_REQUEST_BYTES = 32, /* header; a send has header_bytes + data_bytes of KD packet behind it */
    VM_REPLY_BYTES = 32,   /* header; a reply with a packet has it behind */
    VM_REQUEST_BYTES_MAX = VM_REQUEST_BYTES + KD_BODY_BYTES_MAX,
    VM_REPLY_BYTES_MAX = VM_REPLY_BYTES + KD_BODY_BYTES_MAX,
    VM_STREAM_PREFIX_BYTES = 4, /* u32 length in front of each message on a stream socket */
};

/* What is said on the TCLO channel of a VMM that knows this protocol (transport/guest/README.md 5, attention). */
#define VM_TCLO_NAME      "OK ATR fastkd" /* the guest's answer to "reset" */
#define VM_TCLO_ATTENTION "fastkd"        /* the host: ask the relay */

/* A notice on a stream socket: one byte behind its length; no message is so short. From the VMM: the relay shall give
 * notices. From the relay: whether the guest should ask it. (transport/relay/README.md, notices) */
enum { VM_NOTICE_BYTES = 1, VM_NOTICE_QUIET = 0, VM_NOTICE_ATTENTION = 1, VM_NOTICE_SUBSCRIBE = 1 };

enum vm_kind {
    VM_HELLO = 1,   /* new epoch; token 0 */
    VM_SEND = 2,    /* a packet for the debugger */
    VM_RECEIVE = 3, /* ask for a packet */
    VM_POLL = 4,    /* ask for a break-in; answered at once */
    VM_RESUME = 5,  /* go on with the send that was answered VM_PENDING; no packet behind it */
};

/* Machine types of a module, the PE format's numbers. */
#define VM_MACHINE_X64 0x8664u
#define VM_MACHINE_X86 0x014Cu

/* Request flags. */
#define VM_FLAG_WANT_NEXT 0x0001u /* send, resume: hold the reply for the packet that next describes */

/*  off size  request field
 *    0  u16  magic
 *    2  u8   version: what hello agreed on; in a hello the highest the module speaks
 *    3  u8   kind
 *    4  u16  flags
 *    6  u16  packet_type: send only, else 0
 *    8  u64  token: of the last reply; 0 in a hello
 *   16  u16  header_bytes, 18 u16 data_bytes: of the packet behind; in a hello header_bytes = the lowest version
 *            the module speaks, data_bytes = its machine type (0x8664, 0x014C)
 *   20  u16  next type, 22 u16 next header_bytes, 24 u16 next data_room: receive, and with VM_FLAG_WANT_NEXT
 *   26  u16  retries: send only
 *   28  u32  reserved */
struct vm_request {
    uint8_t version;
    uint8_t kind;
    uint16_t flags;
    uint64_t token;
    struct kd_packet packet; /* kind VM_SEND */
    uint16_t retries;        /* kind VM_SEND: KdpDefaultRetries, at most 65535 */
    struct kd_wanted next;
    uint8_t version_min; /* kind VM_HELLO */
    uint16_t machine;    /* kind VM_HELLO */
};

enum vm_result {
    VM_DONE = 0,      /* hello agreed; packet acknowledged (with VM_REPLY_PACKET: and the next one is here);
                         receive: packet is here; poll: answered */
    VM_TIMEOUT = 1,   /* receive: nothing within the hold time */
    VM_RESEND = 2,    /* receive: the kernel shall send its last packet again */
    VM_PENDING = 3,   /* send: not acknowledged yet, go on with VM_RESUME */
    VM_ABANDONED = 4, /* send: given up (kd-protocol.md 2.6 N9) */
    VM_STALE = 5,     /* the token is of another epoch: say hello */
    VM_REFUSED = 6,   /* hello: no version in common; else: the request breaks the protocol */
};

/* Reply flags. */
#define VM_REPLY_PACKET      0x0001u /* a packet is behind the header */
#define VM_REPLY_BREAK_IN    0x0002u /* poll: break in now; else: set ControlCPending */
#define VM_REPLY_NOT_PRESENT 0x0004u /* what KdDebuggerNotPresent shall be */
#define VM_REPLY_RESEND_NEXT 0x0008u /* with VM_DONE of a want_next send: the next receive is RESEND, not a packet */

/*  off size  reply field
 *    0  u16  magic
 *    2  u8   version
 *    3  u8   kind: of the request
 *    4  u16  result
 *    6  u16  flags
 *    8  u64  token: what the next request must carry; never 0 but with VM_REFUSED
 *   16  u16  packet type, 18 u16 header_bytes, 20 u16 data_bytes: with VM_REPLY_PACKET, else 0
 *   22  u16  hold_ms: hello, how long the relay may hold a call
 *   24  u64  epoch: counts hellos accepted by this relay, for logs */
struct vm_reply {
    uint8_t version;
    uint8_t kind;
    uint16_t result;
    uint16_t flags;
    uint64_t token;
    struct kd_packet packet; /* with VM_REPLY_PACKET */
    uint16_t hold_ms;
    uint64_t epoch;
};

/* Writes the 32 bytes of a request header; the packet's bytes are the caller's to put behind it. */
void vm_request_store(uint8_t to[VM_REQUEST_BYTES], const struct vm_request *request);

/* Reads and checks a whole request: magic, version range, kind, flags that the kind may have, reserved fields,
 * and len_bytes against header_bytes + data_bytes.
 * bytes    in   may be shorter than a header; request's spans point into it
 * Returns  KD_OK; KD_ERR_BAD_MESSAGE, KD_ERR_TOO_BIG (body over KD_BODY_BYTES_MAX): request is undefined */
KD_MUST_USE enum kd_status vm_request_load(struct vm_request *request, const uint8_t *bytes, size_t len_bytes);

/* The same two for replies. */
void vm_reply_store(uint8_t to[VM_REPLY_BYTES], const struct vm_reply *reply);
KD_MUST_USE enum kd_status vm_reply_load(struct vm_reply *reply, const uint8_t *bytes, size_t len_bytes);

#endif
