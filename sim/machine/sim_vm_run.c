/* The guest's exits: their time, their devices, their records.
 *
 * Time passes in one place, wait_until. As long as nothing else is due the guest goes on inline, which is
 * what makes a world fast; else an event brings it back. Both give the same history. */
#include "sim/machine/sim_exit_record.h"
#include "sim/machine/sim_vm_private.h"
#include <string.h>

/* A guest that polls for ever must give the world's driver a turn now and then, to look at its own
 * conditions. */
enum { BURST_EXITS = 1024 };

static void guest_turn(void *context);

/* While the VM stands still the turn only is due: sim_vm_go_on arranges for it. */
static void schedule_turn(struct sim_vm *vm, uint64_t time_ns)
{
    bool stands = vm->state == SIM_VM_STANDING;
    vm->due_ns = stands ? vm->stands_since_ns : time_ns;
    vm->event = stands ? 0 : sim_at(vm->world, time_ns, guest_turn, vm);
}

/* Returns true when the guest is at time_ns at once; false: an event takes it there. */
static bool wait_until(struct sim_vm *vm, uint64_t time_ns)
{
    if (vm->burst < BURST_EXITS && sim_may_advance(vm->world, time_ns)) {
        vm->burst++;
        sim_advance(vm->world, time_ns);
        return true;
    }
    schedule_turn(vm, time_ns);
    return false;
}

/* ---- port accesses ---- */

static bool is_string(enum sim_guest_exit_kind kind)
{
    return kind == SIM_GUEST_OUTS || kind == SIM_GUEST_INS;
}

static bool is_8bit(enum sim_guest_exit_kind kind)
{
    return kind == SIM_GUEST_IN8 || kind == SIM_GUEST_OUT8;
}

static bool is_doorbell(const struct sim_vm *vm)
{
    return vm->exit->kind == SIM_GUEST_BACKDOOR && (uint16_t)vm->before.rdx == SIM_PORT_DOORBELL;
}

static void count_exit(struct sim_vm *vm)
{
    struct sim_vm_counters *counters = &vm->counters;
    uint32_t beside = sim_skew_exits(vm);
    counters->exits += 1 + beside;
    counters->exits_backdoor += beside;
    if (is_doorbell(vm))
        counters->exits_doorbell++;
    else if (vm->exit->kind == SIM_GUEST_BACKDOOR)
        counters->exits_backdoor++;
    else if (is_string(vm->exit->kind))
        counters->exits_string++;
    else if (sim_uart_owns(vm->uart, vm->exit->port))
        counters->exits_uart++;
}

static uint64_t copy_cost_ns(const struct sim_vm *vm, uint64_t bytes)
{
    return (bytes * sim_cost(vm->world)->payload_ps_per_byte + 999) / 1000;
}

/* What a device refuses for its length, whatever the guest says, is not copied. */
static uint64_t exit_cost_ns(const struct sim_vm *vm)
{
    uint64_t bytes = 0;
    if (is_string(vm->exit->kind))
        bytes = vm->before.rcx < SIM_RPC_BYTES_MAX ? vm->before.rcx : SIM_RPC_BYTES_MAX;
    else if (is_doorbell(vm) && (uint32_t)vm->before.rbx == SIM_DOORBELL_RING)
        bytes = vm->before.rcx < SIM_DOORBELL_BYTES_MAX ? vm->before.rcx : SIM_DOORBELL_BYTES_MAX;
    return (1 + sim_skew_exits(vm)) * sim_cost(vm->world)->exit_ns + copy_cost_ns(vm, bytes);
}

static uint64_t not_before_the_clock(const struct sim_vm *vm, uint64_t time_ns)
{
    const struct sim_vm_clock *clock = &vm->config.clock;
    const uint64_t least_ns = clock->now_ns == NULL ? 0 : clock->now_ns(clock->context);
    return time_ns < least_ns ? least_ns : time_ns;
}

/* Returns when it will be complete. */
static uint64_t start_access(struct sim_vm *vm)
{
    if (!is_8bit(vm->exit->kind))
        vm->before = vm->exit->registers;
    count_exit(vm);
    vm->exit_ns = sim_now(vm->world);
    vm->step = SIM_VM_STEP_ACCESS;
    return not_before_the_clock(vm, vm->exit_ns + exit_cost_ns(vm));
}

static bool begin_access(struct sim_vm *vm)
{
    return wait_until(vm, start_access(vm));
}

static void tell_exit(struct sim_vm *vm)
{
    const struct sim_vm_exit exit = {.kind = vm->exit->kind,
                                     .port = vm->exit->port,
                                     .value = vm->exit->value,
                                     .began_ns = vm->exit_ns,
                                     .before = &vm->before,
                                     .after = &vm->exit->registers};
    for (unsigned i = 0; i < vm->observer_count; i++)
        if (vm->observers[i].exit != NULL)
            vm->observers[i].exit(vm->observers[i].context, &exit);
}

