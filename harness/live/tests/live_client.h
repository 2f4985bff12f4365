/* live_client.h: for tests of the live target: a small blocking debugger on a real descriptor.
 *
 * It keeps to the protocol (kd-protocol.md 2.3, 2.9, 2.10) but for what a test makes it do by hand. Nothing
 * is expected to come at a time: silence makes it try again, and a limit bounds a failure, which ends the
 * test. */
#ifndef LIVE_CLIENT_H
#define LIVE_CLIENT_H

#include "transport/kd/kd_packet.h"
#include "transport/kd/kd_wire.h"

enum { LIVE_CLIENT_FAILURE_MS = 20000, LIVE_CLIENT_PATIENCE_MS = 500 };

/* API numbers of kd-protocol.md 4.4 that tests use. */
enum {
    API_READ_VIRTUAL = 0x3130,
    API_WRITE_VIRTUAL = 0x3131,
    API_GET_CONTEXT = 0x3132,
    API_SET_CONTEXT = 0x3133,
    API_WRITE_BREAKPOINT = 0x3134,
    API_RESTORE_BREAKPOINT = 0x3135,
    API_READ_CONTROL_SPACE = 0x3137,
    API_REBOOT = 0x313B,
    API_CONTINUE2 = 0x313C,
    API_READ_PHYSICAL = 0x313D,
    API_GET_VERSION = 0x3146,
    API_READ_MSR = 0x3152,
    API_CLEAR_ALL_INTERNAL = 0x315A,
};

/* Which frames a client leaves without an ACK. */
enum live_acks { LIVE_ACKS_ALL, LIVE_ACKS_NO_REPLIES, LIVE_ACKS_NOTHING };

struct live_client {
    int fd;
    uint32_t next;   /* id of the next request */
    uint32_t expect; /* id of the next frame */
    enum live_acks acks;
    bool closed; /* the target hung up */
    bool kept;   /* private: head and body hold a frame for the next live_client_frame */
    /* the frame that live_client_frame returned last */
    struct kd_frame_header head;
    uint8_t body[KD_BODY_BYTES_MAX];
    /* counted since live_client_begin */
    unsigned repeats, resets, prints, loads;
    uint64_t pc; /* of the last exception */
    uint32_t code;
    uint8_t in[16384];
    size_t in_bytes;
};

/* A new session over a connected descriptor, the test's own. */
void live_client_begin(struct live_client *client, int fd);

void live_client_put(struct live_client *client, const void *bytes, size_t len_bytes);
void live_client_control(struct live_client *client, uint16_t type, uint32_t id);
void live_client_data(struct live_client *client, uint16_t type, const uint8_t *body, size_t body_bytes);
void live_client_break_in(struct live_client *client);
void live_client_reset(struct live_client *client);

/* Waits for one unit of any kind and does for the ids what the protocol says.
 * Returns  true with a new data frame in head and body; false after wait_ms of silence, or when the target
 * hung up */
bool live_client_frame(struct live_client *client, int wait_ms);

/* Waits for an exception; symbol notices are continued. Without one it asks again, as a debugger that
 * attaches does. When it returns, nothing that its RESETs made the target say is still under way. */
void live_client_attach(struct live_client *client);

/* Waits for the next exception without asking for one. */
void live_client_wait_stop(struct live_client *client);

/* One request with the reply in body; union_bytes go to the request's union, data behind the header.
 * Returns  the reply's ReturnStatus */
uint32_t live_client_request(struct live_client *client, uint32_t api, const uint8_t *fields,
                             size_t fields_bytes, const uint8_t *data, size_t data_bytes);

/* The same with a u64 and a u32 in the union, which is what most requests have. */
uint32_t live_client_ask(struct live_client *client, uint32_t api, uint64_t first, uint32_t second);

/* A request that has no reply: returns when it is acknowledged, or void because a RESET or a state change
 * crossed it. */
void live_client_order(struct live_client *client, uint32_t api, const uint8_t *fields, size_t fields_bytes);
void live_client_go(struct live_client *client, bool step);

/* Makes it go, and go on at the break that a spare 0x62 of the attach may have left (5.7 rule 3). */
void live_client_run(struct live_client *client);

#endif
