#define _GNU_SOURCE
#include "sim/machine/sim_vm_private.h"
#include "sim/world/sim_memory.h"
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RAM_MIB_MIN = MK_RAM_BYTES_MIN / (1024 * 1024), RAM_MIB_MAX = 4096, RAM_MIB_MAX_BELOW_4_GIB = 3072, BACKDOOR_CHANNELS = 128 };

const char *sim_life_name(enum sim_life life)
{
    static const char *const names[] = {
#define SIM_LIFE_TEXT(name, text) text,
        SIM_LIFE_LIST(SIM_LIFE_TEXT)
#undef SIM_LIFE_TEXT
    };
    return (unsigned)life < SIM_LIFES ? names[life] : "unknown";
}

/* ---- configuration ---- */

struct sim_vm_config sim_vm_config_default(enum sim_link link)
{
    return (struct sim_vm_config){
        .link = link,
        .backdoor = link == SIM_LINK_BACKDOOR ? SIM_BACKDOOR_VMWARE : SIM_BACKDOOR_ABSENT_ONES,
        .doorbell = link == SIM_LINK_DOORBELL,
        .uart = SIM_UART_VMM,
        .relay_present = true,
        .ram_mib = RAM_MIB_MIN,
        .boot = {.arch = MK_X64, .processors = 1, .modules = 2, .steps_per_tick = 4},
    };
}

/* The I/O base that the guest will take from its options, 0 for a port that no PC has. Without DEBUGPORT it
 * is COM2 (kd-protocol.md 3.3 rule 1, devices.md 2.3 item 10). */
static uint16_t uart_base(const char *options)
{
    static const uint16_t bases[] = {0x3F8, 0x2F8, 0x3E8, 0x2E8};
    const char *port = strcasestr(options, "DEBUGPORT=COM");
    if (port == NULL)
        return bases[1];
    unsigned number = (unsigned)(port[strlen("DEBUGPORT=COM")] - '0');
    return number >= 1 && number <= 4 ? bases[number - 1] : 0;
}

static const char *config_fault(const struct sim_vm_config *config)
{
    if ((unsigned)config->link >= SIM_LINKS)
        return "link: no such link";
    if ((unsigned)config->backdoor >= SIM_BACKDOOR_PROFILES)
        return "backdoor: no such profile";
    if ((unsigned)config->uart >= SIM_UART_MODES)
        return "uart: no such mode";
    if (config->ram_mib < RAM_MIB_MIN || config->ram_mib > RAM_MIB_MAX)
        return "ram_mib: must be 32 to 4096";
    if ((unsigned)config->machine >= SIM_MACHINES)
        return "machine: no such one";
    if (sim_machine_needs_dll(config->machine) && config->ram_mib > RAM_MIB_MAX_BELOW_4_GIB)
        return "ram_mib: must be 32 to 3072 on a machine that runs a DLL";
    if (sim_machine_needs_dll(config->machine) && config->dll == NULL)
        return "dll: the machine needs one";
    if (config->boot.processors < 1 || config->boot.processors > MK_PROCESSORS_MAX)
        return "boot.processors: must be 1 to 4";
    if (memchr(config->boot.options, 0, sizeof config->boot.options) == NULL)
        return "boot.options: too long";
    if (uart_base(config->boot.options) == 0)
        return "boot.options: DEBUGPORT must be COM1 to COM4";
    if (config->endpoint.request != NULL && !sim_link_has_relay(config->link))
        return "endpoint: the serial link has no RPCs";
    return NULL;
}

/* A failed status poll is two accesses, LSR and MSR (devices.md 2.4), and a time-out one second. */
static uint64_t polls_per_second(const struct sim_cost *cost)
{
    uint64_t access_ns = cost->exit_ns > cost->poll_floor_ns ? cost->exit_ns : cost->poll_floor_ns;
    uint64_t polls = access_ns == 0 ? UINT32_MAX : SIM_S(1) / (2 * access_ns);
    return polls == 0 ? 1 : polls;
}

