#include "harness/script/lab_work.h"
#include <string.h>

/* How long a work is waited for, and how long FINISH waits for a stop before it asks again. */
#define WORK_LIMIT_NS   SIM_S(3)
#define FINISH_LIMIT_NS SIM_S(120)
#define STOP_PATIENCE_NS SIM_S(2)
#define SYNC_PATIENCE_NS SIM_S(15)

/* What cannot be had now is not had. */
static void take_it(enum kd_status status)
{
    (void)status;
}

/* ---- requests ------------------------------------------------------------------------------------------------ */

static bool ask(struct lab *lab, const struct dbg_request *request)
{
    return dbg_send(lab->dbg, DBG_TYPE_MANIPULATE, request->body, request->body_bytes) == KD_OK;
}

static uint32_t bytes_of(uint64_t amount)
{
    return amount < DBG_DATA_BYTES_MAX ? (uint32_t)amount : DBG_DATA_BYTES_MAX;
}

static const struct mk_map *map_of(const struct lab *lab)
{
    return sim_vm_map(lab->vm);
}

static bool read(struct lab *lab, uint64_t amount)
{
    struct dbg_request request;
    dbg_api_read_virtual(&request, 0, map_of(lab)->pool, bytes_of(amount));
    return ask(lab, &request);
}

static bool read_hole(struct lab *lab, uint64_t amount)
{
    struct dbg_request request;
    dbg_api_read_virtual(&request, 0, map_of(lab)->hole, bytes_of(amount));
    return ask(lab, &request);
}

static bool read_physical(struct lab *lab, uint64_t amount)
{
    struct dbg_request request;
    dbg_api_read_physical(&request, map_of(lab)->pool_pa, bytes_of(amount), 0);
    return ask(lab, &request);
}

/* Bytes of every kind, among them break-in and leader bytes. */
static const uint8_t *pattern(uint8_t bytes[DBG_DATA_BYTES_MAX], uint64_t amount)
{
    for (uint32_t i = 0; i < bytes_of(amount); i++)
        bytes[i] = (uint8_t)(i * 7 + amount + 0x62);
    return bytes;
}

static bool write(struct lab *lab, uint64_t amount)
{
    struct dbg_request request;
    uint8_t bytes[DBG_DATA_BYTES_MAX];
    return dbg_api_write_virtual(&request, 0, map_of(lab)->pool, pattern(bytes, amount), bytes_of(amount)) == KD_OK &&
           ask(lab, &request);
}

static bool write_physical(struct lab *lab, uint64_t amount)
{
    struct dbg_request request;
    uint8_t bytes[DBG_DATA_BYTES_MAX];
    return dbg_api_write_physical(&request, map_of(lab)->pool_pa, 0, pattern(bytes, amount), bytes_of(amount)) ==
               KD_OK &&
           ask(lab, &request);
}

static bool version(struct lab *lab, uint64_t amount)
{
    (void)amount;
    struct dbg_request request;
    dbg_api_get_version(&request);
    return ask(lab, &request);
}

static bool context(struct lab *lab, uint64_t amount)
{
    (void)amount;
    struct dbg_request request;
    dbg_api_get_context(&request, 0);
    return ask(lab, &request);
}

static bool breakpoint(struct lab *lab, uint64_t amount)
{
    (void)amount;
    struct dbg_request request;
    dbg_api_write_breakpoint(&request, map_of(lab)->function);
    return ask(lab, &request);
}

static bool remove_breakpoint(struct lab *lab, uint64_t amount)
{
    struct dbg_request request;
    dbg_api_restore_breakpoint(&request, (uint32_t)amount);
    return ask(lab, &request);
}

static bool reboot(struct lab *lab, uint64_t amount)
{
    (void)amount;
    struct dbg_request request;
    dbg_api_reboot(&request);
    return ask(lab, &request);
}

/* ---- running ------------------------------------------------------------------------------------------------- */

static bool run(struct lab *lab, bool trace)
{
    struct dbg_request request;
    dbg_api_continue2(&request, lab_arch(lab), 0, DBG_CONTINUE, &(struct dbg_control_set){.trace = trace, .dr7 = 0x400});
    return ask(lab, &request);
}

/* A target that stands at an int 3 of its own would stop there again at once (kd-protocol.md 5.5 rule 4). */
static bool at_own_breakpoint(const struct lab *lab)
{
    const struct lab_list *stops = &lab->seen.stops;
    struct dbg_state_change change;
    if (stops->count == 0)
        return false;
    const struct lab_bytes *last = &stops->items[stops->count - 1];
    return dbg_api_state_change(lab_arch(lab), last->bytes, last->len_bytes, &change) == KD_OK &&
           change.code == DBG_STATUS_BREAKPOINT && change.control.instruction_bytes > 0 &&
           change.control.instructions[0] == 0xCC;
}