/* The guest goes on, not before a time. */
static bool end_access_at(struct sim_vm *vm, uint64_t least_ns)
{
    vm->step = SIM_VM_STEP_GUEST;
    tell_exit(vm);
    return least_ns <= sim_now(vm->world) || wait_until(vm, least_ns);
}

/* A status poll that found nothing lasts at least a bus cycle, or a free exit would stop the clock. */
static bool end_access(struct sim_vm *vm, bool idle_poll)
{
    vm->counters.exits_idle += idle_poll;
    return end_access_at(vm, idle_poll ? vm->exit_ns + sim_cost(vm->world)->poll_floor_ns : 0);
}

static bool access_in8(struct sim_vm *vm)
{
    struct sim_guest_exit *exit = vm->exit;
    bool idle_poll = false;
    exit->value = 0xFF;
    if (sim_uart_owns(vm->uart, exit->port))
        exit->value = sim_uart_in(vm->uart, exit->port, &idle_poll);
    sim_record_port(vm->world, vm->config.number, exit->port, 8, false, exit->value);
    return end_access(vm, idle_poll);
}

static bool access_out8(struct sim_vm *vm)
{
    const struct sim_guest_exit *exit = vm->exit;
    sim_record_port(vm->world, vm->config.number, exit->port, 8, true, exit->value);
    if (sim_uart_owns(vm->uart, exit->port))
        sim_uart_out(vm->uart, exit->port, exit->value);
    return end_access(vm, false);
}

/* Nothing here has a port wider than a byte but the backdoor. */
static bool access_in_wide(struct sim_vm *vm)
{
    struct sim_guest_exit *exit = vm->exit;
    exit->wide = exit->width == 2 ? UINT16_MAX : UINT32_MAX;
    sim_record_port(vm->world, vm->config.number, exit->port, (uint8_t)(8 * exit->width), false, exit->wide);
    return end_access(vm, false);
}

static bool access_out_wide(struct sim_vm *vm)
{
    const struct sim_guest_exit *exit = vm->exit;
    sim_record_port(vm->world, vm->config.number, exit->port, (uint8_t)(8 * exit->width), true, exit->wide);
    return end_access(vm, false);
}

/* Adds bytes that an exit moved, read where the guest has them, to those that are behind each other in vm->payload. */
static size_t add_payload(struct sim_vm *vm, size_t have_bytes, uint64_t address, uint64_t bytes)
{
    if (bytes > sizeof vm->payload - have_bytes ||
        !vm->memory.read(vm->memory.context, address, vm->payload + have_bytes, (size_t)bytes))
        return have_bytes;
    return have_bytes + (size_t)bytes;
}

static void record_string(struct sim_vm *vm)
{
    enum { STATUS_SUCCESS = 0x00010000 };
    const struct sim_registers *after = &vm->exit->registers;
    bool out = vm->exit->kind == SIM_GUEST_OUTS;
    /* A refused receive leaves its buffer undefined (vmware-backdoor.md V11). */
    bool moved = out || (after->rbx & STATUS_SUCCESS) != 0;
    size_t bytes = moved ? add_payload(vm, 0, out ? vm->before.rsi : vm->before.rdi, vm->before.rcx) : 0;
    sim_record_string(vm->world, vm->config.number, out, &vm->before, after, vm->payload, bytes);
}

static bool end_backdoor(struct sim_vm *vm)
{
    if (is_string(vm->exit->kind))
        record_string(vm);
    else
        sim_record_backdoor(vm->world, vm->config.number, &vm->before, &vm->exit->registers);
    return end_access(vm, false);
}

/* Returns the reply's length. */
static uint64_t record_doorbell(struct sim_vm *vm)
{
    const struct sim_registers *before = &vm->before, *after = &vm->exit->registers;
    size_t bytes = 0;
    uint64_t reply_bytes = 0;
    if ((uint32_t)before->rbx == SIM_DOORBELL_RING && (uint32_t)after->rbx == 0) {
        reply_bytes = (uint32_t)after->rcx < SIM_DOORBELL_BYTES_MAX ? (uint32_t)after->rcx : 0;
        bytes = add_payload(vm, bytes, before->rsi, before->rcx);
        bytes = add_payload(vm, bytes, before->rdi, reply_bytes);
    }
    sim_record_doorbell(vm->world, vm->config.number, before, after, vm->payload, bytes);
    return reply_bytes;
}

/* The request was paid for when the exit began; what comes back is paid for now that it is known. */
static bool end_doorbell(struct sim_vm *vm)
{
    uint64_t reply_bytes = record_doorbell(vm);
    return end_access_at(vm, sim_now(vm->world) + copy_cost_ns(vm, reply_bytes));
}

