/* mk_debug.c: the kernel's calls of the module, state changes, and the loop in which a stop is served. */
#include "sim/kernel/mk_state.h"

/* ---- calls of the module, each reported ---------------------------------------------------------------- */

void mk_trace_event(enum mk_trace_event event, uint32_t status)
{
    const struct mk_trace trace = {.event = event, .status = status};
    mk_platform_trace(&trace);
}

static void trace_packet(enum mk_trace_event event, uint16_t type, uint32_t status,
                         const struct kd_string *header, const struct kd_string *data)
{
    struct mk_trace trace = {.event = event, .type = type, .status = status};
    if (header) {
        trace.first = header->Length >= 4 ? kd_load_u32(header->Buffer) : 0;
        trace.header = header->Buffer;
        trace.header_bytes = header->Length;
    }
    if (data) {
        trace.data = data->Buffer;
        trace.data_bytes = data->Length;
    }
    mk_platform_trace(&trace);
}

/* KUSER_SHARED_DATA.KdDebuggerEnabled follows the kernel's two flags (kd-protocol.md 2.12 rule 3). */
static void tell_shared_data(struct mk_state *state)
{
    enum { KD_DEBUGGER_ENABLED = 0x2D4, ENABLED = 1, PRESENT = 2 };
    uint8_t flags =
        (uint8_t)((state->enabled ? ENABLED : 0) | (state->enabled && !state->not_present ? PRESENT : 0));
    if (flags == state->shared_flags)
        return;
    state->shared_flags = flags;
    (void)mk_write(state, state->layout->shared_data + KD_DEBUGGER_ENABLED, &flags, 1);
}

void mk_send(struct mk_state *state, uint16_t type, struct kd_string *header, struct kd_string *data)
{
    trace_packet(MK_TRACE_SEND, type, 0, header, data);
    mk_module_send(state, type, header, data);
    tell_shared_data(state);
    const struct mk_trace sent = {.event = MK_TRACE_SENT,
                                  .type = type,
                                  .first = kd_load_u32(header->Buffer),
                                  .status = state->not_present != 0};
    mk_platform_trace(&sent);
}

uint32_t mk_receive(struct mk_state *state, uint16_t type, struct kd_string *header, uint32_t *data_bytes)
{
    struct kd_string data = {.MaximumLength = (uint16_t)(KD_BODY_BYTES_MAX - header->MaximumLength),
                             .Buffer = state->data};
    uint32_t length = 0;
    uint32_t status = mk_module_receive(state, type, header, &data, &length);
    tell_shared_data(state);
    if (status == KD_RECEIVED) {
        *data_bytes = mk_min(length, data.MaximumLength); /* not more than was asked for, whatever it says */
        data.Length = (uint16_t)*data_bytes;
        trace_packet(MK_TRACE_RECEIVE, type, status, header, &data);
    } else {
        trace_packet(MK_TRACE_RECEIVE, type, status, NULL, NULL);
    }
    return status;
}

/* Control-C first, then the wire (kd-protocol.md 5.7 rule 1). Returns true when the kernel shall break in. */
bool mk_poll(struct mk_state *state)
{
    if (!state->enabled)
        return false;
    if (state->kd.KdpControlCPending) {
        state->kd.KdpControlCPending = 0;
        mk_trace_event(MK_TRACE_BREAK, 1);
        return true;
    }
    uint32_t status = mk_module_poll();
    mk_trace_event(MK_TRACE_POLL, status);
    if (status != KD_RECEIVED)
        return false;
    mk_trace_event(MK_TRACE_BREAK, 0);
    return true;
}

/* ---- state changes (kd-protocol.md 4.1) ---------------------------------------------------------------- */

enum { INSTRUCTION_STREAM_BYTES = 16 };

static void report_registers(struct mk_state *state, uint64_t pc)
{
    enum { SEGMENTS_VALID = 1, KERNEL_CODE = 2 };
    const struct mk_report_layout *report = &state->layout->report;
    const struct mk_context_layout *context = &state->layout->context;
    const struct mk_cpu *cpu = &state->cpus[state->cpu];
    uint8_t *to = state->change;
    kd_copy(to + report->dr6, cpu->special + state->layout->special.dr[6], state->layout->pointer_bytes);
    kd_copy(to + report->dr7, cpu->special + state->layout->special.dr[7], state->layout->pointer_bytes);
    kd_store_u32(to + report->eflags, mk_eflags(state, state->cpu));
    kd_store_u16(to + report->flags, SEGMENTS_VALID | KERNEL_CODE);
    kd_copy(to + report->cs, cpu->context + context->cs, 2);
    kd_copy(to + report->ds, cpu->context + context->ds, 2);
    kd_copy(to + report->es, cpu->context + context->es, 2);
    kd_copy(to + report->fs, cpu->context + context->fs, 2);
    uint32_t count = mk_read(state, pc, to + report->stream, INSTRUCTION_STREAM_BYTES);
    kd_store_u16(to + report->count, (uint16_t)count);
}

