/* sim_exit_record.h: one exit as a SIM_RECORD_EXIT: what both sides defined, and nothing else.
 *
 * Fields of the record: a = port; b, c, d and the payload by kind of access (bytes counted from bit 0):
 *
 *   other ports  b = width | out << 8                                c = value written   d = value read
 *   0x5658       b = 32 | channel << 16                              c = ECX | EBX << 32 before
 *                payload: EAX, ESI, EDI before, EAX, EDX, ESI, EDI   d = ECX | EBX << 32 after
 *                after, as u32
 *   0x565A       b = 32 | EBX << 16 | ECX << 32 before               c = 1 if a doorbell answered, else 0
 *                payload: the message, then the reply                d = ECX | EBX << 32 after, if one did
 *   0x5659       b = 8 | out << 8 | channel << 16 | count << 32      c = cookie low | cookie high << 32
 *                payload: the bytes moved                            d = EBX after
 *
 * A register that the call does not define (vmware-backdoor.md 1.2, 1.3, 3.1; doorbell.md 1) is recorded as 0: hosts and
 * compilers are free to leave anything there. Addresses and upper halves never get in. Tests:
 * tests/test_sim_exit_record.c */
#ifndef SIM_EXIT_RECORD_H
#define SIM_EXIT_RECORD_H

#include "sim/device/sim_exit.h"

void sim_record_port(struct sim_world *world, uint32_t vm, uint16_t port, uint8_t width_bits, bool out,
                     uint32_t value);

void sim_record_backdoor(struct sim_world *world, uint32_t vm, const struct sim_registers *before,
                         const struct sim_registers *after);

/* payload  in  the message and the reply behind it */
void sim_record_doorbell(struct sim_world *world, uint32_t vm, const struct sim_registers *before,
                         const struct sim_registers *after, const uint8_t *payload, size_t payload_bytes);

/* payload  in  the bytes that moved; may be NULL when payload_bytes is 0 */
void sim_record_string(struct sim_world *world, uint32_t vm, bool out, const struct sim_registers *before,
                       const struct sim_registers *after, const uint8_t *payload, size_t payload_bytes);

#endif
