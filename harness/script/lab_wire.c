/* The wire monitor in a lab: both lines' bytes, and of everything else only what the wire does not show. */
#include "harness/script/lab_wire.h"

static void note(struct lab *lab, enum monitor_event event)
{
    monitor_note(lab->monitor, event, sim_now(lab->world));
}

/* ---- bytes ---- */

static void target_wrote(void *context, const uint8_t *bytes, size_t len_bytes)
{
    struct lab *lab = context;
    monitor_wrote(lab->monitor, MONITOR_TARGET, sim_now(lab->world), bytes, len_bytes);
}

static void debugger_wrote(void *context, const uint8_t *bytes, size_t len_bytes)
{
    struct lab *lab = context;
    monitor_wrote(lab->monitor, MONITOR_DEBUGGER, sim_now(lab->world), bytes, len_bytes);
}

static void target_received(void *context, const uint8_t *bytes, size_t len_bytes)
{
    struct lab *lab = context;
    for (size_t at = 0; at < len_bytes;)
        at += monitor_received(lab->monitor, MONITOR_TARGET, sim_now(lab->world), bytes + at, len_bytes - at);
}

/* The debugger answers a frame at once, so the monitor must have seen no more than it when it does. */
void lab_wire_input(struct lab *lab, const uint8_t *bytes, size_t len_bytes)
{
    if (lab->plant == LAB_PLANT_UNHEARD) {
        lab->plant = LAB_PLANT_NONE;
        dbg_input(lab->dbg, bytes, len_bytes);
        return;
    }
    for (size_t at = 0; at < len_bytes;) {
        size_t piece =
            monitor_received(lab->monitor, MONITOR_DEBUGGER, sim_now(lab->world), bytes + at, len_bytes - at);
        dbg_input(lab->dbg, bytes + at, piece);
        at += piece;
    }
}

/* ---- what the wire does not show ---- */

/* What a UART gets wrong in its receiver came whole off the line. */
void lab_wire_fault(struct lab *lab, const struct sim_fault_rule *rule)
{
    if (rule->kind == SIM_FAULT_FRAMING || rule->kind == SIM_FAULT_OVERRUN)
        note(lab, MONITOR_TARGET_MISHEARS);
    monitor_struck(lab->monitor, rule->direction == SIM_FAULT_TO_TARGET ? MONITOR_TARGET : MONITOR_DEBUGGER,
                   sim_now(lab->world));
}

/* A machine that goes may leave a last word on the wire, under whatever id. What is not listed is a while in
 * which nobody can be blamed for silence. */
static void on_life(void *context, enum sim_life life)
{
    static const enum monitor_event events[SIM_LIFES] = {
        [SIM_LIFE_POWER_ON] = MONITOR_TARGET_BOOTS, [SIM_LIFE_RESET] = MONITOR_TARGET_BOOTS,
        [SIM_LIFE_REBOOT] = MONITOR_TARGET_BOOTS,   [SIM_LIFE_POWER_OFF] = MONITOR_TARGET_LOST,
        [SIM_LIFE_REVERT] = MONITOR_TARGET_LOST,    [SIM_LIFE_ATTACH] = MONITOR_ATTACHED,
        [SIM_LIFE_DETACH] = MONITOR_DETACHED,
    };
    note(context, events[life]);
}

/* The relay begins an epoch with every hello that it accepts. */
static void on_rpc(void *context, bool is_reply, const uint8_t *bytes, size_t len_bytes)
{
    struct vm_reply reply;
    if (is_reply && vm_reply_load(&reply, bytes, len_bytes) == KD_OK && reply.kind == VM_HELLO &&
        reply.result == VM_DONE)
        note(context, MONITOR_TARGET_STARTS_IDS);
}

static void on_api(void *context, const struct mk_trace *trace)
{
    if (trace->event == MK_TRACE_INITIALIZE)
        note(context, MONITOR_TARGET_STARTS_IDS);
}

static void on_raw(void *context)
{
    note(context, MONITOR_RAW);
}

static void on_note(void *context, enum dbg_note what, uint64_t a, uint64_t b, uint64_t c)
{
    (void)b;
    (void)c;
    if (what == DBG_NOTE_STATE && a == DBG_SYNC)
        note(context, MONITOR_FRESH_START);
    if (what == DBG_NOTE_MANUAL)
        note(context, a != 0 ? MONITOR_MANUAL_ON : MONITOR_MANUAL_OFF);
}

static void on_violation(void *context, const struct monitor_violation *violation)
{
    struct lab *lab = context;
    oracle_report(lab->oracle, 7, violation->text);
}

/* ---- assembly ---- */

/* A guest's time-out is its polls, two accesses each; it absorbs RESETs for a tenth of it. A relay knows
 * time. */
static void set_target(struct monitor_config *config, const struct lab_config *lab)
{
    const struct sim_cost *cost = &lab->cost;
    uint64_t access_ns = cost->exit_ns > cost->poll_floor_ns ? cost->exit_ns : cost->poll_floor_ns;
    config->target_has_sessions = sim_link_has_relay(lab->vm.link);
    config->target_may_lose = lab->vm.link == SIM_LINK_SERIAL && lab->vm.uart == SIM_UART_WIRE;
    if (sim_link_has_relay(lab->vm.link) || lab->vm.polls == 0)
        return;
    config->target_wait_ns = 2 * access_ns * lab->vm.polls;
    config->reset_window_ns = config->target_wait_ns / 10;
    if (config->silence_ns < 10 * config->target_wait_ns)
        config->silence_ns = 10 * config->target_wait_ns;
}

void lab_wire_watch(struct lab *lab)
{
    struct monitor_config config = monitor_config_default();
    set_target(&config, &lab->config);
    config.debugger_wait_ns = lab->config.dbg.byte_wait_ns;
    config.violated = on_violation;
    config.context = lab;
    lab->monitor = monitor_create(&config);
    sim_line_set_tap(sim_vm_line(lab->vm, SIM_FAULT_TO_DEBUGGER),
                     &(struct sim_line_tap){.context = lab, .written = target_wrote});
    sim_line_set_tap(
        sim_vm_line(lab->vm, SIM_FAULT_TO_TARGET),
        &(struct sim_line_tap){.context = lab, .written = debugger_wrote, .delivered = target_received});
    sim_vm_observe(lab->vm,
                   &(struct sim_vm_observer){.context = lab, .api = on_api, .life = on_life, .rpc = on_rpc});
    dbg_observe(lab->dbg, &(struct dbg_observer){.context = lab, .note = on_note, .raw = on_raw});
}
