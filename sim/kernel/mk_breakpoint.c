/* mk_breakpoint.c: the kernel's table of 32 software breakpoints (kd-protocol.md 4.4 rules 5 and 6).
 *
 * It outlives debugger sessions; a reboot, which zeroes the state, clears it. */
#include "sim/kernel/mk_state.h"

static const uint8_t int3 = 0xCC;

static void insert(struct mk_state *state, struct mk_breakpoint *breakpoint)
{
    breakpoint->inserted = mk_read(state, breakpoint->address, &breakpoint->original, 1) == 1 &&
                           mk_write(state, breakpoint->address, &int3, 1) == 1;
}

static void take_out(struct mk_state *state, struct mk_breakpoint *breakpoint)
{
    if (breakpoint->inserted)
        (void)mk_write(state, breakpoint->address, &breakpoint->original, 1);
    *breakpoint = (struct mk_breakpoint){0};
}

void mk_breakpoints_delete_range(struct mk_state *state, uint64_t first, uint32_t len_bytes)
{
    for (uint32_t i = 0; i < MK_BREAKPOINTS; i++) {
        struct mk_breakpoint *breakpoint = &state->breakpoints[i];
        if (breakpoint->used && breakpoint->address - first < len_bytes)
            take_out(state, breakpoint);
    }
}

void mk_breakpoints_insert_deferred(struct mk_state *state)
{
    for (uint32_t i = 0; i < MK_BREAKPOINTS; i++)
        if (state->breakpoints[i].used && !state->breakpoints[i].inserted)
            insert(state, &state->breakpoints[i]);
}

uint32_t mk_write_breakpoint(struct mk_state *state, struct mk_request *request)
{
    uint64_t address = mk_get_address(state, request);
    uint32_t free_slot = MK_BREAKPOINTS;
    mk_put_u32(request, 8, 0);
    for (uint32_t i = 0; i < MK_BREAKPOINTS; i++) {
        if (!state->breakpoints[i].used)
            free_slot = mk_min(free_slot, i);
        else if (state->breakpoints[i].address == address)
            return MK_UNSUCCESSFUL;
    }
    if (free_slot == MK_BREAKPOINTS)
        return MK_UNSUCCESSFUL;
    state->breakpoints[free_slot] = (struct mk_breakpoint){.address = address, .used = true};
    insert(state, &state->breakpoints[free_slot]);
    mk_put_u32(request, 8, free_slot + 1);
    return MK_SUCCESS;
}

uint32_t mk_restore_breakpoint(struct mk_state *state, struct mk_request *request)
{
    uint32_t handle = mk_get_u32(request, 0);
    if (handle == 0 || handle > MK_BREAKPOINTS || !state->breakpoints[handle - 1].used)
        return MK_UNSUCCESSFUL;
    take_out(state, &state->breakpoints[handle - 1]);
    return MK_SUCCESS;
}
