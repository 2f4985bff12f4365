/* mk_context.c: ProcessorState in each KPRCB: registers as a stopped kernel shows and takes them. */
#include "sim/kernel/mk_state.h"

static uint64_t frame_address(const struct mk_state *state, uint32_t cpu)
{
    return state->map->kprcb[cpu] + state->layout->kprcb_context;
}

static uint64_t special_address(const struct mk_state *state, uint32_t cpu)
{
    return state->map->kprcb[cpu] + state->layout->kprcb_special;
}

static void copy_debug_registers(const struct mk_layout *layout, struct mk_cpu *cpu)
{
    for (uint32_t i = 0; i < 8; i++)
        if (layout->special.dr[i] != 0)
            kd_copy(cpu->context + layout->context.dr[i], cpu->special + layout->special.dr[i],
                    layout->pointer_bytes);
}

void mk_processors_save(struct mk_state *state)
{
    const struct mk_layout *layout = state->layout;
    for (uint32_t i = 0; i < state->boot->processors; i++) {
        struct mk_cpu *cpu = &state->cpus[i];
        kd_store_u32(cpu->context + layout->context.flags, layout->context.flags_all);
        copy_debug_registers(layout, cpu);
        (void)mk_write(state, frame_address(state, i), cpu->context, layout->context.bytes);
        (void)mk_write(state, special_address(state, i), cpu->special, layout->special.bytes);
    }
}

static void load_context(struct mk_state *state, uint32_t index, const uint8_t *frame)
{
    const struct mk_context_layout *context = &state->layout->context;
    uint32_t flags = kd_load_u32(frame + context->flags);
    if ((flags & context->flags_arch) == 0)
        return;
    for (uint32_t i = 0; i < context->range_count; i++) {
        const struct mk_context_range *range = &context->ranges[i];
        if ((flags & range->group) != 0)
            kd_copy(state->cpus[index].context + range->offset, frame + range->offset, range->len_bytes);
    }
    mk_eflags_set(state, index, mk_eflags(state, index));
}

/* state->staged serves as scratch: no request is under way when processors are loaded. */
void mk_processors_load(struct mk_state *state)
{
    const struct mk_layout *layout = state->layout;
    for (uint32_t i = 0; i < state->boot->processors; i++) {
        uint8_t *scratch = state->staged;
        if (mk_read(state, frame_address(state, i), scratch, layout->context.bytes) == layout->context.bytes)
            load_context(state, i, scratch);
    }
    for (uint32_t i = 0; i < state->boot->processors; i++) {
        uint8_t *scratch = state->staged;
        if (mk_read(state, special_address(state, i), scratch, layout->special.bytes) ==
            layout->special.bytes)
            kd_copy(state->cpus[i].special, scratch, layout->special.bytes);
    }
}

/* ---- requests (kd-protocol.md 4.4) --------------------------------------------------------------------- */

static bool processor_exists(const struct mk_state *state, const struct mk_request *request)
{
    return request->processor < state->boot->processors;
}

uint32_t mk_get_context(struct mk_state *state, struct mk_request *request)
{
    uint32_t bytes = state->layout->context.bytes;
    if (!processor_exists(state, request))
        return MK_UNSUCCESSFUL;
    if (mk_read(state, frame_address(state, request->processor), state->data, bytes) != bytes)
        return MK_UNSUCCESSFUL;
    request->reply_bytes = bytes;
    state->context_sent = true;
    return MK_SUCCESS;
}

uint32_t mk_set_context(struct mk_state *state, struct mk_request *request)
{
    if (!processor_exists(state, request) || !state->context_sent)
        return MK_UNSUCCESSFUL;
    uint32_t bytes = mk_min(request->data_bytes, state->layout->context.bytes); /* rule 7: part or excess */
    uint32_t done = mk_write(state, frame_address(state, request->processor), state->data, bytes);
    return done == bytes ? MK_SUCCESS : MK_UNSUCCESSFUL;
}

/* True when [offset, offset + count) lies in CONTEXT. */
static bool part_exists(const struct mk_state *state, uint32_t offset, uint32_t count)
{
    uint32_t bytes = state->layout->context.bytes;
    return offset <= bytes && count <= bytes - offset;
}

uint32_t mk_get_context_ex(struct mk_state *state, struct mk_request *request)
{
    uint32_t offset = mk_get_u32(request, 0), count = mk_get_u32(request, 4);
    mk_put_u32(request, 8, 0);
    if (!processor_exists(state, request) || !part_exists(state, offset, count))
        return MK_UNSUCCESSFUL;
    if (mk_read(state, frame_address(state, request->processor) + offset, state->data, count) != count)
        return MK_UNSUCCESSFUL;
    mk_put_u32(request, 8, count);
    request->reply_bytes = count;
    state->context_sent = true;
    return MK_SUCCESS;
}

