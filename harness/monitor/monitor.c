/* What the monitor is told, and how it says what it found. */
#include "harness/monitor/monitor.h"
#include "harness/monitor/monitor_private.h"
#include "sim/world/sim_memory.h"
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- rules and deviations ---- */

static const struct {
    const char *name;
    unsigned binds;
    const char *text;
} rules[] = {{"W0", 0, ""},
#define MONITOR_RULE_ROW(name, binds, text) {#name, MONITOR_BINDS_##binds, text},
             MONITOR_RULE_LIST(MONITOR_RULE_ROW)
#undef MONITOR_RULE_ROW
};

static const char *const deviation_texts[] = {"",
#define MONITOR_DEVIATION_ROW(name, text) text,
                                              MONITOR_DEVIATION_LIST(MONITOR_DEVIATION_ROW)
#undef MONITOR_DEVIATION_ROW
};

const char *monitor_rule_name(enum monitor_rule rule)
{
    return rules[rule].name;
}

const char *monitor_rule_text(enum monitor_rule rule)
{
    return rules[rule].text;
}

unsigned monitor_rule_binds(enum monitor_rule rule)
{
    return rules[rule].binds;
}

const char *monitor_deviation_text(enum monitor_deviation deviation)
{
    return deviation_texts[deviation];
}

/* ---- findings ---- */