/* Appends " NAME=value" unless the options have the name already. Returns false when there is no room. */
static bool add_option(char options[MK_OPTIONS_BYTES], const char *name, uint64_t value)
{
    if (strcasestr(options, name) != NULL)
        return true;
    size_t used = strlen(options);
    int wanted =
        snprintf(options + used, MK_OPTIONS_BYTES - used, "%s%s%" PRIu64, used == 0 ? "" : " ", name, value);
    return wanted > 0 && (size_t)wanted < MK_OPTIONS_BYTES - used;
}

static bool complete_options(struct sim_vm_config *config, const struct sim_cost *cost)
{
    uint64_t polls = config->polls != 0 ? config->polls : polls_per_second(cost);
    return add_option(config->boot.options, "BAUDRATE=", cost->baud) &&
           add_option(config->boot.options, "KDPOLLS=", polls);
}

/* ---- what connects the parts ---- */

static void tell_rpc(struct sim_vm *vm, bool is_reply, const uint8_t *bytes, size_t len_bytes)
{
    for (unsigned i = 0; i < vm->observer_count; i++)
        if (vm->observers[i].rpc != NULL)
            vm->observers[i].rpc(vm->observers[i].context, is_reply, bytes, len_bytes);
}

static bool has_endpoint(const struct sim_vm *vm)
{
    return vm->config.endpoint.request != NULL;
}

static void hand_to_relay(struct sim_vm *vm, const uint8_t *request, size_t len_bytes)
{
    tell_rpc(vm, false, request, len_bytes);
    if (has_endpoint(vm))
        vm->config.endpoint.request(vm->config.endpoint.context, request, len_bytes);
    else
        sim_relay_request(vm->relay, request, len_bytes);
}

/* What a VMM says to a command word that nobody has claimed. */
static void answer_as_nobody(struct sim_vm *vm)
{
    static const char nobody[] = "0 Unknown command";
    if (vm->rings)
        sim_doorbell_nobody(vm->doorbell);
    else
        sim_backdoor_reply(vm->backdoor, (const uint8_t *)nobody, sizeof nobody - 1);
}

/* A message for the relay, without the command word. */
static void serve(struct sim_vm *vm, const uint8_t *request, size_t len_bytes)
{
    if (vm->relay_is_up && (vm->relay != NULL || has_endpoint(vm)))
        hand_to_relay(vm, request, len_bytes);
    else
        answer_as_nobody(vm);
}

static void on_relay_reply(void *context, const uint8_t *bytes, size_t len_bytes);

/* The same between ends that do not fit together; what is too long to be changed is nobody's hello. */
static void serve_skewed(struct sim_vm *vm, const uint8_t *request, size_t len_bytes)
{
    uint8_t changed[VM_REQUEST_BYTES_MAX], reply[VM_REPLY_BYTES_MAX];
    if (len_bytes > sizeof changed) {
        serve(vm, request, len_bytes);
        return;
    }
    memcpy(changed, request, len_bytes);
    size_t reply_bytes = sim_skew(vm, changed, len_bytes, reply);
    if (reply_bytes > 0)
        on_relay_reply(vm, reply, reply_bytes);
    else
        serve(vm, changed, len_bytes);
}

static void take_message(struct sim_vm *vm, const uint8_t *request, size_t len_bytes)
{
    (vm->config.skew == SIM_SKEW_NONE ? serve : serve_skewed)(vm, request, len_bytes);
}

static void on_rpc(void *context, const uint8_t *message, size_t len_bytes)
{
    struct sim_vm *vm = context;
    bool ours =
        len_bytes >= VM_COMMAND_WORD_BYTES && memcmp(message, VM_COMMAND_WORD, VM_COMMAND_WORD_BYTES) == 0;
    vm->rings = false;
    if (!ours)
        answer_as_nobody(vm);
    else
        take_message(vm, message + VM_COMMAND_WORD_BYTES, len_bytes - VM_COMMAND_WORD_BYTES);
}

static void on_ring(void *context, const uint8_t *message, size_t len_bytes)
{
    struct sim_vm *vm = context;
    vm->rings = true;
    take_message(vm, message, len_bytes);
}

static void on_relay_reply(void *context, const uint8_t *bytes, size_t len_bytes)
{
    enum { PREFIX_BYTES = 2 };
    struct sim_vm *vm = context;
    uint8_t reply[PREFIX_BYTES + VM_REPLY_BYTES_MAX] = {'1', ' '};
    assert(len_bytes <= VM_REPLY_BYTES_MAX);
    memcpy(reply + PREFIX_BYTES, bytes, len_bytes);
    tell_rpc(vm, true, bytes, len_bytes);
    if (vm->rings)
        sim_doorbell_reply(vm->doorbell, bytes, len_bytes);
    else
        sim_backdoor_reply(vm->backdoor, reply, PREFIX_BYTES + len_bytes);
}

