/* mk_bugcheck.c: the end of a boot that went wrong (kd-protocol.md 5.9 rules 3 and 4). */
#include "sim/kernel/mk_state.h"

static void print_fatal(struct mk_state *state, uint32_t code, const uint64_t parameters[4])
{
    char *line = mk_line(state);
    uint32_t length = mk_text(line, "\n*** Fatal System Error: ");
    length += mk_text_hex(line + length, code, 8);
    length += mk_text(line + length, "\n                       (");
    for (uint32_t i = 0; i < 4; i++) {
        length += mk_text_hex(line + length, parameters[i], 2u * state->layout->pointer_bytes);
        length += mk_text(line + length, i < 3 ? "," : ")\n\n");
    }
    mk_print(state, line, length);
}

/* KiBugcheckData: the code and four parameters, where the data block says. */
static void store_bugcheck_data(struct mk_state *state, uint32_t code, const uint64_t parameters[4])
{
    enum { KI_BUGCHECK_DATA = 0x88 };
    uint8_t bytes[8];
    if (mk_read(state, state->map->debugger_data + KI_BUGCHECK_DATA, bytes, 8) != 8)
        return;
    uint64_t at = mk_address(state->layout, kd_load_u64(bytes));
    for (uint32_t i = 0; i < 5; i++) {
        uint32_t width = state->layout->pointer_bytes;
        kd_store_u64(bytes, i == 0 ? code : parameters[i - 1]);
        (void)mk_write(state, at + i * width, bytes, width);
    }
}

static void break_with_status(struct mk_state *state, uint32_t status)
{
    mk_register_set(state, 0, state->layout->context.gpr[state->layout->break_register], status);
    mk_interrupt(state, 0, state->map->bugcheck_handler);
    mk_run(state, 0, state->map->bugcheck_steps);
}

/* A crash while crashing has nothing more to say. There is no dump and no blue screen: the machine resets. */
_Noreturn void mk_bugcheck(struct mk_state *state, uint32_t code, const uint64_t parameters[4])
{
    if (state->crashing)
        mk_platform_reset();
    state->crashing = true;
    store_bugcheck_data(state, code, parameters);
    if (!state->enabled)
        mk_initialize(state, NULL);
    if (state->enabled && code != MK_MANUALLY_INITIATED) {
        print_fatal(state, code, parameters);
        break_with_status(state, MK_BREAK_BUGCHECK_FIRST);
    }
    if (state->enabled)
        break_with_status(state, MK_BREAK_BUGCHECK_SECOND);
    mk_platform_reset();
}