static bool hold(struct sim_vm *vm)
{
    vm->step = SIM_VM_STEP_HELD;
    return false;
}

static bool access_doorbell(struct sim_vm *vm)
{
    if (sim_doorbell_access(vm->doorbell, &vm->exit->registers) == SIM_EXIT_HELD)
        return hold(vm);
    return end_doorbell(vm);
}

static bool access_backdoor(struct sim_vm *vm)
{
    if (is_doorbell(vm))
        return access_doorbell(vm);
    uint16_t port = is_string(vm->exit->kind) ? SIM_PORT_BACKDOOR_HB : SIM_PORT_BACKDOOR;
    bool is_in = vm->exit->kind != SIM_GUEST_OUTS;
    if (sim_backdoor_access(vm->backdoor, port, is_in, &vm->exit->registers) == SIM_EXIT_HELD)
        return hold(vm);
    return end_backdoor(vm);
}

static bool access_released(struct sim_vm *vm)
{
    if (is_doorbell(vm)) {
        sim_doorbell_resume(vm->doorbell, &vm->exit->registers);
        return end_doorbell(vm);
    }
    sim_backdoor_resume(vm->backdoor, &vm->exit->registers);
    return end_backdoor(vm);
}

void sim_vm_completed(void *context)
{
    struct sim_vm *vm = context;
    if (vm->step != SIM_VM_STEP_HELD)
        return;
    vm->step = SIM_VM_STEP_RELEASED;
    schedule_turn(vm, sim_now(vm->world));
}

/* ---- what costs nothing ---- */

/* Ticks are multiples of the tick since power-on, so a late guest misses some and is not late for ever. */
static bool take_tick(struct sim_vm *vm)
{
    uint64_t tick_ns = sim_cost(vm->world)->tick_ns;
    uint64_t running_ns = sim_now(vm->world) - vm->power_on_ns;
    vm->counters.ticks++;
    return wait_until(vm, vm->power_on_ns + (running_ns / tick_ns + 1) * tick_ns);
}

/* What a guest can learn about the VMM it runs on; leaf 1 says that there is one. */
static bool take_cpuid(struct sim_vm *vm)
{
    enum { LEAF_FEATURES = 1, LEAF_VENDOR = 0x40000000 };
    struct sim_guest_exit *exit = vm->exit;
    bool vmware = vm->config.backdoor == SIM_BACKDOOR_VMWARE || vm->config.backdoor == SIM_BACKDOOR_LB_ONLY;
    memset(exit->cpuid, 0, sizeof exit->cpuid);
    if (exit->leaf == LEAF_FEATURES) {
        exit->cpuid[2] = 0x80000000u;
    } else if (exit->leaf == LEAF_VENDOR && vmware) {
        exit->cpuid[0] = LEAF_VENDOR;
        exit->cpuid[1] = 0x61774D56u; /* "VMwareVMware" (vmware-backdoor.md rule 17) */
        exit->cpuid[2] = 0x4D566572u;
        exit->cpuid[3] = 0x65726177u;
    }
    return true;
}

static bool take_command(struct sim_vm *vm)
{
    *vm->exit->command = vm->command;
    vm->command.kind = MK_COMMAND_NONE;
    return true;
}

/* Header and data as one packet; the kernel's are never longer, and what is would be cut alike everywhere. */
static size_t join(uint8_t to[SIM_VM_PACKET_BYTES], const struct mk_trace *trace)
{
    size_t header = trace->header_bytes < SIM_VM_PACKET_BYTES ? trace->header_bytes : SIM_VM_PACKET_BYTES;
    size_t room = SIM_VM_PACKET_BYTES - header;
    size_t data = trace->data_bytes < room ? trace->data_bytes : room;
    if (header > 0)
        memcpy(to, trace->header, header);
    if (data > 0)
        memcpy(to + header, trace->data, data);
    return header + data;
}

void sim_vm_report(struct sim_vm *vm, const struct mk_trace *trace)
{
    uint8_t packet[SIM_VM_PACKET_BYTES];
    size_t bytes = join(packet, trace);
    sim_trace_add(sim_trace(vm->world),
                  &(struct sim_record){.time_ns = sim_now(vm->world),
                                       .kind = SIM_RECORD_API,
                                       .vm = vm->config.number,
                                       .a = trace->event,
                                       .b = trace->type,
                                       .c = trace->first,
                                       .d = trace->status},
                  packet, bytes);
    for (unsigned i = 0; i < vm->observer_count; i++)
        if (vm->observers[i].api != NULL)
            vm->observers[i].api(vm->observers[i].context, trace);
}

static bool carries_packet(const struct mk_trace *trace)
{
    return trace->event == MK_TRACE_SEND || trace->event == MK_TRACE_RECEIVE;
}