/* A relay that is not there has nothing to be asked for. */
static void on_attention(void *context, bool raised)
{
    struct sim_vm *vm = context;
    sim_backdoor_attention(vm->backdoor, raised && vm->relay_is_up);
    sim_doorbell_attention(vm->doorbell, raised && vm->relay_is_up);
}

void sim_vm_attention(struct sim_vm *vm, bool raised)
{
    assert(has_endpoint(vm) && !vm->on_cpu);
    on_attention(vm, raised);
}

void sim_vm_rpc_reply(struct sim_vm *vm, const uint8_t *bytes, size_t len_bytes)
{
    assert(has_endpoint(vm) && !vm->on_cpu);
    on_relay_reply(vm, bytes, len_bytes);
}

/* A serial port whose other end is not plugged in: what is sent is gone (devices.md 2.2 item 6). */
static void on_transmit(void *context, uint8_t byte)
{
    struct sim_vm *vm = context;
    if (vm->attached && vm->config.link == SIM_LINK_SERIAL)
        sim_line_write(vm->lines[SIM_FAULT_TO_DEBUGGER], &byte, 1);
}

static void on_line_to_debugger(void *context, const uint8_t *bytes, size_t len_bytes)
{
    struct sim_vm *vm = context;
    if (vm->attached)
        vm->peer.bytes(vm->peer.context, bytes, len_bytes);
}

static void on_line_to_target(void *context, const uint8_t *bytes, size_t len_bytes)
{
    struct sim_vm *vm = context;
    if (vm->relay != NULL && vm->relay_is_up)
        sim_relay_input(vm->relay, bytes, len_bytes);
    else if (vm->relay == NULL)
        sim_uart_receive(vm->uart, bytes, len_bytes);
}

static void on_spoilt(void *context, enum sim_fault_kind kind, size_t back)
{
    struct sim_vm *vm = context;
    sim_uart_spoil(vm->uart, kind, back);
}

static struct sim_line *make_line(struct sim_vm *vm, struct sim_faults *faults,
                                  enum sim_fault_direction direction, sim_line_fn *deliver)
{
    struct sim_line_config config = {
        .layer = vm->config.link == SIM_LINK_SERIAL ? SIM_FAULT_UART : SIM_FAULT_STREAM,
        .direction = direction,
        .vm = vm->config.number,
        .latency_ns = sim_cost(vm->world)->stream_latency_ns,
        .chunk_bytes = vm->config.chunk_bytes,
    };
    return sim_line_create(vm->world, faults, &config, deliver, vm);
}

static void make_devices(struct sim_vm *vm, struct sim_faults *faults)
{
    struct sim_backdoor_config backdoor = {vm->config.number, vm->config.backdoor, BACKDOOR_CHANNELS};
    struct sim_uart_config uart = {vm->config.number, vm->config.uart, uart_base(vm->config.boot.options)};
    vm->lines[SIM_FAULT_TO_DEBUGGER] = make_line(vm, faults, SIM_FAULT_TO_DEBUGGER, on_line_to_debugger);
    vm->lines[SIM_FAULT_TO_TARGET] = make_line(vm, faults, SIM_FAULT_TO_TARGET, on_line_to_target);
    vm->backdoor =
        sim_backdoor_create(vm->world, faults, &backdoor, &vm->memory, on_rpc, sim_vm_completed, vm);
    vm->doorbell = sim_doorbell_create(vm->world, faults, vm->config.number, vm->config.doorbell, &vm->memory,
                                       on_ring, sim_vm_completed, vm);
    vm->uart = sim_uart_create(vm->world, &uart, on_transmit, vm);
    sim_line_on_spoilt(vm->lines[SIM_FAULT_TO_TARGET], on_spoilt, vm);
    if (has_endpoint(vm))
        on_attention(vm, true); /* it has not said that it would tell */
    else if (sim_link_has_relay(vm->config.link))
        vm->relay = sim_relay_create(vm->world, vm->config.number, vm->lines[SIM_FAULT_TO_DEBUGGER],
                                     &(struct sim_relay_says){vm, on_relay_reply, on_attention});
}