/* The reply to get_context becomes the request that moves the program counter over that byte. */
static bool step_over(struct lab *lab)
{
    struct dbg_request request;
    struct dbg_reply reply;
    uint8_t block[DBG_DATA_BYTES_MAX];
    unsigned count;
    uint64_t pc, flags;
    const struct dbg_field *fields = dbg_context_fields(lab_arch(lab), &count);
    const char *name = lab_arch(lab) == DBG_X64 ? "rip" : "eip";
    if (dbg_api_reply(lab->seen.reply.bytes, lab->seen.reply.len_bytes, &reply) != KD_OK ||
        reply.api != DBG_API_GET_CONTEXT || reply.data_bytes > sizeof block)
        return false;
    memcpy(block, reply.data, reply.data_bytes);
    return dbg_field_get(fields, count, name, block, reply.data_bytes, &pc) == KD_OK &&
           dbg_field_set(fields, count, name, block, reply.data_bytes, pc + 1) == KD_OK &&
           dbg_field_get(fields, count, "flags", block, reply.data_bytes, &flags) == KD_OK &&
           dbg_api_set_context(&request, 0, (uint32_t)flags, block, reply.data_bytes) == KD_OK && ask(lab, &request);
}

/* ---- one move after the other -------------------------------------------------------------------------------- */

/* Whatever makes an outstanding request void: a fresh start, a new state change, or giving up. */
static uint64_t void_marks(const struct lab *lab)
{
    const struct lab_notebook *seen = &lab->seen;
    return seen->stops.count + seen->loads.count + seen->notes[DBG_NOTE_RESET_SEEN] +
           seen->notes[DBG_NOTE_RESET_SENT] + seen->notes[DBG_NOTE_GAVE_UP] + seen->notes[DBG_NOTE_DETACH];
}

/* Waits for the end of a move from now on. */
static void mark(struct lab *lab, struct lab_work *work, bool moved)
{
    work->waits = moved;
    work->move++;
    work->replies = lab->seen.replies;
    work->acked = lab->seen.notes[DBG_NOTE_ACKED];
    work->marks = void_marks(lab);
    work->stops = lab->seen.stops.count;
}

static bool is_void(const struct lab *lab, const struct lab_work *work)
{
    return void_marks(lab) > work->marks;
}

/* A conversation starts over, or something is on its way: nobody can tell yet what can be done. */
static bool is_settled(const struct lab *lab)
{
    enum dbg_state state = dbg_state(lab->dbg);
    return state == DBG_STOPPED || state == DBG_RUNNING || state == DBG_DETACHED;
}

static bool replied(struct lab *lab, const struct lab_work *work)
{
    return lab->seen.replies > work->replies || is_void(lab, work);
}

static bool (*const requests[LAB_WORKS])(struct lab *lab, uint64_t amount) = {
    [LAB_WORK_READ] = read,
    [LAB_WORK_WRITE] = write,
    [LAB_WORK_READ_PHYSICAL] = read_physical,
    [LAB_WORK_WRITE_PHYSICAL] = write_physical,
    [LAB_WORK_READ_HOLE] = read_hole,
    [LAB_WORK_VERSION] = version,
    [LAB_WORK_CONTEXT] = context,
    [LAB_WORK_BREAKPOINT] = breakpoint,
    [LAB_WORK_REMOVE_BREAKPOINT] = remove_breakpoint,
    [LAB_WORK_REBOOT] = reboot,
};

/* One request, where the target is stopped, and its reply. */
static bool one_request(struct lab *lab, struct lab_work *work)
{
    if (work->move > 0)
        return replied(lab, work) || dbg_state(lab->dbg) == DBG_RUNNING;
    if (!is_settled(lab))
        return false;
    mark(lab, work, dbg_state(lab->dbg) == DBG_STOPPED && requests[work->kind](lab, work->amount));
    return !work->waits;
}

static bool go(struct lab *lab, struct lab_work *work)
{
    if (!is_settled(lab) || (work->waits && !replied(lab, work) && dbg_state(lab->dbg) == DBG_STOPPED))
        return false;
    if (dbg_state(lab->dbg) != DBG_STOPPED || (work->waits && is_void(lab, work)))
        return true;
    if (work->move == 0 && !at_own_breakpoint(lab))
        work->move = 2;
    mark(lab, work,
         work->move == 0 ? context(lab, 0) : work->move == 1 ? step_over(lab) : work->move == 2 && run(lab, false));
    return !work->waits;
}

