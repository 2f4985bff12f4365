#include "harness/script/lab.h"
#include "harness/script/lab_disk.h"
#include "harness/script/lab_story.h"
#include "harness/script/lab_wire.h"
#include "harness/timeline/timeline_watch.h"
#include "sim/world/sim_memory.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- fate ---------------------------------------------------------------------------------------------------- */

static enum kd_status reset(struct lab *lab)
{
    sim_vm_reset(lab->vm);
    return KD_OK;
}

static enum kd_status power_on(struct lab *lab)
{
    sim_vm_power_on(lab->vm);
    return KD_OK;
}

static enum kd_status power_off(struct lab *lab)
{
    sim_vm_power_off(lab->vm);
    return KD_OK;
}

static enum kd_status suspend(struct lab *lab)
{
    return sim_vm_suspend(lab->vm);
}

static enum kd_status resume(struct lab *lab)
{
    return sim_vm_resume(lab->vm);
}

static enum kd_status snapshot(struct lab *lab)
{
    return sim_vm_snapshot(lab->vm, LAB_SNAPSHOT);
}

static enum kd_status revert(struct lab *lab)
{
    return sim_vm_revert(lab->vm, LAB_SNAPSHOT);
}

static enum kd_status relay_kill(struct lab *lab)
{
    return sim_vm_relay_kill(lab->vm);
}

static enum kd_status relay_restart(struct lab *lab)
{
    return sim_vm_relay_restart(lab->vm);
}

static enum kd_status detach(struct lab *lab)
{
    lab_detach(lab);
    return KD_OK;
}

static enum kd_status break_in(struct lab *lab)
{
    return dbg_break_in(lab->dbg);
}

static const struct {
    const char *name;
    enum kd_status (*happen)(struct lab *lab);
} fates[LAB_FATES] = {
    [LAB_FATE_RESET] = {"reset", reset},
    [LAB_FATE_POWER_OFF] = {"power_off", power_off},
    [LAB_FATE_POWER_ON] = {"power_on", power_on},
    [LAB_FATE_SNAPSHOT] = {"snapshot", snapshot},
    [LAB_FATE_REVERT] = {"revert", revert},
    [LAB_FATE_SUSPEND] = {"suspend", suspend},
    [LAB_FATE_RESUME] = {"resume", resume},
    [LAB_FATE_RELAY_KILL] = {"relay_kill", relay_kill},
    [LAB_FATE_RELAY_RESTART] = {"relay_restart", relay_restart},
    [LAB_FATE_ATTACH] = {"attach", lab_attach},
    [LAB_FATE_DETACH] = {"detach", detach},
    [LAB_FATE_BREAK_IN] = {"break_in", break_in},
};

const char *lab_fate_name(enum lab_fate fate)
{
    return fates[fate].name;
}

enum kd_status lab_fate_find(const char *name, enum lab_fate *fate)
{
    for (unsigned i = 0; i < LAB_FATES; i++) {
        if (strcmp(fates[i].name, name) == 0) {
            *fate = (enum lab_fate)i;
            return KD_OK;
        }
    }
    return KD_ERR_ARGUMENT;
}

/* Kept until the lab is destroyed: an event has no owner but its plan. */
struct lab_plan {
    struct lab *lab;
    enum lab_fate fate;
    struct lab_plan *next;
};

static void plan_comes_true(void *context)
{
    struct lab_plan *plan = context;
    (void)fates[plan->fate].happen(plan->lab);
}

void lab_later(struct lab *lab, uint64_t time_ns, enum lab_fate fate)
{
    struct lab_plan *plan = sim_allocate(1, sizeof *plan);
    *plan = (struct lab_plan){lab, fate, lab->plans};
    lab->plans = plan;
    if (time_ns > lab->fates_until_ns)
        lab->fates_until_ns = time_ns;
    sim_at(lab->world, time_ns, plan_comes_true, plan);
}

static void free_plans(struct lab *lab)
{
    while (lab->plans != NULL) {
        struct lab_plan *plan = lab->plans;
        lab->plans = plan->next;
        free(plan);
    }
}