enum kd_status sim_vm_create(struct sim_world *world, struct sim_faults *faults,
                             const struct sim_vm_config *config, struct sim_vm **vm, const char **why)
{
    *vm = NULL;
    *why = config_fault(config);
    if (*why != NULL)
        return KD_ERR_ARGUMENT;
    struct sim_vm_config whole = *config;
    if (!complete_options(&whole, sim_cost(world))) {
        *why = "boot.options: too long, no room for BAUDRATE and KDPOLLS";
        return KD_ERR_ARGUMENT;
    }
    const struct sim_image *image;
    uint64_t ram_bytes = (uint64_t)config->ram_mib * 1024 * 1024;
    if (sim_image_get(config->boot.arch, config->boot.processors, ram_bytes, &image) != KD_OK) {
        *why = "boot.arch: no image can be built for it";
        return KD_ERR_ARGUMENT;
    }
    const struct sim_dll *dll = NULL;
    const char *dll_fault;
    if (sim_machine_needs_dll(config->machine) && sim_dll_get(config->dll, &dll, &dll_fault) != KD_OK) {
        *why = "dll: no file that can be read, of 1 byte to 2 MiB";
        return KD_ERR_ARGUMENT;
    }
    struct sim_vm *made = sim_allocate(1, sizeof *made);
    made->world = world;
    made->config = whole;
    made->map = &image->map;
    made->relay_is_up = whole.relay_present;
    made->garbage = sim_prng_for(world, "relay garbage");
    made->machine = sim_machine_create(whole.machine, image, &made->config.boot, dll);
    made->memory = made->machine->ops->memory(made->machine);
    make_devices(made, faults);
    *vm = made;
    return KD_OK;
}

void sim_vm_destroy(struct sim_vm *vm)
{
    if (vm == NULL)
        return;
    sim_vm_stop_guest(vm);
    sim_vm_forget_snapshots(vm);
    sim_relay_destroy(vm->relay);
    sim_uart_destroy(vm->uart);
    sim_doorbell_destroy(vm->doorbell);
    sim_backdoor_destroy(vm->backdoor);
    sim_line_destroy(vm->lines[SIM_FAULT_TO_TARGET]);
    sim_line_destroy(vm->lines[SIM_FAULT_TO_DEBUGGER]);
    vm->machine->ops->destroy(vm->machine);
    free(vm);
}

/* ---- lifecycle ---- */

void sim_vm_observe(struct sim_vm *vm, const struct sim_vm_observer *observer)
{
    assert(vm->observer_count < SIM_VM_OBSERVERS);
    vm->observers[vm->observer_count++] = *observer;
}

void sim_vm_life(struct sim_vm *vm, enum sim_life life)
{
    sim_trace_add(
        sim_trace(vm->world),
        &(struct sim_record){
            .time_ns = sim_now(vm->world), .kind = SIM_RECORD_LIFE, .vm = vm->config.number, .a = life},
        NULL, 0);
    for (unsigned i = 0; i < vm->observer_count; i++)
        if (vm->observers[i].life != NULL)
            vm->observers[i].life(vm->observers[i].context, life);
}

/* Whoever stood still does not any more, for whatever reason. */
static void end_pause(struct sim_vm *vm)
{
    sim_cancel(vm->world, vm->pause_end);
    vm->pause_end = 0;
    if (vm->relay != NULL)
        sim_relay_freeze(vm->relay, false);
}

void sim_vm_wipe(struct sim_vm *vm)
{
    sim_vm_stop_guest(vm);
    end_pause(vm);
    vm->command.kind = MK_COMMAND_NONE;
    vm->sends = false;
    vm->machine->ops->reset(vm->machine);
    sim_backdoor_reset(vm->backdoor);
    sim_doorbell_reset(vm->doorbell);
    sim_uart_reset(vm->uart);
    if (vm->relay != NULL && vm->relay_is_up)
        (vm->state == SIM_VM_OFF ? sim_relay_vm_gone : sim_relay_vm_lost)(vm->relay);
    if (!has_endpoint(vm))
        return;
    on_attention(vm, true); /* until it says otherwise of the next guest */
    vm->config.endpoint.lost(vm->config.endpoint.context);
}

