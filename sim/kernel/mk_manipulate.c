/* mk_manipulate.c: the manipulate API as a table: number to handler (kd-protocol.md 4.4).
 *
 * A handler fills the reply in place and returns its status; without one the answer is UNSUCCESSFUL, the rest
 * echoed, no data, which is what NT says to what it does not support. Some requests have no reply, ever (note
 * 1): they decide how the stay in the debugger goes on instead. */
#include "sim/kernel/mk_state.h"

enum { API_FIRST = 0x3130, API_STATUS = 8, CONTINUE_STATUS = 0 };

typedef enum mk_verdict silent_fn(struct mk_state *state, struct mk_request *request);

static uint32_t get_version(struct mk_state *state, struct mk_request *request)
{
    mk_version_store(request->header + MK_UNION, state->layout, state->map);
    return MK_SUCCESS;
}

static bool continue_succeeds(uint32_t status)
{
    return status >> 31 == 0; /* NT_SUCCESS: 0 too (note 2) */
}

static enum mk_verdict do_continue(struct mk_state *state, struct mk_request *request)
{
    (void)state;
    return continue_succeeds(mk_get_u32(request, CONTINUE_STATUS)) ? MK_CONTINUE : MK_NOT_HANDLED;
}

/* Dr7 for every processor, Dr6 cleared (note 3): in the KPRCBs, from where they are loaded on leaving. */
static void set_debug_registers(struct mk_state *state, uint64_t dr7)
{
    const struct mk_layout *layout = state->layout;
    uint8_t seven[8] = {0}, six[8] = {0};
    mk_word_store(layout, seven, dr7);
    for (uint32_t i = 0; i < state->boot->processors; i++) {
        uint64_t registers = state->map->kprcb[i] + layout->kprcb_special;
        (void)mk_write(state, registers + layout->special.dr[7], seven, layout->pointer_bytes);
        if (i == state->cpu)
            (void)mk_write(state, registers + layout->special.dr[6], six, layout->pointer_bytes);
    }
}

static enum mk_verdict do_continue2(struct mk_state *state, struct mk_request *request)
{
    enum { KEEP_SYMBOL_RANGE = 1 };
    const struct mk_control_layout *control = &state->layout->control;
    const uint8_t *set = request->header + MK_UNION;
    if (!continue_succeeds(mk_get_u32(request, CONTINUE_STATUS)))
        return MK_NOT_HANDLED; /* the control set is ignored */
    state->trace_given = true;
    state->trace_flag = mk_get_u32(request, control->trace_flag) != 0;
    set_debug_registers(state, mk_word_load(state->layout, set + control->dr7));
    if (mk_word_load(state->layout, set + control->symbol_start) != KEEP_SYMBOL_RANGE) {
        state->symbol_start = mk_word_load(state->layout, set + control->symbol_start);
        state->symbol_end = mk_word_load(state->layout, set + control->symbol_end);
    }
    return MK_CONTINUE;
}

static enum mk_verdict do_reboot(struct mk_state *state, struct mk_request *request)
{
    (void)state;
    (void)request;
    mk_platform_reset();
}

static enum mk_verdict do_cause_bugcheck(struct mk_state *state, struct mk_request *request)
{
    (void)state;
    (void)request;
    return MK_CRASH;
}

static enum mk_verdict do_switch_processor(struct mk_state *state, struct mk_request *request)
{
    return mk_switch_processor(state, request->processor);
}

/* There are no internal breakpoints to clear. */
static enum mk_verdict do_clear_internal_breakpoints(struct mk_state *state, struct mk_request *request)
{
    (void)state;
    (void)request;
    return MK_SERVE;
}

struct api {
    mk_api_fn *answer;
    silent_fn *silent;
};

static const struct api apis[] = {
    [0x3130 - API_FIRST] = {.answer = mk_read_virtual_memory},
    [0x3131 - API_FIRST] = {.answer = mk_write_virtual_memory},
    [0x3132 - API_FIRST] = {.answer = mk_get_context},
    [0x3133 - API_FIRST] = {.answer = mk_set_context},
    [0x3134 - API_FIRST] = {.answer = mk_write_breakpoint},
    [0x3135 - API_FIRST] = {.answer = mk_restore_breakpoint},
    [0x3136 - API_FIRST] = {.silent = do_continue},
    [0x3137 - API_FIRST] = {.answer = mk_read_control_space},
    [0x3138 - API_FIRST] = {.answer = mk_write_control_space},
    [0x3139 - API_FIRST] = {.answer = mk_read_io_space},
    [0x313A - API_FIRST] = {.answer = mk_write_io_space},
    [0x313B - API_FIRST] = {.silent = do_reboot},
    [0x313C - API_FIRST] = {.silent = do_continue2},
    [0x313D - API_FIRST] = {.answer = mk_read_physical_memory},
    [0x313E - API_FIRST] = {.answer = mk_write_physical_memory},
    [0x3144 - API_FIRST] = {.answer = mk_read_io_space_extended},
    [0x3145 - API_FIRST] = {.answer = mk_write_io_space_extended},
    [0x3146 - API_FIRST] = {.answer = get_version},
    [0x3149 - API_FIRST] = {.silent = do_cause_bugcheck},
    [0x3150 - API_FIRST] = {.silent = do_switch_processor},
    [0x3152 - API_FIRST] = {.answer = mk_read_msr},
    [0x3153 - API_FIRST] = {.answer = mk_write_msr},
    [0x3156 - API_FIRST] = {.answer = mk_search_memory},
    [0x3157 - API_FIRST] = {.answer = mk_get_bus_data},
    [0x3158 - API_FIRST] = {.answer = mk_set_bus_data},
    [0x315A - API_FIRST] = {.silent = do_clear_internal_breakpoints},
    [0x315B - API_FIRST] = {.answer = mk_fill_memory},
    [0x315C - API_FIRST] = {.answer = mk_query_memory},
    [0x315F - API_FIRST] = {.answer = mk_get_context_ex},
    [0x3160 - API_FIRST] = {.answer = mk_set_context_ex},
};

static void reply(struct mk_state *state, struct mk_request *request, uint32_t status)
{
    struct kd_string header = {.Length = KD_MANIPULATE_BYTES, .Buffer = request->header};
    struct kd_string data = {.Length = (uint16_t)request->reply_bytes, .Buffer = state->data};
    kd_store_u32(request->header + API_STATUS, status);
    mk_send(state, KD_TYPE_MANIPULATE, &header, request->reply_bytes > 0 ? &data : NULL);
}

enum mk_verdict mk_serve(struct mk_state *state, struct mk_request *request)
{
    static const struct api unsupported = {0};
    uint32_t number = kd_load_u32(request->header) - API_FIRST;
    const struct api *api = number < sizeof apis / sizeof apis[0] ? &apis[number] : &unsupported;
    if (api->silent)
        return api->silent(state, request);
    reply(state, request, api->answer ? api->answer(state, request) : MK_UNSUCCESSFUL);
    return MK_SERVE;
}