static void note_moment(struct lab *lab)
{
    uint64_t now = sim_now(lab->world);
    if (lab->moment_count > 0 && lab->moments[lab->moment_count - 1] == now)
        return;
    lab->moments = sim_grow(lab->moments, &lab->moment_room, lab->moment_count + 1, sizeof *lab->moments);
    lab->moments[lab->moment_count++] = now;
}

const uint64_t *lab_moments(const struct lab *lab, size_t *count)
{
    *count = lab->moment_count;
    return lab->moments;
}

/* ---- time ---------------------------------------------------------------------------------------------------- */

/* While somebody waits, an event this often gives limits a chance although the guest never lets go by itself. */
#define PULSE_NS SIM_MS(20)

static void pulse(void *context)
{
    struct lab *lab = context;
    lab->pulse = 0;
}

/* One event of the world, or the pulse. */
static void step(struct lab *lab, uint64_t until_ns)
{
    if (lab->pulse == 0) {
        uint64_t next = sim_now(lab->world) + PULSE_NS;
        lab->pulse = sim_at(lab->world, next < until_ns ? next : until_ns, pulse, lab);
    }
    sim_step(lab->world, SIM_NEVER);
}

bool lab_wait(struct lab *lab, bool (*over)(void *context), void *context, uint64_t until_ns)
{
    bool met;
    while (!(met = over(context)) && sim_now(lab->world) < until_ns)
        step(lab, until_ns);
    sim_cancel(lab->world, lab->pulse);
    lab->pulse = 0;
    return met;
}

/* ---- the notebook -------------------------------------------------------------------------------------------- */

static void bytes_set(struct lab_bytes *item, uint64_t time_ns, uint16_t type, const uint8_t *bytes,
                      uint32_t len_bytes)
{
    free(item->bytes);
    *item = (struct lab_bytes){.len_bytes = len_bytes, .type = type, .time_ns = time_ns};
    item->bytes = sim_allocate(len_bytes + 1, 1); /* one more: texts end with a NUL */
    if (len_bytes > 0)
        memcpy(item->bytes, bytes, len_bytes);
}

static void list_add(struct lab_list *list, uint64_t time_ns, uint16_t type, const uint8_t *bytes,
                     uint32_t len_bytes)
{
    list->items = sim_grow(list->items, &list->room, list->count + 1, sizeof *list->items);
    list->items[list->count] = (struct lab_bytes){0};
    bytes_set(&list->items[list->count++], time_ns, type, bytes, len_bytes);
}

static void list_free(struct lab_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->items[i].bytes);
    free(list->items);
}

void lab_frames_clear(struct lab *lab)
{
    for (size_t i = 0; i < lab->frame_count; i++)
        free(lab->frames[i].body.bytes);
    lab->frame_count = 0;
}

enum dbg_arch lab_arch(const struct lab *lab)
{
    return lab->config.vm.boot.arch == MK_X64 ? DBG_X64 : DBG_X86;
}

/* ---- the habit ----------------------------------------------------------------------------------------------- */

/* The debugger may have gone on by itself meanwhile (a RESET, a script's request): then there is nothing to continue. */
static void continue_after_load(void *context)
{
    struct lab *lab = context;
    lab->autopilot = 0;
    if (dbg_state(lab->dbg) != DBG_STOPPED)
        return;
    struct dbg_request request;
    dbg_api_continue2(&request, lab_arch(lab), 0, DBG_CONTINUE, &(struct dbg_control_set){.dr7 = lab->dr7});
    if (dbg_send(lab->dbg, DBG_TYPE_MANIPULATE, request.body, request.body_bytes) != KD_OK)
        lab->autopilot = sim_at(lab->world, sim_now(lab->world) + SIM_MS(1), continue_after_load, lab);
}

/* An event of its own: the debugger is still inside the state change when it tells us. */
static void start_autopilot(struct lab *lab)
{
    if (lab->hold_loads || lab->autopilot != 0)
        return;
    lab->autopilot = sim_at(lab->world, sim_now(lab->world), continue_after_load, lab);
}

