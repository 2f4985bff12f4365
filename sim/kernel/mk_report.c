/* mk_report.c: trace I/O and control requests (kd-protocol.md 4.8). The debugger acknowledges and drops them,
 * and nobody waits for an answer. Neither can be abandoned (2.6), so both are skipped while no debugger is
 * present. */
#include "sim/kernel/mk_state.h"

void mk_trace_io(struct mk_state *state, const char *text, uint32_t text_bytes)
{
    enum { TRACE_API = 0x3330, LEVEL = 4, PROCESSOR = 6, LENGTH = 8 };
    uint8_t bytes[KD_TRACE_IO_BYTES];
    struct kd_string header = {.Length = sizeof bytes, .Buffer = bytes};
    struct kd_string data = {.Length = (uint16_t)text_bytes, .Buffer = state->data};
    if (!state->enabled || state->not_present)
        return;
    kd_fill(bytes, 0, sizeof bytes);
    kd_store_u32(bytes, TRACE_API);
    kd_store_u16(bytes + LEVEL, state->layout->processor_level);
    kd_store_u16(bytes + PROCESSOR, (uint16_t)state->cpu);
    kd_store_u32(bytes + LENGTH, text_bytes);
    mk_module_save(false);
    kd_copy(state->data, text, text_bytes);
    mk_send(state, KD_TYPE_TRACE_IO, &header, &data);
    mk_module_restore(false);
}

void mk_control_request(struct mk_state *state, uint32_t api, uint32_t number)
{
    enum { NUMBER = 4, AVAILABLE = 8 };
    uint8_t bytes[KD_CONTROL_REQUEST_BYTES];
    struct kd_string header = {.Length = sizeof bytes, .Buffer = bytes};
    if (!state->enabled || state->not_present)
        return;
    kd_store_u32(bytes, api);
    kd_store_u32(bytes + NUMBER, number);
    kd_store_u32(bytes + AVAILABLE, 0);
    mk_module_save(false);
    mk_send(state, KD_TYPE_CONTROL_REQUEST, &header, NULL);
    mk_module_restore(false);
}
