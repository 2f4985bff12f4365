#include "harness/timeline/timeline_watch.h"
#include "harness/timeline/timeline_private.h"
#include "harness/timeline/timeline_words.h"
#include "sim/world/sim_memory.h"
#include <stdlib.h>
#include <string.h>

/* One direction of the debugger's line. */
struct side {
    struct timeline_watch *watch;
    bool to_target;
    struct dbg_parser *parser;
    struct timeline_event *event;      /* under construction, while the parser reads its frame; then NULL */
    bool is_data;                      /* what the parser read */
    uint8_t last[DBG_FRAME_BYTES_MAX]; /* the last data frame, to know it again */
    size_t last_bytes;
};

struct timeline_watch {
    struct timeline *timeline;
    struct sim_world *world;
    struct sim_vm *vm;
    enum dbg_arch arch;
    struct timeline_symbols *symbols;
    struct side sides[2];        /* to the debugger, to the target */
    struct sim_vm_counters told; /* whose exits are in the ladder already */
};

static struct timeline_event begin(const struct timeline_watch *watch, enum timeline_kind kind,
                                   enum timeline_lane from)
{
    return (struct timeline_event){.time_ns = sim_now(watch->world), .kind = kind, .from = from};
}

static void say(struct timeline_watch *watch, enum timeline_lane lane, const char *name)
{
    struct timeline_event event = begin(watch, TIMELINE_SAY, lane);
    snprintf(event.name, sizeof event.name, "%s", name);
    timeline_add(watch->timeline, &event);
}

/* ---- the debugger's line ------------------------------------------------------------------------------- */

static void fault_text(const struct sim_fault_rule *rule, struct timeline_event *event)
{
    char duration[TIMELINE_DURATION_BYTES];
    event->fate = TIMELINE_STRUCK;
    switch (rule->kind) {
    case SIM_FAULT_DROP:
        if (rule->byte != SIM_FAULT_NO_BYTE) {
            snprintf(event->fault, sizeof event->fault, "byte %u lost", rule->byte);
            return;
        }
        break;
    case SIM_FAULT_FLIP:
        snprintf(event->fault, sizeof event->fault, "bit %u flipped", rule->bit);
        return;
    case SIM_FAULT_DUPLICATE:
        strcpy(event->fault, "comes twice");
        return;
    case SIM_FAULT_DELAY:
        snprintf(event->fault, sizeof event->fault, "late by %s",
                 timeline_duration(rule->delay_ns, duration));
        return;
    case SIM_FAULT_LOSE:
        break;
    default:
        strcpy(event->fault, sim_fault_kind_name(rule->kind));
        return;
    }
    event->fate = TIMELINE_LOST;
    strcpy(event->fault, "lost");
}

static void on_parsed(void *context, const struct dbg_frame *frame)
{
    struct side *side = context;
    timeline_words_frame(side->event, side->watch->symbols, side->watch->arch, side->to_target, frame);
    side->event = NULL;
    side->is_data = !frame->control;
}

static void describe_byte(struct timeline_event *event, uint8_t byte)
{
    event->idle = byte != DBG_BREAK_IN_BYTE;
    strcpy(event->name, event->idle ? "stray byte" : "break_in");
    if (event->idle)
        snprintf(event->detail, sizeof event->detail, "0x%02x", byte);
}

/* A data frame that is the last one to the bit is its repeat, and its words are known. */
static void describe_repeat(struct side *side, struct timeline_event *event, const uint8_t *frame,
                            size_t frame_bytes)
{
    if (!side->is_data || frame_bytes > sizeof side->last)
        return;
    if (frame_bytes == side->last_bytes && memcmp(frame, side->last, frame_bytes) == 0)
        strcpy(event->detail, "again");
    memcpy(side->last, frame, frame_bytes);
    side->last_bytes = frame_bytes;
}

static void describe_frame(struct side *side, struct timeline_event *event, const uint8_t *frame,
                           size_t frame_bytes)
{
    side->event = event;
    side->is_data = false;
    dbg_parser_input(side->parser, frame, frame_bytes);
    if (side->event != NULL) {
        dbg_parser_forget(side->parser);
        side->event = NULL;
        strcpy(event->name, "garbled frame");
        snprintf(event->detail, sizeof event->detail, "%zu bytes", frame_bytes);
    }
    describe_repeat(side, event, frame, frame_bytes);
}

