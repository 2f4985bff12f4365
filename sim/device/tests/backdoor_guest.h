/* backdoor_guest.h: the guest that test_sim_backdoor.c and test_sim_channel.c play: registers in, registers out, a piece
 * of memory, and the handler of its messages. */
#ifndef BACKDOOR_GUEST_H
#define BACKDOOR_GUEST_H

#include "sim/device/sim_backdoor.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#define MAGIC     0x564D5868u
#define ALL_ONES  0xFFFFFFFFu
#define RPCI      0xC9435052u
#define RPCI_BARE 0x49435052u
#define TCLO      0xCF4C4354u

enum { MEMORY_START = 0x400000, MEMORY_BYTES = 0x20000, OUT_BUFFER = 0x402000, IN_BUFFER = 0x403000 };
enum { OPEN, SENDSIZE, SENDPAYLOAD, RECVSIZE, RECVPAYLOAD, RECVSTATUS, CLOSE, TYPES };
enum { CHANNELS = 8, SUCCESS = 1 };

enum { QUESTION_BYTES = 20, QUESTION_WORDS = 5 };
extern const char question[]; /* V4: "info-get guestinfo.x" */
extern const uint32_t question_words[QUESTION_WORDS];

struct fix {
    struct sim_world *world;
    struct sim_faults *faults;
    struct sim_backdoor *backdoor;
    uint8_t memory[MEMORY_BYTES];
    bool by_out; /* trigger with OUT */

    uint32_t channel, cookie_high, cookie_low; /* of the channel opened last */

    const char *reply; /* the handler's answer; NULL: later, by the test */
    uint8_t message[SIM_RPC_BYTES_MAX];
    size_t message_bytes;
    unsigned messages, completions;
};

/* A backdoor with CHANNELS channels, whose handler answers "1 hello" at once. */
void build(struct fix *f, uint64_t seed, enum sim_backdoor_profile profile);
int tear_down(void **state);

uint8_t *memory_at(struct fix *f, uint64_t address);
void run_until(struct fix *f, uint64_t time_ns);

/* One access that is not held. */
struct sim_registers access_port(struct fix *f, uint16_t port, bool is_in, struct sim_registers registers);

/* The registers of a MESSAGE call on the current channel, and what they are after it. */
struct sim_registers call_registers(const struct fix *f, uint32_t type, uint32_t ebx);
struct sim_registers call(struct fix *f, uint32_t type, uint32_t ebx);

/* Status of a call that means nothing but its status. The low half of ECX must be 0 (rule 3). */
uint32_t status_of(struct fix *f, uint32_t type, uint32_t ebx);

/* False when the host refuses. */
bool open_channel(struct fix *f, uint32_t protocol);

struct sim_registers string_registers(const struct fix *f, bool is_in, uint64_t address, uint64_t count);

/* EBX after rep outsb or rep insb; count and address must be as after a completed rep. */
uint32_t string_out(struct fix *f, uint64_t address, uint64_t count);
uint32_t string_in(struct fix *f, uint64_t address, uint64_t count);

void put_question(struct fix *f);
void send_words(struct fix *f, unsigned first, unsigned end);
void send_question_by_string(struct fix *f);
void assert_question_arrived(const struct fix *f, unsigned times);

/* RECVSIZE that announces len_bytes. */
void assert_announced(struct fix *f, uint32_t len_bytes, uint32_t ecx);
uint32_t next_word(struct fix *f);
void assert_hello_fetched_by_string(struct fix *f);

/* Opens a channel and brings it to a state of 3.4. */
enum reach { IDLE, SENDING, REPLIED, RECEIVING, REACHES };
void reach(struct fix *f, enum reach state);

#endif