static bool take_trace(struct sim_vm *vm)
{
    const struct mk_trace *trace = vm->exit->trace;
    if (carries_packet(trace))
        vm->counters.kernel_bytes += trace->header_bytes + trace->data_bytes;
    if (trace->event == MK_TRACE_SEND) {
        vm->sends = true;
        vm->sending = *trace;
    } else if (trace->event == MK_TRACE_SENT) {
        vm->sends = false;
    }
    sim_vm_report(vm, trace);
    return true;
}

static bool take_conduct(struct sim_vm *vm)
{
    char text[160];
    sim_conduct_text(&vm->exit->conduct, text, sizeof text);
    for (unsigned i = 0; i < vm->observer_count; i++)
        if (vm->observers[i].conduct != NULL)
            vm->observers[i].conduct(vm->observers[i].context, &vm->exit->conduct, text);
    return true;
}

static bool take_reset(struct sim_vm *vm)
{
    sim_vm_reboot(vm);
    return false;
}

static bool take_power_off(struct sim_vm *vm)
{
    sim_vm_power_off(vm);
    return false;
}

/* A guest that did what none may is off: nothing that it would say now means anything. */
static bool take_fault(struct sim_vm *vm)
{
    for (unsigned i = 0; i < vm->observer_count; i++)
        if (vm->observers[i].fault != NULL)
            vm->observers[i].fault(vm->observers[i].context, vm->exit->fault);
    sim_vm_power_off(vm);
    return false;
}

/* ---- the guest's turn ---- */

/* Each function returns true when the guest can go on at once. */
static const struct {
    bool (*begin)(struct sim_vm *vm);
    bool (*access)(struct sim_vm *vm);
} exits[SIM_GUEST_EXITS] = {
    [SIM_GUEST_IN8] = {begin_access, access_in8},
    [SIM_GUEST_OUT8] = {begin_access, access_out8},
    [SIM_GUEST_IN_WIDE] = {begin_access, access_in_wide},
    [SIM_GUEST_OUT_WIDE] = {begin_access, access_out_wide},
    [SIM_GUEST_BACKDOOR] = {begin_access, access_backdoor},
    [SIM_GUEST_OUTS] = {begin_access, access_backdoor},
    [SIM_GUEST_INS] = {begin_access, access_backdoor},
    [SIM_GUEST_TICK] = {take_tick, NULL},
    [SIM_GUEST_CPUID] = {take_cpuid, NULL},
    [SIM_GUEST_COMMAND] = {take_command, NULL},
    [SIM_GUEST_TRACE] = {take_trace, NULL},
    [SIM_GUEST_CONDUCT] = {take_conduct, NULL},
    [SIM_GUEST_RESET] = {take_reset, NULL},
    [SIM_GUEST_POWER_OFF] = {take_power_off, NULL},
    [SIM_GUEST_FAULT] = {take_fault, NULL},
};

static bool take_step(struct sim_vm *vm)
{
    switch (vm->step) {
    case SIM_VM_STEP_GUEST:
        vm->exit = vm->machine->ops->run(vm->machine);
        return exits[vm->exit->kind].begin(vm);
    case SIM_VM_STEP_ACCESS:
        return exits[vm->exit->kind].access(vm);
    case SIM_VM_STEP_RELEASED:
        return access_released(vm);
    case SIM_VM_STEP_HELD: /* nothing schedules a held guest's turn */
        break;
    }
    return false;
}

static void guest_turn(void *context)
{
    struct sim_vm *vm = context;
    vm->event = 0;
    vm->burst = 0;
    vm->on_cpu = true;
    while (take_step(vm))
        continue;
    vm->on_cpu = false;
}

void sim_vm_start_guest(struct sim_vm *vm)
{
    vm->step = SIM_VM_STEP_GUEST;
    schedule_turn(vm, sim_now(vm->world));
}

void sim_vm_put_guest(struct sim_vm *vm, struct sim_guest_exit *exit, bool in_exit, uint64_t after_ns)
{
    vm->exit = exit;
    vm->step = SIM_VM_STEP_GUEST;
    schedule_turn(vm, in_exit ? start_access(vm) : sim_now(vm->world) + after_ns);
}

void sim_vm_stand_still(struct sim_vm *vm)
{
    vm->state = SIM_VM_STANDING;
    vm->stands_since_ns = sim_now(vm->world);
    sim_cancel(vm->world, vm->event);
    vm->event = 0;
}

void sim_vm_go_on(struct sim_vm *vm)
{
    vm->state = SIM_VM_RUNNING;
    if (vm->step != SIM_VM_STEP_HELD)
        schedule_turn(vm, sim_now(vm->world) + (vm->due_ns - vm->stands_since_ns));
}

void sim_vm_stop_guest(struct sim_vm *vm)
{
    sim_cancel(vm->world, vm->event);
    vm->event = 0;
    vm->exit = NULL;
    vm->step = SIM_VM_STEP_GUEST;
}