/* A stop that cannot be read is kept as it is: scripts may look at its bytes. */
static void note_state_change(struct lab *lab, const uint8_t *body, uint32_t body_bytes)
{
    uint64_t now = sim_now(lab->world);
    struct dbg_state_change change;
    bool readable = dbg_api_state_change(lab_arch(lab), body, body_bytes, &change) == KD_OK;
    if (readable)
        lab->dr7 = change.control.dr7;
    if (!readable || change.state == DBG_STATE_COMMAND_STRING) {
        list_add(&lab->seen.others, now, DBG_TYPE_STATE_CHANGE64, body, body_bytes);
        return;
    }
    bool is_load = change.state == DBG_STATE_LOAD_SYMBOLS;
    list_add(is_load ? &lab->seen.loads : &lab->seen.stops, now, DBG_TYPE_STATE_CHANGE64, body, body_bytes);
    if (is_load)
        start_autopilot(lab);
}

static void note_debug_io(struct lab *lab, const uint8_t *body, uint32_t body_bytes)
{
    uint64_t now = sim_now(lab->world);
    struct dbg_debug_io io;
    if (dbg_api_debug_io(body, body_bytes, &io) != KD_OK)
        list_add(&lab->seen.others, now, DBG_TYPE_DEBUG_IO, body, body_bytes);
    else if (io.api == DBG_IO_PRINT)
        list_add(&lab->seen.prints, now, DBG_TYPE_DEBUG_IO, (const uint8_t *)io.text, io.text_bytes);
    else
        list_add(&lab->seen.prompts, now, DBG_TYPE_DEBUG_IO, body, body_bytes);
}

/* Before there is a file the debugger itself refuses. A debugger that has other things to do by now is asked again. */
static void answer_file_request(struct lab *lab, const uint8_t *body, uint32_t body_bytes)
{
    struct dbg_request answer;
    if (lab->disk == NULL || lab_disk_answer(lab->disk, body, body_bytes, &answer) != KD_OK)
        return;
    (void)!dbg_send(lab->dbg, DBG_TYPE_FILE_IO, answer.body, answer.body_bytes);
}

void lab_put_file(struct lab *lab, const char *name, const uint8_t *bytes, size_t len_bytes)
{
    if (lab->disk == NULL)
        lab->disk = lab_disk_create();
    lab_disk_put(lab->disk, name, bytes, len_bytes);
    dbg_serve_files(lab->dbg, true);
}

const struct lab_bytes *lab_file(const struct lab *lab, const char *name)
{
    return lab->disk == NULL ? NULL : lab_disk_find(lab->disk, name);
}

/* ---- what the parts tell ------------------------------------------------------------------------------------- */

/* The only thing between debugger and oracle: selftest scenarios have one message told wrongly. A lie about break-ins
 * waits for one. */
static void tell_oracle(struct lab *lab, uint16_t type, const uint8_t *body, uint32_t body_bytes)
{
    const struct dbg_observer *oracle = &lab->oracle_dbg;
    enum lab_plant plant = lab->plant;
    if (plant != LAB_PLANT_UNWISHED)
        lab->plant = LAB_PLANT_NONE;
    if (oracle->message == NULL || plant == LAB_PLANT_LOST)
        return;
    if (plant == LAB_PLANT_CHANGED) {
        uint8_t changed[DBG_BODY_BYTES_MAX];
        memcpy(changed, body, body_bytes);
        changed[body_bytes - 1] ^= 1;
        oracle->message(oracle->context, type, changed, body_bytes);
        return;
    }
    for (unsigned times = plant == LAB_PLANT_TWICE ? 2 : 1; times > 0; times--)
        oracle->message(oracle->context, type, body, body_bytes);
}

static void on_message(void *context, uint16_t type, const uint8_t *body, uint32_t body_bytes)
{
    struct lab *lab = context;
    tell_oracle(lab, type, body, body_bytes);
    lab_story_message(lab->story, sim_now(lab->world), false, type, body, body_bytes);
    if (type == DBG_TYPE_STATE_CHANGE64) {
        note_state_change(lab, body, body_bytes);
    } else if (type == DBG_TYPE_DEBUG_IO) {
        note_debug_io(lab, body, body_bytes);
    } else if (type == DBG_TYPE_MANIPULATE) {
        bytes_set(&lab->seen.reply, sim_now(lab->world), type, body, body_bytes);
        lab->seen.replies++;
    } else {
        list_add(&lab->seen.others, sim_now(lab->world), type, body, body_bytes);
        if (type == DBG_TYPE_FILE_IO)
            answer_file_request(lab, body, body_bytes);
    }
}