static bool step_once(struct lab *lab, struct lab_work *work)
{
    if (work->move > 0)
        return is_void(lab, work);
    if (!is_settled(lab))
        return false;
    mark(lab, work, dbg_state(lab->dbg) == DBG_STOPPED && run(lab, true));
    return !work->waits;
}

static bool stop_came(const struct lab *lab, const struct lab_work *work)
{
    return lab->seen.stops.count > work->stops || dbg_state(lab->dbg) == DBG_DETACHED;
}

static bool break_in(struct lab *lab, struct lab_work *work)
{
    if (work->move > 0)
        return stop_came(lab, work);
    bool runs = dbg_state(lab->dbg) == DBG_RUNNING;
    mark(lab, work, dbg_break_in(lab->dbg) == KD_OK && runs);
    return !work->waits;
}

static bool resync(struct lab *lab, struct lab_work *work)
{
    if (work->move > 0)
        return is_settled(lab);
    mark(lab, work, dbg_resync(lab->dbg) == KD_OK);
    return !work->waits;
}

/* ---- the target's own doings --------------------------------------------------------------------------------- */

static const struct {
    enum mk_command_kind kind;
    const char *text;
    uint32_t code;
} commands[LAB_WORKS] = {
    [LAB_WORK_PRINT] = {MK_COMMAND_PRINT, "work", 0},
    [LAB_WORK_PROMPT] = {MK_COMMAND_PROMPT, "well? ", 0},
    [LAB_WORK_LOAD] = {MK_COMMAND_LOAD, "", 0},
    [LAB_WORK_EXCEPTION] = {MK_COMMAND_EXCEPTION, "", 0xC0000005},
};

/* Told the target, if it does not think about another one yet. */
static bool command(struct lab *lab, struct lab_work *work)
{
    struct mk_command wish = {
        .kind = commands[work->kind].kind, .count = (uint32_t)work->amount, .code = commands[work->kind].code};
    strcpy(wish.text, commands[work->kind].text);
    take_it(sim_vm_command(lab->vm, &wish));
    return true;
}

static bool attach(struct lab *lab, struct lab_work *work)
{
    (void)work;
    take_it(lab_attach(lab));
    return true;
}

static bool detach(struct lab *lab, struct lab_work *work)
{
    (void)work;
    lab_detach(lab);
    return true;
}

static bool wait(struct lab *lab, struct lab_work *work)
{
    return sim_now(lab->world) >= work->until_ns;
}

/* ---- the finish ---------------------------------------------------------------------------------------------- */

/* A module that finds no backdoor when it starts looks for a UART, and stays with it for this boot (design of the
 * module, transport/guest/README.md): nobody is there to be spoken to. */
static bool fell_back(const struct lab *lab)
{
    return sim_link_has_relay(lab->config.vm.link) && sim_vm_counters(lab->vm).exits_uart > lab->uart_exits_forgiven;
}

enum finish { FINISH_FATES, FINISH_STOP, FINISH_VERSION, FINISH_READ, FINISH_GO };

/* What can be put right is; what is right already says so, and stays. */
static void put_right(struct lab *lab)
{
    sim_faults_clear(lab->faults);
    take_it(sim_vm_resume(lab->vm));
    if (sim_vm_state(lab->vm) == SIM_VM_OFF)
        sim_vm_power_on(lab->vm);
    take_it(sim_vm_relay_restart(lab->vm));
    take_it(lab_attach(lab));
    if (fell_back(lab))
        sim_vm_reset(lab->vm);
    lab->uart_exits_forgiven = sim_vm_counters(lab->vm).exits_uart;
}

/* As a person would: break in; when that brings nothing, start the conversation over. */
static void insist_on_stop(struct lab *lab, struct lab_work *work)
{
    uint64_t now = sim_now(lab->world);
    bool asked = work->waits;
    if (asked && now < work->until_ns)
        return;
    if (asked)
        take_it(dbg_resync(lab->dbg));
    else if (dbg_state(lab->dbg) == DBG_RUNNING)
        take_it(dbg_break_in(lab->dbg));
    work->until_ns = now + (asked ? SYNC_PATIENCE_NS : STOP_PATIENCE_NS);
    work->waits = true;
}

/* The next of the three requests. One that could not be sent is tried again after a stop. */
static void ask_next(struct lab *lab, struct lab_work *work)
{
    unsigned next = work->move + 1;
    bool asked = next == FINISH_VERSION ? version(lab, 0) : next == FINISH_READ ? read(lab, 64) : run(lab, false);
    mark(lab, work, asked);
    if (!asked)
        work->move = FINISH_STOP;
}