static void on_frame(void *context, const struct sim_fault_rule *rule, const uint8_t *frame,
                     size_t frame_bytes)
{
    struct side *side = context;
    struct timeline_event event =
        begin(side->watch, TIMELINE_ARROW, side->to_target ? TIMELINE_DEBUGGER : TIMELINE_MIDDLE);
    event.to = side->to_target ? TIMELINE_MIDDLE : TIMELINE_DEBUGGER;
    if (frame_bytes == 1)
        describe_byte(&event, frame[0]);
    else
        describe_frame(side, &event, frame, frame_bytes);
    if (rule != NULL)
        fault_text(rule, &event);
    timeline_add(side->watch->timeline, &event);
}

/* ---- RPCs ---------------------------------------------------------------------------------------------- */

/* Break-in polls come with every tick and say nothing: the kernel's own report of them is enough. */
static bool is_quiet_poll(bool is_reply, const uint8_t *bytes, size_t len_bytes)
{
    struct vm_request request;
    struct vm_reply reply;
    if (is_reply)
        return vm_reply_load(&reply, bytes, len_bytes) == KD_OK && reply.kind == VM_POLL &&
               reply.result == VM_DONE;
    return vm_request_load(&request, bytes, len_bytes) == KD_OK && request.kind == VM_POLL;
}

static struct timeline_event begin_rpc(const struct timeline_watch *watch, bool is_reply)
{
    struct timeline_event event = begin(watch, TIMELINE_ARROW, is_reply ? TIMELINE_MIDDLE : TIMELINE_GUEST);
    event.to = is_reply ? TIMELINE_GUEST : TIMELINE_MIDDLE;
    return event;
}

static void on_rpc(void *context, bool is_reply, const uint8_t *bytes, size_t len_bytes)
{
    struct timeline_watch *watch = context;
    if (is_quiet_poll(is_reply, bytes, len_bytes))
        return;
    struct timeline_event event = begin_rpc(watch, is_reply);
    timeline_words_rpc(&event, is_reply, bytes, len_bytes);
    timeline_add(watch->timeline, &event);
}

/* A reply is struck right after it was given; a lost request was told to nobody. */
static void on_strike(void *context, const struct sim_fault_rule *rule, uint16_t type)
{
    struct timeline_watch *watch = context;
    bool is_reply = rule->direction == SIM_FAULT_REPLY;
    struct timeline_event *last = timeline_last(watch->timeline);
    if (rule->layer != SIM_FAULT_RPC)
        return;
    if (is_reply && last != NULL && last->to == TIMELINE_GUEST && last->kind == TIMELINE_ARROW &&
        last->time_ns == sim_now(watch->world)) {
        fault_text(rule, last);
        return;
    }
    struct timeline_event event = begin_rpc(watch, is_reply);
    snprintf(event.name, sizeof event.name, "%s%s", is_reply ? "reply to " : "",
             timeline_words_request(type));
    fault_text(rule, &event);
    timeline_add(watch->timeline, &event);
}

/* ---- the kernel ---------------------------------------------------------------------------------------- */

/* The exits since the last call returned are this call's: the kernel makes no others. */
static void take_exits(struct timeline_watch *watch, struct timeline_event *event)
{
    const struct sim_cost *cost = sim_cost(watch->world);
    struct sim_vm_counters now = sim_vm_counters(watch->vm);
    event->exits = now.exits - watch->told.exits;
    event->exits_ns = event->exits * cost->exit_ns +
                      (now.payload_bytes - watch->told.payload_bytes) * cost->payload_ps_per_byte / 1000;
    watch->told = now;
}

static const char *const receive_results[] = {
    [KD_RECEIVED] = "RECEIVED", [KD_TIMEOUT] = "TIMEOUT", [KD_RESEND] = "RESEND"};

/* A call of the module has returned. */
static void describe_return(struct timeline_event *event, const struct mk_trace *trace)
{
    const char *result = trace->status <= KD_RESEND ? receive_results[trace->status] : "?";
    if (trace->event == MK_TRACE_SENT) {
        strcpy(event->name, trace->status == 0 ? "-> sent" : "-> nobody there");
    } else if (trace->event == MK_TRACE_RECEIVE) {
        snprintf(event->name, sizeof event->name, "KdReceivePacket -> %s", result);
    } else if (trace->event == MK_TRACE_POLL) {
        event->idle = trace->status != KD_RECEIVED;
        strcpy(event->name, event->idle ? "poll" : "poll -> break in");
    } else if (trace->status == KD_STATUS_SUCCESS) {
        strcpy(event->name, "KdDebuggerInitialize0 -> OK");
    } else {
        strcpy(event->name, "KdDebuggerInitialize0");
        snprintf(event->detail, sizeof event->detail, "-> %08X", trace->status);
    }
}