static void restart(struct sim_vm *vm, enum sim_life life)
{
    vm->counters.resets++;
    sim_vm_life(vm, life);
    sim_vm_wipe(vm);
    vm->state = SIM_VM_RUNNING;
    sim_vm_start_guest(vm);
}

void sim_vm_power_on(struct sim_vm *vm)
{
    if (vm->state != SIM_VM_OFF)
        return;
    vm->state = SIM_VM_RUNNING;
    vm->power_on_ns = sim_now(vm->world);
    sim_vm_life(vm, SIM_LIFE_POWER_ON);
    sim_vm_start_guest(vm);
}

void sim_vm_reset(struct sim_vm *vm)
{
    assert(!vm->on_cpu);
    if (vm->state != SIM_VM_OFF)
        restart(vm, SIM_LIFE_RESET);
}

void sim_vm_reboot(struct sim_vm *vm)
{
    restart(vm, SIM_LIFE_REBOOT);
}

void sim_vm_power_off(struct sim_vm *vm)
{
    if (vm->state == SIM_VM_OFF)
        return;
    vm->state = SIM_VM_OFF;
    sim_vm_life(vm, SIM_LIFE_POWER_OFF);
    sim_vm_wipe(vm);
}

enum sim_vm_state sim_vm_state(const struct sim_vm *vm)
{
    return vm->state;
}

/* Only a running guest can be made to stand still. */
static enum kd_status may_stand(const struct sim_vm *vm)
{
    assert(!vm->on_cpu);
    if (vm->state == SIM_VM_OFF)
        return KD_ERR_CLOSED;
    return vm->state == SIM_VM_RUNNING ? KD_OK : KD_ERR_BUSY;
}

enum kd_status sim_vm_suspend(struct sim_vm *vm)
{
    enum kd_status status = may_stand(vm);
    if (status != KD_OK)
        return status;
    sim_vm_life(vm, SIM_LIFE_SUSPEND);
    sim_vm_stand_still(vm);
    sim_backdoor_strike(vm->backdoor);
    sim_doorbell_strike(vm->doorbell);
    sim_backdoor_checkpoint(vm->backdoor);
    return KD_OK;
}

enum kd_status sim_vm_resume(struct sim_vm *vm)
{
    if (vm->state == SIM_VM_OFF)
        return KD_ERR_CLOSED;
    if (vm->state != SIM_VM_STANDING || vm->pause_end != 0)
        return KD_ERR_BUSY;
    sim_vm_life(vm, SIM_LIFE_RESUME);
    sim_vm_go_on(vm);
    return KD_OK;
}

static void pause_is_over(void *context)
{
    struct sim_vm *vm = context;
    sim_vm_life(vm, SIM_LIFE_GO_ON);
    sim_vm_go_on(vm);
    end_pause(vm);
}

enum kd_status sim_vm_pause(struct sim_vm *vm, uint64_t for_ns, bool whole_host)
{
    enum kd_status status = may_stand(vm);
    if (status != KD_OK)
        return status;
    sim_vm_life(vm, SIM_LIFE_PAUSE);
    sim_vm_stand_still(vm);
    if (whole_host && vm->relay != NULL)
        sim_relay_freeze(vm->relay, true);
    vm->pause_end = sim_at(vm->world, sim_now(vm->world) + for_ns, pause_is_over, vm);
    return KD_OK;
}

void sim_vm_uart_power_loss(struct sim_vm *vm)
{
    sim_uart_reset(vm->uart);
}

/* ---- the relay's life ---- */

enum kd_status sim_vm_relay_kill(struct sim_vm *vm)
{
    assert(!vm->on_cpu);
    if (vm->relay == NULL)
        return KD_ERR_NO_DEVICE;
    if (!vm->relay_is_up)
        return KD_ERR_BUSY;
    bool had_debugger = vm->attached;
    sim_vm_life(vm, SIM_LIFE_RELAY_KILL);
    vm->relay_is_up = false;
    sim_relay_kill(vm->relay);
    sim_vm_detach(vm);
    if (had_debugger && vm->peer.closed != NULL)
        vm->peer.closed(vm->peer.context);
    answer_as_nobody(vm);
    return KD_OK;
}