/* Everything but the union; our own breakpoints near the program counter go first (note 2). */
static void begin_change(struct mk_state *state, uint32_t new_state)
{
    uint64_t pc = mk_register(state, state->cpu, state->layout->context.pc);
    mk_breakpoints_delete_range(state, pc, INSTRUCTION_STREAM_BYTES);
    kd_fill(state->change, 0, sizeof state->change);
    kd_store_u32(state->change, new_state);
    kd_store_u16(state->change + 4, state->layout->processor_level);
    kd_store_u16(state->change + 6, (uint16_t)state->cpu);
    kd_store_u32(state->change + 8, state->boot->processors);
    kd_store_u64(state->change + 16, state->map->thread[state->cpu]);
    kd_store_u64(state->change + 24, pc);
    report_registers(state, pc);
}

static void exception_change(struct mk_state *state, const struct mk_exception *exception, bool first_chance)
{
    begin_change(state, KD_STATE_EXCEPTION);
    kd_store_u32(state->change + 32, exception->code);
    kd_store_u64(state->change + 48, exception->address);
    kd_store_u32(state->change + 56, exception->parameters);
    for (uint32_t i = 0; i < exception->parameters; i++)
        kd_store_u64(state->change + 64 + 8 * i, exception->information[i]);
    kd_store_u32(state->change + 184, first_chance);
}

/* ---- a stay in the debugger (kd-protocol.md 5.1) ------------------------------------------------------- */

static enum mk_verdict serve_one(struct mk_state *state)
{
    struct kd_string header = {.MaximumLength = KD_MANIPULATE_BYTES, .Buffer = state->request};
    struct mk_request request = {.header = state->request};
    uint32_t status = mk_receive(state, KD_TYPE_MANIPULATE, &header, &request.data_bytes);
    if (status == KD_RESEND)
        return MK_SEND_AGAIN;
    if (status != KD_RECEIVED || header.Length != KD_MANIPULATE_BYTES)
        return MK_SERVE;
    request.processor = kd_load_u16(state->request + 6);
    return mk_serve(state, &request);
}

/* Sends the state change and serves until the debugger lets go. path_bytes of state->data go with it: a
 * repeat needs them again, so the caller names the module they came from. */
static enum mk_verdict converse(struct mk_state *state, const char *path, uint32_t path_bytes)
{
    enum mk_verdict verdict = MK_SEND_AGAIN;
    while (verdict == MK_SEND_AGAIN) {
        struct kd_string header = {.Length = KD_STATE_CHANGE_BYTES, .Buffer = state->change};
        struct kd_string data = {.Length = (uint16_t)path_bytes, .Buffer = state->data};
        kd_copy(state->data, path, path_bytes);
        mk_send(state, KD_TYPE_STATE_CHANGE64, &header, &data);
        if (state->not_present)
            return MK_CONTINUE;
        do
            verdict = serve_one(state);
        while (verdict == MK_SERVE);
    }
    return verdict;
}

static void enter(struct mk_state *state)
{
    mk_module_save(false);
    state->context_sent = false;
    state->staged_cpu = MK_PROCESSORS_MAX;
    state->trace_given = false;
    mk_processors_save(state);
}

static void leave(struct mk_state *state)
{
    mk_breakpoints_insert_deferred(state);
    mk_processors_load(state);
    if (state->trace_given) {
        uint32_t eflags = mk_eflags(state, state->cpu) & ~(uint32_t)MK_FLAG_TF;
        mk_eflags_set(state, state->cpu, eflags | (state->trace_flag ? MK_FLAG_TF : 0u));
    }
    mk_module_restore(false);
}

static _Noreturn void crash_on_demand(struct mk_state *state)
{
    static const uint64_t none[4] = {0};
    mk_bugcheck(state, MK_MANUALLY_INITIATED, none);
}

/* One report of an exception, from state change to resumption. */
static enum mk_verdict report(struct mk_state *state, uint32_t cpu, const struct mk_exception *exception,
                              bool first_chance)
{
    state->cpu = cpu;
    mk_trace_event(MK_TRACE_STOP, 0);
    enter(state);
    exception_change(state, exception, first_chance);
    enum mk_verdict verdict = converse(state, NULL, 0);
    leave(state);
    state->cpu = 0;
    mk_trace_event(MK_TRACE_RUN, 0);
    if (verdict == MK_CRASH)
        crash_on_demand(state);
    return verdict;
}