static bool finish(struct lab *lab, struct lab_work *work)
{
    if (work->move == FINISH_FATES) {
        if (sim_now(lab->world) < lab->fates_until_ns + SIM_MS(1))
            return false;
        put_right(lab);
        work->move = FINISH_STOP;
    }
    if (work->move == FINISH_GO && lab->seen.notes[DBG_NOTE_ACKED] > work->acked)
        return true;
    if (work->move > FINISH_STOP && is_void(lab, work)) {
        work->move = FINISH_STOP;
        work->waits = false;
    }
    if (work->move == FINISH_STOP && dbg_state(lab->dbg) != DBG_STOPPED)
        insist_on_stop(lab, work);
    else if (work->move < FINISH_GO && (work->move == FINISH_STOP || lab->seen.replies > work->replies))
        ask_next(lab, work);
    return false;
}

/* ---- prompts ------------------------------------------------------------------------------------------------- */

/* A target that asked waits for ever (kd-protocol.md 4.6). An answer that cannot be sent now is tried again. */
static void answer_prompts(struct lab *lab)
{
    const struct lab_list *prompts = &lab->seen.prompts;
    struct dbg_request answer;
    if (lab->prompts_answered >= prompts->count)
        return;
    const struct lab_bytes *last = &prompts->items[prompts->count - 1];
    if (dbg_api_prompt_answer(&answer, last->bytes, last->len_bytes, "yes", 3) != KD_OK ||
        dbg_send(lab->dbg, DBG_TYPE_DEBUG_IO, answer.body, answer.body_bytes) == KD_OK)
        lab->prompts_answered = prompts->count;
}

/* ---- the table ----------------------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    bool (*go_on)(struct lab *lab, struct lab_work *work);
} works[LAB_WORKS] = {
    [LAB_WORK_READ] = {"read", one_request},
    [LAB_WORK_WRITE] = {"write", one_request},
    [LAB_WORK_READ_PHYSICAL] = {"read_physical", one_request},
    [LAB_WORK_WRITE_PHYSICAL] = {"write_physical", one_request},
    [LAB_WORK_READ_HOLE] = {"read_hole", one_request},
    [LAB_WORK_VERSION] = {"version", one_request},
    [LAB_WORK_CONTEXT] = {"context", one_request},
    [LAB_WORK_BREAKPOINT] = {"breakpoint", one_request},
    [LAB_WORK_REMOVE_BREAKPOINT] = {"remove_breakpoint", one_request},
    [LAB_WORK_GO] = {"go", go},
    [LAB_WORK_STEP] = {"step", step_once},
    [LAB_WORK_REBOOT] = {"reboot", one_request},
    [LAB_WORK_BREAK_IN] = {"break_in", break_in},
    [LAB_WORK_RESYNC] = {"resync", resync},
    [LAB_WORK_PRINT] = {"print", command},
    [LAB_WORK_PROMPT] = {"prompt", command},
    [LAB_WORK_LOAD] = {"load", command},
    [LAB_WORK_EXCEPTION] = {"exception", command},
    [LAB_WORK_ATTACH] = {"attach", attach},
    [LAB_WORK_DETACH] = {"detach", detach},
    [LAB_WORK_WAIT] = {"wait", wait},
    [LAB_WORK_FINISH] = {"finish", finish},
};

const char *lab_work_name(enum lab_work_kind kind)
{
    return works[kind].name;
}

enum kd_status lab_work_find(const char *name, enum lab_work_kind *kind)
{
    for (unsigned i = 0; i < LAB_WORKS; i++) {
        if (strcmp(works[i].name, name) == 0) {
            *kind = (enum lab_work_kind)i;
            return KD_OK;
        }
    }
    return KD_ERR_ARGUMENT;
}

uint64_t lab_work_begin(struct lab *lab, struct lab_work *work, enum lab_work_kind kind, uint64_t amount)
{
    uint64_t now = sim_now(lab->world);
    *work = (struct lab_work){.kind = kind, .amount = amount};
    if (kind == LAB_WORK_WAIT)
        return work->until_ns = now + amount;
    if (kind == LAB_WORK_FINISH)
        return (now > lab->fates_until_ns ? now : lab->fates_until_ns) + FINISH_LIMIT_NS;
    return now + WORK_LIMIT_NS;
}

bool lab_work_done(struct lab *lab, struct lab_work *work)
{
    answer_prompts(lab);
    if (work->kind != LAB_WORK_FINISH && fell_back(lab))
        return true;
    return works[work->kind].go_on(lab, work);
}