enum kd_status sim_vm_relay_restart(struct sim_vm *vm)
{
    if (vm->relay == NULL)
        return KD_ERR_NO_DEVICE;
    if (vm->relay_is_up)
        return KD_ERR_BUSY;
    sim_vm_life(vm, SIM_LIFE_RELAY_RESTART);
    vm->relay_is_up = true;
    sim_relay_restart(vm->relay);
    return KD_OK;
}

/* ---- the debugger's connection ---- */

enum kd_status sim_vm_attach(struct sim_vm *vm, const struct sim_vm_peer *peer)
{
    if (has_endpoint(vm) || (vm->relay != NULL && !vm->relay_is_up))
        return KD_ERR_NO_DEVICE;
    if (vm->attached)
        return KD_ERR_BUSY;
    vm->attached = true;
    vm->peer = *peer;
    sim_vm_life(vm, SIM_LIFE_ATTACH);
    if (vm->relay != NULL) /* and up, or we were not here */
        sim_relay_connected(vm->relay);
    return KD_OK;
}

void sim_vm_detach(struct sim_vm *vm)
{
    if (!vm->attached)
        return;
    vm->attached = false;
    sim_vm_life(vm, SIM_LIFE_DETACH);
    sim_line_cut(vm->lines[SIM_FAULT_TO_DEBUGGER]);
    sim_line_cut(vm->lines[SIM_FAULT_TO_TARGET]);
    if (vm->relay != NULL && vm->relay_is_up)
        sim_relay_disconnected(vm->relay);
    else if (vm->relay == NULL)
        sim_uart_cut(vm->uart);
}

bool sim_vm_attached(const struct sim_vm *vm)
{
    return vm->attached;
}

void sim_vm_write(struct sim_vm *vm, const uint8_t *bytes, size_t len_bytes)
{
    if (vm->attached)
        sim_line_write(vm->lines[SIM_FAULT_TO_TARGET], bytes, len_bytes);
}

size_t sim_vm_unread(const struct sim_vm *vm)
{
    return vm->config.link == SIM_LINK_SERIAL ? sim_uart_held(vm->uart) : 0;
}

enum kd_status sim_vm_command(struct sim_vm *vm, const struct mk_command *command)
{
    if (vm->state == SIM_VM_OFF)
        return KD_ERR_CLOSED;
    if (vm->command.kind != MK_COMMAND_NONE)
        return KD_ERR_BUSY;
    vm->command = *command;
    return KD_OK;
}

/* ---- looking at it ---- */

struct sim_line *sim_vm_line(struct sim_vm *vm, enum sim_fault_direction direction)
{
    assert(direction == SIM_FAULT_TO_DEBUGGER || direction == SIM_FAULT_TO_TARGET);
    return vm->lines[direction];
}

struct sim_vm_counters sim_vm_counters(const struct sim_vm *vm)
{
    struct sim_vm_counters counters = vm->counters;
    counters.rpcs = sim_backdoor_rpcs(vm->backdoor) + sim_doorbell_rings(vm->doorbell);
    counters.payload_bytes =
        sim_backdoor_payload_bytes(vm->backdoor) + sim_doorbell_payload_bytes(vm->doorbell);
    counters.copied_bytes = vm->machine->copied_bytes;
    counters.instructions = vm->machine->instructions;
    counters.module_instructions = vm->machine->module_instructions;
    counters.stack_bytes = vm->machine->stack_bytes;
    counters.bytes_to_debugger = sim_line_written(vm->lines[SIM_FAULT_TO_DEBUGGER]);
    counters.bytes_to_target = sim_line_written(vm->lines[SIM_FAULT_TO_TARGET]);
    return counters;
}

const struct mk_map *sim_vm_map(const struct sim_vm *vm)
{
    return vm->map;
}

const struct sim_vm_config *sim_vm_config(const struct sim_vm *vm)
{
    return &vm->config;
}

const struct relay_core *sim_vm_relay(const struct sim_vm *vm)
{
    return vm->relay == NULL ? NULL : sim_relay_core(vm->relay);
}

const uint8_t *sim_vm_ram(const struct sim_vm *vm)
{
    return vm->machine->ops->ram(vm->machine);
}