/* First chance, then, as nobody here handles exceptions, second chance, then the end (4.4 note 2). */
void mk_raise(struct mk_state *state, uint32_t cpu, const struct mk_exception *exception)
{
    const uint64_t parameters[4] = {exception->code, exception->address, exception->information[0],
                                    exception->information[1]};
    for (uint32_t chance = 1; state->enabled && chance <= 2; chance++)
        if (report(state, cpu, exception, chance == 1) != MK_NOT_HANDLED)
            return;
    mk_bugcheck(state, MK_EXCEPTION_NOT_HANDLED, parameters);
}

enum mk_verdict mk_switch_processor(struct mk_state *state, uint32_t cpu)
{
    if (cpu != state->cpu && cpu < state->boot->processors) {
        struct mk_exception wake = {.code = MK_WAKE_DEBUGGER};
        state->cpu = cpu;
        wake.address = mk_register(state, cpu, state->layout->context.pc);
        exception_change(state, &wake, true);
    }
    state->context_sent = false;
    return MK_SEND_AGAIN;
}

/* ---- running ------------------------------------------------------------------------------------------- */

/* The processor whose next instruction is to be run: one that is being single-stepped, else the given one. */
static uint32_t next_processor(const struct mk_state *state, uint32_t cpu, bool *traced)
{
    for (uint32_t i = 0; i < state->boot->processors; i++) {
        *traced = (mk_eflags(state, i) & MK_FLAG_TF) != 0;
        if (*traced)
            return i;
    }
    return cpu;
}

/* A single step is run whatever the budget says: its trap follows at once, without waiting for a tick. */
void mk_run(struct mk_state *state, uint32_t cpu, uint32_t steps)
{
    for (;;) {
        struct mk_exception exception;
        bool traced;
        uint32_t next = next_processor(state, cpu, &traced);
        if (steps == 0 && !traced)
            return;
        if (steps > 0)
            steps--;
        if (mk_step(state, next, &exception))
            mk_raise(state, next, &exception);
    }
}

/* The clock interrupt finds the wish and calls the break helper: interpreted like all the image's code, so
 * the stack has what a debugger expects there. The budget leads to the int 3 and, once the debugger has moved
 * the program counter over it (5.5 rule 4), back to what was interrupted. */
void mk_break(struct mk_state *state)
{
    mk_interrupt(state, 0, state->map->break_handler);
    mk_run(state, 0, state->map->break_steps);
}

/* ---- notices: symbols, command strings ----------------------------------------------------------------- */

/* They enter through DebugService, unless nobody is there to hear them (2.12 rule 1). */
static bool enter_service(struct mk_state *state, uint32_t new_state)
{
    if (!state->enabled || state->not_present)
        return false;
    mk_call(state, 0, state->map->debug_service);
    enter(state);
    begin_change(state, new_state);
    return true;
}

/* They go on behind its int 3, unless the debugger went elsewhere. */
static void leave_service(struct mk_state *state, const char *data, uint32_t data_bytes)
{
    uint16_t pc = state->layout->context.pc;
    enum mk_verdict verdict = converse(state, data, data_bytes);
    leave(state);
    state->cpu = 0;
    if (verdict == MK_CRASH)
        crash_on_demand(state);
    if (mk_register(state, 0, pc) == state->map->debug_service)
        mk_register_set(state, 0, pc, state->map->debug_service + 1);
    mk_run(state, 0, 1);
}

static void notify(struct mk_state *state, const struct mk_module *module, uint64_t base, uint64_t process,
                   bool unload)
{
    uint32_t path_bytes = 0;
    if (!enter_service(state, KD_STATE_LOAD_SYMBOLS))
        return;
    while (module && path_bytes + 1 < sizeof module->path && module->path[path_bytes] != 0)
        path_bytes++;
    kd_store_u32(state->change + 32, module ? path_bytes + 1 : 0);
    kd_store_u64(state->change + 40, base);
    kd_store_u64(state->change + 48, process);
    kd_store_u32(state->change + 56, module ? module->checksum : 0);
    kd_store_u32(state->change + 60, module ? module->size_bytes : 0);
    state->change[64] = unload;
    leave_service(state, module ? module->path : NULL, module ? path_bytes + 1 : 0);
}

void mk_load_symbols(struct mk_state *state, const struct mk_module *module)
{
    notify(state, module, module->base, state->layout->boot_process, false);
}

/* A stop that names itself: name, NUL, command, NUL. The union stays zero: no flags are known (4.1). */
void mk_command_string(struct mk_state *state, const char *text, uint32_t text_bytes)
{
    if (enter_service(state, KD_STATE_COMMAND_STRING))
        leave_service(state, text, text_bytes);
}

/* "The system is going down" (4.1 note 6, 5.9 rule 2). */
void mk_shutdown_notice(struct mk_state *state)
{
    notify(state, NULL, UINT64_MAX, 0, true);
}