/* Rule 4: parts are collected, and take effect when the last byte of the whole has come. */
uint32_t mk_set_context_ex(struct mk_state *state, struct mk_request *request)
{
    enum { WHOLE_BYTES_MAX = 0x3000 };
    uint32_t bytes = state->layout->context.bytes;
    uint32_t offset = mk_get_u32(request, 0), whole = mk_get_u32(request, 8);
    uint32_t count = mk_min(mk_get_u32(request, 4), request->data_bytes);
    uint64_t frame = frame_address(state, request->processor % MK_PROCESSORS_MAX);
    mk_put_u32(request, 8, 0);
    if (!processor_exists(state, request) || !state->context_sent || whole > WHOLE_BYTES_MAX ||
        !part_exists(state, offset, count))
        return MK_UNSUCCESSFUL;
    if (offset == 0 || state->staged_cpu != request->processor)
        if (mk_read(state, frame, state->staged, bytes) != bytes)
            return MK_UNSUCCESSFUL;
    state->staged_cpu = request->processor;
    kd_copy(state->staged + offset, state->data, count);
    if (offset + count >= mk_min(whole, bytes) && mk_write(state, frame, state->staged, bytes) != bytes)
        return MK_UNSUCCESSFUL;
    mk_put_u32(request, 8, count);
    return MK_SUCCESS;
}

/* ---- control space (kd-protocol.md 4.9) ---------------------------------------------------------------- */

enum { COUNT = 8, ACTUAL = 12 };
enum { CONTROL_KPCR = 0, CONTROL_KPRCB = 1, CONTROL_SPECIAL = 2, CONTROL_THREAD = 3 };

/* Puts the whole of an item into state->data. Returns its length, 0 when there is no such item. */
static uint32_t read_item(struct mk_state *state, uint32_t cpu, uint64_t index)
{
    const struct mk_map *map = state->map;
    const uint64_t pointers[] = {[CONTROL_KPCR] = map->kpcr[cpu],
                                 [CONTROL_KPRCB] = map->kprcb[cpu],
                                 [CONTROL_THREAD] = map->thread[cpu]};
    if (index == CONTROL_SPECIAL)
        return mk_read(state, special_address(state, cpu), state->data, state->layout->special.bytes);
    if (index > CONTROL_THREAD)
        return 0;
    kd_store_u64(state->data, pointers[index]);
    return 8;
}

/* How much of KPROCESSOR_STATE there is from an offset on. */
static uint32_t state_bytes_from(const struct mk_state *state, uint64_t offset)
{
    uint32_t bytes = (uint32_t)state->layout->context.bytes + state->layout->special.bytes;
    return offset < bytes ? bytes - (uint32_t)offset : 0;
}

static uint32_t read_state(struct mk_state *state, uint32_t cpu, uint64_t offset)
{
    uint32_t bytes = state_bytes_from(state, offset);
    return mk_read(state, frame_address(state, cpu) + offset, state->data, bytes);
}

uint32_t mk_read_control_space(struct mk_state *state, struct mk_request *request)
{
    bool by_index = state->layout->control_space == MK_CONTROL_BY_INDEX;
    uint64_t address = mk_get_address(state, request);
    mk_put_u32(request, ACTUAL, 0);
    if (!processor_exists(state, request))
        return MK_UNSUCCESSFUL;
    uint32_t bytes = by_index ? read_item(state, request->processor, address)
                              : read_state(state, request->processor, address);
    if (bytes == 0)
        return MK_UNSUCCESSFUL;
    request->reply_bytes = mk_min(bytes, mk_get_u32(request, COUNT));
    mk_put_u32(request, ACTUAL, request->reply_bytes);
    return MK_SUCCESS;
}

/* Where a write may go, and how far: 0 when it may not. */
static uint32_t writable(const struct mk_state *state, uint32_t cpu, uint64_t address, uint64_t *to)
{
    if (state->layout->control_space == MK_CONTROL_BY_OFFSET) {
        *to = frame_address(state, cpu) + address;
        return state_bytes_from(state, address);
    }
    *to = special_address(state, cpu);
    return address == CONTROL_SPECIAL ? state->layout->special.bytes : 0;
}

uint32_t mk_write_control_space(struct mk_state *state, struct mk_request *request)
{
    uint64_t to;
    mk_put_u32(request, ACTUAL, 0);
    if (!processor_exists(state, request))
        return MK_UNSUCCESSFUL;
    uint32_t room = writable(state, request->processor, mk_get_address(state, request), &to);
    if (room == 0)
        return MK_UNSUCCESSFUL;
    uint32_t bytes = mk_min(request->data_bytes, room);
    uint32_t done = mk_write(state, to, state->data, bytes);
    mk_put_u32(request, ACTUAL, done);
    return done == bytes ? MK_SUCCESS : MK_UNSUCCESSFUL;
}
