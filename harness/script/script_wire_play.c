/* wire[[...]]: plays and expects the frames of a block, one line after the other. A block without `<` lines only
 * watches: the debugger goes on answering by itself. With them it is in manual mode until the block ends. */
#include "harness/script/script_private.h"
#include "harness/script/script_wire.h"
#include <stdio.h>
#include <string.h>

static int advance(lua_State *L, int status, lua_KContext context);

/* The line of the file that a line of the block is on: a newline right behind the brackets is not in the block. */
static unsigned file_line(const struct script *script, unsigned block_line)
{
    const char *at = script->source;
    for (unsigned line = 1; line < script->wire_line && at != NULL; line++) {
        at = strchr(at, '\n');
        at = at == NULL ? NULL : at + 1;
    }
    const char *end = at == NULL ? NULL : strchr(at, '\n');
    bool opens_at_end = end != NULL && end > at && (end[-1] == '[' || (end[-1] == '\r' && end[-2] == '['));
    return script->wire_line + block_line + (opens_at_end ? 1 : 0);
}

/* An error at a line of the block: Lua itself only knows where the block begins. */
static int stop(lua_State *L, unsigned block_line, const char *text)
{
    struct script *script = script_of(L);
    script->lab->keep_frames = false;
    script->result->line = file_line(script, block_line);
    lua_pushfstring(L, "%s:%d: wire: %s", SCRIPT_CHUNK, (int)script->result->line, text);
    return lua_error(L);
}

static int mismatch(lua_State *L, const struct wire_step *step, const struct lab_frame *frame, const char *what)
{
    char actual[DBG_DESCRIBE_BYTES + 40] = "nothing";
    char text[SCRIPT_MESSAGE_BYTES];
    if (frame != NULL)
        script_wire_text(frame, actual, sizeof actual);
    snprintf(text, sizeof text, "%s\n  expected: %s\n  actual:   %s", what,
             step->kind == WIRE_EXPECT ? step->text : "nothing", actual);
    return stop(L, step->line, text);
}

static bool frame_came(struct script *script)
{
    return script->lab->frame_count > script->frames_read;
}

static int wait_until(lua_State *L, uint64_t time_ns)
{
    uint64_t now = sim_now(script_of(L)->lab->world);
    return script_wait(L, frame_came, time_ns > now ? time_ns - now : 0, advance);
}

static void step_done(struct script *script, uint64_t time_ns)
{
    script->wire_base_ns = time_ns;
    script->wire_skips = false;
    script->wire_at++;
}

static const struct lab_frame *next_frame(struct script *script)
{
    return frame_came(script) ? &script->lab->frames[script->frames_read] : NULL;
}

/* One `>` line against the next frame. Returns true when it moved on (the line is done, or a frame was skipped), false
 * when it must wait; a mismatch does not return. */
static bool expect(lua_State *L, struct script *script, const struct wire_step *step, bool waited)
{
    const struct lab_frame *frame = next_frame(script);
    if (frame == NULL) {
        if (waited && script->wait_end == SCRIPT_WAIT_TIMEOUT)
            mismatch(L, step, NULL, "the frame did not come in time");
        return false;
    }
    script->frames_read++;
    if (!script_wire_matches(step, frame)) {
        if (!script->wire_skips)
            mismatch(L, step, frame, "another frame came");
        return true;
    }
    uint64_t after_ns = frame->body.time_ns - script->wire_base_ns;
    if (!step->any_time && (after_ns < step->from_ns || after_ns > step->to_ns)) {
        char what[120];
        snprintf(what, sizeof what, "the frame came %llu ns after the line before, not %llu to %llu",
                 (unsigned long long)after_ns, (unsigned long long)step->from_ns, (unsigned long long)step->to_ns);
        mismatch(L, step, frame, what);
    }
    step_done(script, frame->body.time_ns);
    return true;
}