static void on_request(void *context, uint16_t type, const uint8_t *body, uint32_t body_bytes)
{
    struct lab *lab = context;
    lab_story_message(lab->story, sim_now(lab->world), true, type, body, body_bytes);
}

static void tell_oracle_note(struct lab *lab, enum dbg_note note, uint64_t a, uint64_t b, uint64_t c)
{
    if (lab->plant == LAB_PLANT_UNWISHED && note == DBG_NOTE_BREAK_IN) {
        lab->plant = LAB_PLANT_NONE;
        return;
    }
    lab->oracle_dbg.note(lab->oracle_dbg.context, note, a, b, c);
}

static void on_note(void *context, enum dbg_note note, uint64_t a, uint64_t b, uint64_t c)
{
    struct lab *lab = context;
    note_moment(lab);
    tell_oracle_note(lab, note, a, b, c);
    lab->seen.notes[note]++;
    lab_story_note(lab->story, sim_now(lab->world), note, a, b, c);
}

/* Only while a wire block looks on: a frame is copied, and long conversations have many. */
static void on_frame(void *context, const struct dbg_frame *frame)
{
    struct lab *lab = context;
    if (!lab->keep_frames)
        return;
    lab->frames = sim_grow(lab->frames, &lab->frame_room, lab->frame_count + 1, sizeof *lab->frames);
    struct lab_frame *kept = &lab->frames[lab->frame_count++];
    *kept = (struct lab_frame){.control = frame->control, .good = frame->good, .id = frame->id};
    bytes_set(&kept->body, sim_now(lab->world), frame->type, frame->body, frame->body_bytes);
}

static void nothing(void *context)
{
    (void)context;
}

/* A guest runs on while no event is due. Whoever waits for the end of the boot is to see the time at which it was, so
 * an event makes the guest let go at its next exit. */
static void on_api(void *context, const struct mk_trace *trace)
{
    struct lab *lab = context;
    note_moment(lab);
    lab->seen.api[trace->event]++;
    lab_story_api(lab->story, sim_now(lab->world), trace);
    if (trace->event == MK_TRACE_BOOTED)
        sim_at(lab->world, sim_now(lab->world), nothing, NULL);
}

static void on_rpc(void *context, bool is_reply, const uint8_t *bytes, size_t len_bytes)
{
    (void)is_reply, (void)bytes, (void)len_bytes;
    note_moment(context);
}

static void on_life(void *context, enum sim_life life)
{
    struct lab *lab = context;
    lab->seen.life[life]++;
    lab_story_life(lab->story, sim_now(lab->world), life);
}

/* Lines know the clean bytes of the frame that a fault strikes; the oracle judges by them whether it fell in a hole. */
static void on_fault(void *context, const struct sim_fault_rule *rule, const uint8_t *frame, size_t frame_bytes)
{
    struct lab *lab = context;
    lab_story_fault(lab->story, sim_now(lab->world), rule);
    lab->seen.faults_missed += sim_fault_misses(rule, frame_bytes);
    lab_wire_fault(lab, rule);
    oracle_fault(lab->oracle, rule, frame, frame_bytes);
    if (rule->kind != SIM_FAULT_DISCONNECT)
        return;
    lab_later(lab, sim_now(lab->world), LAB_FATE_DETACH);
    lab_later(lab, sim_now(lab->world) + rule->delay_ns, LAB_FATE_ATTACH);
}

static void write_to_target(void *context, const uint8_t *bytes, size_t len_bytes)
{
    struct lab *lab = context;
    sim_vm_write(lab->vm, bytes, len_bytes);
}

static void bytes_from_target(void *context, const uint8_t *bytes, size_t len_bytes)
{
    struct lab *lab = context;
    lab_wire_input(lab, bytes, len_bytes);
}

static void line_closed(void *context)
{
    struct lab *lab = context;
    dbg_detach(lab->dbg);
}

/* ---- assembly ------------------------------------------------------------------------------------------------ */

