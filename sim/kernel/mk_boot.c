/* mk_boot.c: from power-on to the tick loop (kd-protocol.md 5.2), and what the tick does. */
#include "sim/kernel/mk_state.h"

size_t mk_state_bytes(void)
{
    return sizeof(struct mk_state);
}

uint8_t *mk_debugger_not_present(struct mk_state *state)
{
    return &state->not_present;
}

uint8_t *mk_debugger_enabled(struct mk_state *state)
{
    _Static_assert(sizeof state->enabled == 1, "a BOOLEAN");
    return (uint8_t *)&state->enabled;
}

/* loader_block is what the module's platform gets to see: struct mk_boot, or NULL when it is called again. */
void mk_initialize(struct mk_state *state, const struct mk_boot *loader_block)
{
    enum { RETRIES = 20 }; /* kd-protocol.md 2.6 note 5 */
    state->kd.KdpDefaultRetries = RETRIES;
    state->not_present = 0;
    uint32_t status = mk_module_initialize(state, loader_block);
    state->enabled = status == KD_STATUS_SUCCESS;
    if (!state->enabled)
        state->not_present = 1;
    mk_trace_event(MK_TRACE_INITIALIZE, status);
}

static void start_processors(struct mk_state *state)
{
    mk_word_store(state->layout, state->cpus[0].special + state->layout->special.cr3,
                  state->map->directory_table_pa);
    mk_msrs_init(state);
    mk_processors_load(state); /* the builder has put first values into every KPRCB */
}

/* Notice number index; what goes beyond the modules of the image repeats its drivers. */
static const struct mk_module *module_number(const struct mk_state *state, uint32_t index)
{
    enum { BOOT_IMAGES = 2 }; /* kernel and HAL load once */
    uint32_t count = state->map->module_count;
    if (index >= count)
        index = count > BOOT_IMAGES ? BOOT_IMAGES + (index - count) % (count - BOOT_IMAGES) : count - 1;
    return &state->map->modules[index];
}

static void boot(struct mk_state *state)
{
    mk_initialize(state, state->boot);
    for (uint32_t i = 0; i < state->boot->modules; i++)
        mk_load_symbols(state, module_number(state, i));
    if (mk_poll(state))
        mk_break(state);
    for (uint32_t i = 0; i < state->boot->prints; i++)
        mk_print_numbered(state, "boot: line", i + 1u);
    if (state->enabled)
        mk_module_initialize_late(state->boot);
    mk_trace_event(MK_TRACE_BOOTED, 0);
    if (state->boot->initial_break && state->enabled)
        mk_break(state);
}

/* ---- the world's wishes -------------------------------------------------------------------------------- */

/* Framing state stays in RAM; what the devices held does not survive, so the module sets its own up again. */
static void sleep(uint32_t ticks)
{
    mk_module_save(true);
    mk_module_power(false);
    for (uint32_t i = 0; i < ticks; i++)
        mk_platform_wait_tick();
    mk_module_power(true);
    mk_module_restore(true);
}

static void obey(struct mk_state *state)
{
    struct mk_command *command = &state->command;
    struct mk_exception exception = {.code = command->code};
    switch (command->kind) {
    case MK_COMMAND_NONE:
        return;
    case MK_COMMAND_PRINT:
        for (uint32_t i = 0; i < command->count; i++)
            mk_print_numbered(state, command->text, i + 1u);
        return;
    case MK_COMMAND_PROMPT:
        mk_prompt(state, command->text, command->count, command->code != 0);
        return;
    case MK_COMMAND_LOAD:
        for (uint32_t i = 0; i < command->count; i++)
            mk_load_symbols(state, module_number(state, state->map->module_count + i));
        return;
    case MK_COMMAND_EXCEPTION:
        exception.address = mk_register(state, 0, state->layout->context.pc);
        mk_raise(state, 0, &exception);
        return;
    case MK_COMMAND_STRING:
        mk_command_string(state, command->text, mk_min(command->count, MK_TEXT_BYTES));
        return;
    case MK_COMMAND_TRACE:
        mk_trace_io(state, command->text, mk_min(command->count, MK_TEXT_BYTES));
        return;
    case MK_COMMAND_CONTROL:
        mk_control_request(state, command->code, command->count);
        return;
    case MK_COMMAND_FILE_READ:
        mk_file_read(state, command->text);
        return;
    case MK_COMMAND_FILE_WRITE:
        mk_file_write(state, command->text, command->count);
        return;
    case MK_COMMAND_RESET:
        mk_shutdown_notice(state);
        mk_platform_reset();
    case MK_COMMAND_POWER_OFF:
        mk_shutdown_notice(state);
        mk_platform_power_off();
    case MK_COMMAND_SLEEP:
        sleep(command->count);
        return;
    case MK_COMMAND_INITIALIZE:
        mk_initialize(state, NULL);
        if (state->enabled)
            mk_module_initialize_late(NULL);
        return;
    }
}

static void tick(struct mk_state *state)
{
    uint32_t period = state->boot->ticks_per_print;
    state->ticks++;
    if (mk_poll(state))
        mk_break(state);
    if (period > 0 && state->ticks % period == 0)
        mk_print_numbered(state, "tick: line", ++state->lines);
    state->command.kind = MK_COMMAND_NONE;
    mk_platform_command(&state->command);
    obey(state);
    for (uint32_t cpu = 0; cpu < state->boot->processors; cpu++)
        mk_run(state, cpu, state->boot->steps_per_tick);
}

_Noreturn void mk_main(void)
{
    struct mk_state *state = mk_platform_state();
    state->boot = mk_platform_boot();
    state->map = mk_platform_map();
    state->layout = mk_layout(state->boot->arch);
    state->ram = mk_platform_ram();
    start_processors(state);
    boot(state);
    for (;;) {
        mk_platform_wait_tick();
        tick(state);
    }
}