/* One `<` line. Until its time has come the target must be silent. Returns as expect() does. */
static bool play(lua_State *L, struct script *script, const struct wire_step *step)
{
    const struct lab_frame *frame = next_frame(script);
    if (frame != NULL) {
        script->frames_read++;
        if (!script->wire_skips)
            mismatch(L, step, frame, "an unexpected frame came before this line was played");
        return true;
    }
    if (sim_now(script->lab->world) < script->wire_base_ns + step->from_ns)
        return false;
    uint8_t bytes[DBG_FRAME_BYTES_MAX];
    size_t len_bytes;
    char why[LAB_WHY_BYTES];
    if (script_wire_bytes(step, lab_arch(script->lab), bytes, &len_bytes, why) != KD_OK) {
        script->bad_input = true;
        stop(L, step->line, why);
    }
    if (dbg_write_raw(script->lab->dbg, bytes, len_bytes) != KD_OK)
        stop(L, step->line, "no debugger is attached: attach() first");
    step_done(script, sim_now(script->lab->world));
    return true;
}

/* What came behind the last line is unlisted too. */
static int finish(lua_State *L, struct script *script)
{
    const struct lab_frame *frame = next_frame(script);
    const struct wire_step *last = &script->wire->steps[script->wire->count - 1];
    if (frame != NULL && last->kind != WIRE_ANY)
        return mismatch(L, last, frame, "one frame more than the block lists came");
    script->lab->keep_frames = false;
    if (script->wire->plays)
        dbg_set_manual(script->lab->dbg, script->manual);
    return 0;
}

/* When there is no point in waiting any longer. */
static uint64_t step_limit(const struct script *script, const struct wire_step *step)
{
    if (step->kind == WIRE_PLAY)
        return script->wire_base_ns + step->from_ns;
    if (step->any_time)
        return script->wire_base_ns + SCRIPT_WAIT_NS;
    return script->wire_base_ns + step->to_ns + 1; /* a frame at the very moment is in time */
}

static int advance(lua_State *L, int status, lua_KContext context)
{
    (void)context;
    struct script *script = script_of(L);
    bool waited = status == LUA_YIELD;
    while (script->wire_at < script->wire->count) {
        const struct wire_step *step = &script->wire->steps[script->wire_at];
        if (step->kind == WIRE_ANY) {
            script->wire_skips = true;
            script->wire_at++;
            continue;
        }
        bool moved = step->kind == WIRE_EXPECT ? expect(L, script, step, waited) : play(L, script, step);
        waited = false;
        if (!moved)
            return wait_until(L, step_limit(script, step));
    }
    return finish(L, script);
}

static unsigned current_line(lua_State *L)
{
    unsigned line = 0;
    script_sandbox_where(L);
    sscanf(lua_tostring(L, -1), SCRIPT_CHUNK ":%u:", &line);
    lua_pop(L, 1);
    return line;
}

static int verb_wire(lua_State *L)
{
    struct script *script = script_of(L);
    struct lab *lab = script_lab(L);
    char why[LAB_WHY_BYTES];
    unsigned line;
    script->wire_line = current_line(L);
    script_wire_free(script->wire);
    script->wire = script_wire_parse(luaL_checkstring(L, 1), why, &line);
    if (script->wire == NULL) {
        script->bad_input = true;
        return stop(L, line, why);
    }
    if (script->wire->count == 0)
        return script_bad_input(L, "wire: the block is empty");
    script->wire_at = 0;
    script->wire_base_ns = sim_now(lab->world);
    script->wire_skips = false;
    script->frames_read = 0;
    lab_frames_clear(lab);
    lab->keep_frames = true;
    if (script->wire->plays)
        dbg_set_manual(lab->dbg, true);
    return advance(L, LUA_OK, 0);
}

/* dbg.manual(true): the debugger answers nothing by itself, also between wire blocks. */
static int verb_manual(lua_State *L)
{
    struct script *script = script_of(L);
    script->manual = lua_toboolean(L, 1);
    dbg_set_manual(script_lab(L)->dbg, script->manual);
    return 0;
}

void script_open_wire(lua_State *L)
{
    static const luaL_Reg globals[] = {{"wire", verb_wire}, {NULL, NULL}};
    static const luaL_Reg dbg[] = {{"manual", verb_manual}, {NULL, NULL}};
    script_register(L, "_G", globals);
    script_register(L, "dbg", dbg);
}