static void on_api(void *context, const struct mk_trace *trace)
{
    struct timeline_watch *watch = context;
    struct timeline_event event = begin(watch, TIMELINE_SAY, TIMELINE_GUEST);
    switch (trace->event) {
    case MK_TRACE_INITIALIZE:
    case MK_TRACE_SENT:
    case MK_TRACE_RECEIVE:
    case MK_TRACE_POLL:
        describe_return(&event, trace);
        take_exits(watch, &event);
        break;
    case MK_TRACE_SEND:
        snprintf(event.name, sizeof event.name, "KdSendPacket %s", dbg_type_name((uint16_t)trace->type));
        break;
    case MK_TRACE_BREAK:
        if (trace->status == 0) /* its poll has said so */
            return;
        strcpy(event.name, "breaks in, as it was asked to");
        break;
    case MK_TRACE_BOOTED:
        strcpy(event.name, "has booted");
        break;
    default: /* stops and runs on: the packets say so */
        return;
    }
    timeline_add(watch->timeline, &event);
}

static void on_life(void *context, enum sim_life life)
{
    struct timeline_watch *watch = context;
    bool of_debugger = life == SIM_LIFE_ATTACH || life == SIM_LIFE_DETACH;
    struct timeline_event event =
        begin(watch, TIMELINE_LIFE, of_debugger ? TIMELINE_DEBUGGER : TIMELINE_GUEST);
    event.ends = life == SIM_LIFE_POWER_OFF || life == SIM_LIFE_DETACH;
    snprintf(event.name, sizeof event.name, "%s", sim_life_name(life));
    for (char *at = event.name; (at = strchr(at, '_')) != NULL;)
        *at = ' ';
    timeline_add(watch->timeline, &event);
    watch->sides[0].last_bytes = watch->sides[1].last_bytes = 0;
}

/* ---- the debugger -------------------------------------------------------------------------------------- */

static void on_note(void *context, enum dbg_note note, uint64_t a, uint64_t b, uint64_t c)
{
    struct timeline_watch *watch = context;
    (void)b;
    (void)c;
    switch (note) {
    case DBG_NOTE_REPEAT:
        say(watch, TIMELINE_DEBUGGER, "a repeat: dropped");
        break;
    case DBG_NOTE_BAD:
        say(watch, TIMELINE_DEBUGGER, "a bad frame");
        break;
    case DBG_NOTE_ORPHAN:
        say(watch, TIMELINE_DEBUGGER, "a reply that nobody waits for: dropped");
        break;
    case DBG_NOTE_GAVE_UP:
        say(watch, TIMELINE_DEBUGGER, "gives up its request");
        break;
    case DBG_NOTE_MANUAL:
        say(watch, TIMELINE_DEBUGGER, a ? "the script plays the bytes" : "plays by itself again");
        break;
    case DBG_NOTE_STATE:
        if (a == DBG_SYNC)
            say(watch, TIMELINE_DEBUGGER, "wants a fresh start");
        break;
    default: /* the frames say the rest */
        break;
    }
}

/* ---- assembly ------------------------------------------------------------------------------------------ */

static void watch_side(struct timeline_watch *watch, bool to_target)
{
    struct side *side = &watch->sides[to_target];
    side->watch = watch;
    side->to_target = to_target;
    side->parser = dbg_parser_create(on_parsed, side);
    sim_line_on_frame(sim_vm_line(watch->vm, to_target ? SIM_FAULT_TO_TARGET : SIM_FAULT_TO_DEBUGGER),
                      on_frame, side);
}

struct timeline_watch *timeline_watch_begin(struct timeline *timeline, struct sim_world *world,
                                            struct sim_faults *faults, struct sim_vm *vm, struct dbg *dbg)
{
    const struct sim_vm_config *config = sim_vm_config(vm);
    struct timeline_watch *watch = sim_allocate(1, sizeof *watch);
    watch->timeline = timeline;
    watch->world = world;
    watch->vm = vm;
    watch->arch = config->boot.arch == MK_X64 ? DBG_X64 : DBG_X86;
    watch->symbols = timeline_symbols_create(config->boot.arch, sim_vm_map(vm), sim_vm_ram(vm));
    timeline_begin(timeline, config->link == SIM_LINK_SERIAL ? "uart" : "relay");
    watch_side(watch, false);
    watch_side(watch, true);
    sim_faults_on_strike(faults, on_strike, watch);
    sim_vm_observe(
        vm, &(struct sim_vm_observer){.context = watch, .api = on_api, .life = on_life, .rpc = on_rpc});
    dbg_observe(dbg, &(struct dbg_observer){.context = watch, .note = on_note});
    return watch;
}

void timeline_watch_end(struct timeline_watch *watch)
{
    if (watch == NULL)
        return;
    dbg_parser_destroy(watch->sides[0].parser);
    dbg_parser_destroy(watch->sides[1].parser);
    timeline_symbols_destroy(watch->symbols);
    free(watch);
}