static void append(struct monitor_violation *violation, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static void append(struct monitor_violation *violation, const char *format, ...)
{
    size_t used = strlen(violation->text);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(violation->text + used, sizeof violation->text - used, format, arguments);
    va_end(arguments);
}

static const char *end_name(enum monitor_end end)
{
    return end == MONITOR_TARGET ? "target" : "debugger";
}

/* What a reader wants to know next: had a fault been at work? */
static void append_faults(const struct monitor *monitor, struct monitor_violation *violation)
{
    const struct line *line = &monitor->lines[violation->end];
    if (line->faults > 0)
        append(violation, " (%" PRIu64 " faults on the way to it, the last %" PRIu64 " us ago)", line->faults,
               (monitor->now_ns - line->last_fault_ns) / 1000);
}

void monitor_blame(struct monitor *monitor, enum monitor_end end, enum monitor_rule rule,
                   enum monitor_deviation deviation, const struct wire_frame *frame, const char *format, ...)
{
    if (deviation != MONITOR_NO_DEVIATION && monitor->config.foreign[end]) {
        monitor->deviations[deviation]++;
        return;
    }
    monitor->violations = sim_grow(monitor->violations, &monitor->violation_room,
                                   monitor->violation_count + 1, sizeof *monitor->violations);
    struct monitor_violation *violation = &monitor->violations[monitor->violation_count++];
    *violation = (struct monitor_violation){.rule = rule, .end = end, .time_ns = monitor->now_ns};
    char frame_text[WIRE_TEXT_BYTES] = "";
    append(violation, "%s %s: ", rules[rule].name, end_name(end));
    if (frame != NULL)
        append(violation, "%s: ", wire_frame_text(frame, frame_text));
    char why[MONITOR_TEXT_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(why, sizeof why, format, arguments);
    va_end(arguments);
    append(violation, "%s", why);
    append_faults(monitor, violation);
    if (monitor->config.violated != NULL)
        monitor->config.violated(monitor->config.context, violation);
}

unsigned monitor_violation_count(const struct monitor *monitor)
{
    return (unsigned)monitor->violation_count;
}

const struct monitor_violation *monitor_violation(const struct monitor *monitor, unsigned index)
{
    return &monitor->violations[index];
}

uint64_t monitor_frames(const struct monitor *monitor, enum monitor_end end)
{
    return monitor->lines[end].frames;
}

uint64_t monitor_deviations(const struct monitor *monitor, enum monitor_deviation deviation)
{
    return monitor->deviations[deviation];
}

/* ---- bytes ---- */

/* What a UART or a relay still hands over in the moment in which the machine goes is of before. So the end of
 * a target counts from the next moment on, or from the new one's first sign of life. */
static void end_target(struct monitor *monitor)
{
    struct line *line = &monitor->lines[MONITOR_TARGET];
    enum monitor_event event = monitor->target_ends;
    monitor->target_ends = MONITOR_TIME_PASSED;
    if (event == MONITOR_TIME_PASSED)
        return;
    wire_scan_forget(&line->written);
    line->garbled = false;
    line->joined_late = event == MONITOR_TARGET_LOST && !monitor->config.target_has_sessions;
    if (event == MONITOR_TARGET_BOOTS)
        target_boots(monitor);
    else
        target_lost(monitor);
}

static void pass_time(struct monitor *monitor, uint64_t now_ns)
{
    if (now_ns > monitor->now_ns)
        end_target(monitor);
    monitor->now_ns = now_ns;
    target_time(monitor);
    debugger_time(monitor);
}

static bool is_judged(const struct monitor *monitor, enum monitor_end end)
{
    return end == MONITOR_TARGET ? !monitor->lines[end].joined_late : !monitor->debugger.unjudged;
}

/* Bytes outside of frames. What follows a malformed frame is its debris, and named already. */
static void wrote_noise(struct monitor *monitor, enum monitor_end end, uint8_t byte)
{
    struct line *line = &monitor->lines[end];
    bool break_in = end == MONITOR_DEBUGGER && byte == WIRE_BREAK_BYTE;
    if (break_in || line->garbled || !is_judged(monitor, end))
        return;
    line->garbled = true;
    monitor_blame(monitor, end, MONITOR_W1,
                  end == MONITOR_DEBUGGER ? MONITOR_CONTROL_SUM : MONITOR_NO_DEVIATION, NULL,
                  "a byte 0x%02x belongs to no frame", byte);
}

static void wrote_frame(struct monitor *monitor, enum monitor_end end, const struct wire_frame *frame)
{
    struct line *line = &monitor->lines[end];
    const struct written written = {.frame = frame,
                                    .begun_ns = line->begun_ns,
                                    .begun_number = line->begun_number,
                                    .api = frame_api(frame)};
    bool whole = frame->control || frame->flaw == WIRE_GOOD;
    if (end == MONITOR_TARGET && line->joined_late && !whole)
        return; /* the rest of something; from its first whole frame on it is judged */
    line->joined_late = false;
    if (is_judged(monitor, end)) {
        line->frames++;
        line->garbled = !form_good(monitor, end, frame);
        if (line->garbled)
            return;
    }
    if (end == MONITOR_TARGET)
        target_wrote(monitor, &written);
    else
        debugger_wrote(monitor, &written);
}

static void begin_written(struct monitor *monitor, struct line *line)
{
    line->begun_ns = monitor->now_ns;
    line->begun_number = monitor->target.inbox.next_number;
}

/* A script may leave half a frame behind; the debugger's own writes are whole. */
static bool begins_frame(const uint8_t *bytes, size_t len_bytes)
{
    bool leader = bytes[0] == WIRE_DATA_BYTE || bytes[0] == WIRE_CONTROL_BYTE;
    return leader && len_bytes >= WIRE_HEADER_BYTES && bytes[1] == bytes[0] && bytes[2] == bytes[0] &&
           bytes[3] == bytes[0];
}

void monitor_wrote(struct monitor *monitor, enum monitor_end end, uint64_t now_ns, const uint8_t *bytes,
                   size_t len_bytes)
{
    struct line *line = &monitor->lines[end];
    pass_time(monitor, now_ns);
    if (!monitor->attached || len_bytes == 0)
        return;
    line->last_written_ns = now_ns;
    if (end == MONITOR_DEBUGGER && monitor->debugger.unjudged && begins_frame(bytes, len_bytes))
        wire_scan_forget(&line->written);
    for (size_t at = 0; at < len_bytes;) {
        struct wire_piece piece;
        if (!wire_scan_busy(&line->written))
            begin_written(monitor, line);
        at += wire_scan_take(&line->written, bytes + at, len_bytes - at, &piece);
        if (piece.kind == WIRE_NOISE)
            wrote_noise(monitor, end, piece.noise);
        else if (piece.kind == WIRE_FRAME)
            wrote_frame(monitor, end, &piece.frame);
    }
}

/* From here on nobody can say what the debugger should do. */
static void lose_debugger(struct monitor *monitor)
{
    monitor->debugger.unjudged = true;
    monitor->debugger.reset_is_out = false;
    monitor->debugger.owed_count = 0;
}

/* Silence inside a frame: its reader has given it up, or so a target may have, which times its leader scan
 * too. A byte that comes in the very moment in which a debugger gives up may be the next of the frame to it
 * or not. */
static void break_off(struct monitor *monitor, enum monitor_end end)
{
    struct line *line = &monitor->lines[end];
    bool target = end == MONITOR_TARGET;
    bool begun = target ? wire_scan_busy(&line->received) : line->received.in_frame;
    uint64_t wait_ns = target ? monitor->config.target_wait_ns : monitor->config.debugger_wait_ns;
    uint64_t silence_ns = monitor->now_ns - line->last_received_ns;
    if (!begun || silence_ns < wait_ns)
        return;
    wire_scan_forget(&line->received);
    if (target)
        target_astray(monitor);
    else if (silence_ns == wait_ns)
        lose_debugger(monitor);
}

size_t monitor_received(struct monitor *monitor, enum monitor_end end, uint64_t now_ns, const uint8_t *bytes,
                        size_t len_bytes)
{
    struct line *line = &monitor->lines[end];
    pass_time(monitor, now_ns);
    if (!monitor->attached || len_bytes == 0)
        return len_bytes;
    break_off(monitor, end);
    line->last_received_ns = now_ns;
    struct wire_piece piece;
    size_t taken = wire_scan_take(&line->received, bytes, len_bytes, &piece);
    if (end == MONITOR_TARGET)
        target_received(monitor, &piece);
    else
        debugger_received(monitor, &piece);
    return taken;
}

/* ---- what the wire does not show ---- */

static void forget_lines(struct monitor *monitor)
{
    for (unsigned end = 0; end < MONITOR_ENDS; end++) {
        struct line *line = &monitor->lines[end];
        wire_scan_forget(&line->written);
        wire_scan_forget(&line->received);
        line->garbled = false;
    }
}

static void begin_session(struct monitor *monitor)
{
    forget_lines(monitor);
    monitor->lines[MONITOR_TARGET].joined_late = !monitor->config.target_has_sessions;
    target_session(monitor);
    debugger_session(monitor);
}

void monitor_note(struct monitor *monitor, enum monitor_event event, uint64_t now_ns)
{
    pass_time(monitor, now_ns);
    switch (event) {
    case MONITOR_ATTACHED:
    case MONITOR_DETACHED:
        end_target(monitor);
        monitor->attached = event == MONITOR_ATTACHED;
        begin_session(monitor);
        break;
    case MONITOR_TARGET_BOOTS:
    case MONITOR_TARGET_LOST:
        monitor->target_ends = event;
        break;
    case MONITOR_TARGET_STARTS_IDS:
        end_target(monitor);
        target_starts_ids(monitor);
        break;
    case MONITOR_TARGET_MISHEARS:
        target_mishears(monitor);
        break;
    case MONITOR_TIME_PASSED:
        target_excused(monitor);
        debugger_excused(monitor);
        break;
    case MONITOR_FRESH_START:
        debugger_wants_reset(monitor);
        break;
    case MONITOR_RAW:
        lose_debugger(monitor);
        break;
    case MONITOR_MANUAL_ON:
    case MONITOR_MANUAL_OFF:
        monitor->debugger.manual = event == MONITOR_MANUAL_ON;
        lose_debugger(monitor);
        break;
    case MONITOR_EVENTS:
        break;
    }
}

void monitor_struck(struct monitor *monitor, enum monitor_end end, uint64_t now_ns)
{
    monitor->lines[end].faults++;
    monitor->lines[end].last_fault_ns = now_ns;
}

/* A reader has long given up a frame that was not finished in its time. */
static void judge_unfinished(struct monitor *monitor, enum monitor_end end, uint64_t wait_ns)
{
    const struct line *line = &monitor->lines[end];
    if (wire_scan_busy(&line->written) && is_judged(monitor, end) &&
        monitor->now_ns - line->last_written_ns >= wait_ns)
        monitor_blame(monitor, end, MONITOR_W1, MONITOR_NO_DEVIATION, NULL,
                      "a frame was begun and not finished: %" PRIu32 " bytes of it came",
                      line->written.in_frame ? line->written.have : line->written.run);
}

void monitor_finish(struct monitor *monitor, uint64_t now_ns)
{
    pass_time(monitor, now_ns);
    judge_unfinished(monitor, MONITOR_TARGET, monitor->config.debugger_wait_ns);
    judge_unfinished(monitor, MONITOR_DEBUGGER, monitor->config.target_wait_ns);
}

/* ---- life ---- */

struct monitor_config monitor_config_default(void)
{
    return (struct monitor_config){.target_wait_ns = 1000000000u,
                                   .debugger_wait_ns = 1000000000u,
                                   .reset_window_ns = 100000000u,
                                   .answer_ns = 500000000u,
                                   .silence_ns = 30000000000u};
}

struct monitor *monitor_create(const struct monitor_config *config)
{
    struct monitor *monitor = sim_allocate(1, sizeof *monitor);
    monitor->config = *config;
    monitor->target.inbox.next_number = 1;
    monitor->lines[MONITOR_TARGET].received.refuses_early = true;
    target_lost(monitor);
    debugger_session(monitor);
    return monitor;
}

void monitor_destroy(struct monitor *monitor)
{
    if (monitor == NULL)
        return;
    free(monitor->target.inbox.units);
    free(monitor->violations);
    free(monitor);
}
