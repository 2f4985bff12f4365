/* sim_relay.h: a relay core that lives in a world: its events come from the VM and from lines, its clock is
 * the world's. It does in the world what kdrelay does on sockets, with the same core. Tests:
 * tests/test_sim_relay.c */
#ifndef SIM_RELAY_H
#define SIM_RELAY_H

#include "sim/world/sim_line.h"
#include "transport/relay/relay_core.h"

struct sim_relay;

/* What a relay says to its VM. */
struct sim_relay_says {
    void *context;
    void (*reply)(void *context, const uint8_t *bytes, size_t len_bytes); /* inside whatever event made it */
    void (*attention)(void *context, bool raised); /* each change of relay_vm_attention; false before the first */
};

/* vm           in  number for the trace; token streams of two VMs differ by it
 * to_debugger  in  where the relay's bytes go; the caller's
 * says         in  called inside events; every reply is traced */
struct sim_relay *sim_relay_create(struct sim_world *world, uint32_t vm, struct sim_line *to_debugger,
                                   const struct sim_relay_says *says);
void sim_relay_destroy(struct sim_relay *relay);

/* A whole message from the VM, without the command word. */
void sim_relay_request(struct sim_relay *relay, const uint8_t *bytes, size_t len_bytes);
void sim_relay_vm_lost(struct sim_relay *relay);
void sim_relay_vm_gone(struct sim_relay *relay);

/* The relay's process ends: everything it knew is gone, nothing is due. And begins again: a new life, with tokens that
 * no life before it drew (relay_core.h). One that was created is alive. */
void sim_relay_kill(struct sim_relay *relay);
void sim_relay_restart(struct sim_relay *relay);

/* The host sleeps, and wakes: bytes of the debugger wait meanwhile, time-outs that passed come late. */
void sim_relay_freeze(struct sim_relay *relay, bool frozen);

/* The debugger's side. Bytes that the core cannot take yet wait here, as they would in a socket. */
void sim_relay_connected(struct sim_relay *relay);
void sim_relay_disconnected(struct sim_relay *relay);
void sim_relay_input(struct sim_relay *relay, const uint8_t *bytes, size_t len_bytes);

const struct relay_core *sim_relay_core(const struct sim_relay *relay);

#endif