/* The oracle is told first: when the lab notes something, it has been judged. */
static void observe(struct lab *lab)
{
    lab->oracle_vm = oracle_vm_observer(lab->oracle);
    sim_vm_observe(lab->vm, &lab->oracle_vm);
    sim_vm_observe(lab->vm,
                   &(struct sim_vm_observer){.context = lab, .api = on_api, .life = on_life, .rpc = on_rpc});
    sim_line_on_fault(sim_vm_line(lab->vm, SIM_FAULT_TO_DEBUGGER), on_fault, lab);
    sim_line_on_fault(sim_vm_line(lab->vm, SIM_FAULT_TO_TARGET), on_fault, lab);

    lab->oracle_dbg = oracle_dbg_observer(lab->oracle);
    struct dbg_observer rest = lab->oracle_dbg;
    rest.message = NULL; /* messages and notes pass through ours, where a lie can be planted */
    rest.note = NULL;
    dbg_observe(lab->dbg, &rest);
    dbg_observe(lab->dbg, &(struct dbg_observer){.context = lab,
                                                 .message = on_message,
                                                 .request = on_request,
                                                 .note = on_note,
                                                 .frame = on_frame});
}

enum kd_status lab_create(const struct lab_config *config, struct lab **out, char *why)
{
    struct lab *lab = sim_allocate(1, sizeof *lab);
    lab->config = *config;
    lab->dr7 = 0x400; /* what a processor has there after reset */
    lab->story = lab_story_create();
    lab->world = config->world != NULL ? config->world : sim_world_create(config->seed, &config->cost);
    if (config->trace != NULL)
        sim_trace_write_to(sim_trace(lab->world), config->trace);
    lab->faults = sim_faults_create(lab->world);
    if (config->machine != NULL) {
        lab->config.vm.machine = config->machine->kind;
        lab->config.vm.dll = config->machine->dll[config->vm.boot.arch];
    }
    const char *reason = "";
    enum kd_status status = sim_vm_create(lab->world, lab->faults, &lab->config.vm, &lab->vm, &reason);
    if (status != KD_OK) {
        snprintf(why, LAB_WHY_BYTES, "this VM cannot be built: %s", reason);
        lab_destroy(lab);
        return status;
    }
    lab->dbg = dbg_create(lab->world, &config->dbg, write_to_target, lab);
    struct oracle_config judge = oracle_config_default(config->vm.link, &config->cost);
    lab->oracle = oracle_create(lab->world, lab->faults, &judge);
    observe(lab);
    lab_wire_watch(lab);
    if (config->timeline != NULL)
        lab->watch = timeline_watch_begin(config->timeline, lab->world, lab->faults, lab->vm, lab->dbg);
    *out = lab;
    return KD_OK;
}

void lab_destroy(struct lab *lab)
{
    if (lab == NULL)
        return;
    if (lab->dbg != NULL)
        dbg_destroy(lab->dbg);
    if (lab->vm != NULL)
        sim_vm_destroy(lab->vm);
    if (lab->oracle != NULL)
        oracle_destroy(lab->oracle);
    monitor_destroy(lab->monitor);
    sim_faults_destroy(lab->faults);
    if (lab->config.world == NULL)
        sim_world_destroy(lab->world);
    timeline_watch_end(lab->watch);
    list_free(&lab->seen.stops);
    list_free(&lab->seen.loads);
    list_free(&lab->seen.prints);
    list_free(&lab->seen.prompts);
    list_free(&lab->seen.others);
    free(lab->seen.reply.bytes);
    free_plans(lab);
    free(lab->moments);
    lab_frames_clear(lab);
    free(lab->frames);
    lab_story_destroy(lab->story);
    lab_disk_destroy(lab->disk);
    free(lab);
}

enum kd_status lab_attach(struct lab *lab)
{
    enum kd_status status = sim_vm_attach(
        lab->vm, &(struct sim_vm_peer){.context = lab, .bytes = bytes_from_target, .closed = line_closed});
    if (status == KD_OK)
        dbg_attach(lab->dbg);
    return status;
}

void lab_detach(struct lab *lab)
{
    if (!sim_vm_attached(lab->vm))
        return;
    sim_vm_detach(lab->vm);
    dbg_detach(lab->dbg);
}
