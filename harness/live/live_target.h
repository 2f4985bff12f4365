/* live_target.h: a simulated VM that real debuggers attach to: the world on a wall clock, behind real
 * sockets.
 *
 * Backdoor link: the debugger talks to relay_server, the very code that kdrelay runs, and the relay to the VM
 * over a Unix socket in a private folder, all in one loop. Serial link: the debugger's bytes are the UART's,
 * at the line's pace. It takes one debugger after the other and runs until it is closed. Context: the loop's
 * thread. Tests: tests/test_live_target.c, over the real program. */
#ifndef LIVE_TARGET_H
#define LIVE_TARGET_H

#include "sim/machine/sim_vm.h"
#include "transport/relay/relay_listen.h"

struct uv_loop_s;

/* Where debuggers come in. */
struct live_address {
    bool is_pty;
    struct relay_address socket; /* unless it is a pty */
};

/* text     in   unix:PATH, tcp:HOST:PORT or pty
 * why      out  on an error what is wrong with the text, as half a sentence; never freed
 * Returns  KD_OK; KD_ERR_ARGUMENT: address is undefined */
KD_MUST_USE enum kd_status live_address_parse(struct live_address *address, const char *text,
                                              const char **why);

struct live_config {
    struct live_address address;
    uint64_t seed;
    struct sim_cost cost;
    /* Its link is the target's; the endpoint is set here. On the kvm machine exits cost what they cost,
     * whatever cost says. */
    struct sim_vm_config vm;
    void *context;
    void (*log)(void *context, const char *line); /* what happens, one line without its end */
    void (*failed)(void *context);                /* it cannot go on, and has logged why: close it */
};

struct live_target;

/* Listens; the VM is off.
 * loop     in   without handles of its own yet
 * why      out  on an error one sentence
 * Returns  KD_OK; KD_ERR_ARGUMENT (a VM that cannot be built), what relay_listen returns: nothing is open */
KD_MUST_USE enum kd_status live_target_open(struct uv_loop_s *loop, const struct live_config *config,
                                            struct live_target **target, char why[RELAY_WHY_BYTES]);

/* What a debugger connects to: unix:PATH, tcp:HOST:PORT with the port that the system chose, or the pty's
 * path. */
const char *live_target_name(const struct live_target *target);

/* Powers the VM on. */
void live_target_start(struct live_target *target);

/* Closes and removes everything it made. Run the loop until it has no more handles, then free it. */
void live_target_close(struct live_target *target);
void live_target_free(struct live_target *target);

#endif
