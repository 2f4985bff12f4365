/* sim_guest_private.h: between sim_guest.c and sim_guest_paging.c. */
#ifndef SIM_GUEST_PRIVATE_H
#define SIM_GUEST_PRIVATE_H

#include "sim/machine/sim_guest.h"

/* The linear address of the alias (guest_layout.h). */
uint64_t sim_guest_alias(const struct sim_guest *guest);

/* Writes page tables for the parts, RAM and the alias, and sets page_table. */
void sim_guest_build_paging(struct sim_guest *guest);

#endif
