/* What an end received, what it wrote last, and what its requests lead to. */
#include "harness/monitor/monitor_private.h"
#include "sim/world/sim_memory.h"
#include <string.h>

uint32_t frame_api(const struct wire_frame *frame)
{
    return frame->body_bytes < 4 ? 0 : wire_u32(frame->body);
}

enum request_end request_end_of(uint32_t api)
{
    switch (api) {
    case 0x3136: /* Continue */
    case 0x313B: /* Reboot */
    case 0x313C: /* Continue2 */
    case 0x3149: /* CauseBugCheck */
        return REQUEST_RUNS;
    case 0x3150: /* SwitchProcessor */
        return REQUEST_STOPS_ANEW;
    case 0x315A: /* ClearAllInternalBreakpoints */
        return REQUEST_ENDS;
    default:
        return REQUEST_HAS_REPLY;
    }
}

struct unit *inbox_add(struct inbox *inbox, enum unit_kind kind, const struct wire_frame *frame,
                       uint64_t now_ns)
{
    inbox->units = sim_grow(inbox->units, &inbox->room, inbox->count + 1, sizeof *inbox->units);
    struct unit *unit = &inbox->units[inbox->count++];
    *unit = (struct unit){.kind = kind, .number = inbox->next_number++, .time_ns = now_ns};
    if (frame != NULL) {
        unit->type = frame->type;
        unit->id = frame->id;
        unit->api = frame_api(frame);
    }
    return unit;
}

static int find(const struct inbox *inbox, enum unit_kind kind, const uint32_t *id, uint64_t before)
{
    for (size_t i = 0; i < inbox->count && inbox->units[i].number < before; i++)
        if (inbox->units[i].kind == kind && (id == NULL || inbox->units[i].id == *id))
            return (int)i;
    return NO_UNIT;
}

int inbox_find(const struct inbox *inbox, enum unit_kind kind, uint64_t before)
{
    return find(inbox, kind, NULL, before);
}

int inbox_find_id(const struct inbox *inbox, enum unit_kind kind, uint32_t id, uint64_t before)
{
    return find(inbox, kind, &id, before);
}

void inbox_use(struct inbox *inbox, int index)
{
    size_t used = (size_t)index + 1;
    for (size_t i = 0; i < used; i++)
        if (inbox->units[i].kind == UNIT_ACK || inbox->units[i].kind == UNIT_DATA)
            inbox->word_number = inbox->units[i].number;
    inbox->used_number = inbox->units[index].number;
    inbox->count -= used;
    memmove(inbox->units, inbox->units + used, inbox->count * sizeof *inbox->units);
}

void sent_keep(struct sent *sent, const struct wire_frame *frame)
{
    sent->is_there = true;
    sent->copies = 0;
    sent->type = frame->type;
    sent->id = frame->id;
    sent->api = frame_api(frame);
    sent->body_bytes = frame->body_bytes;
    memcpy(sent->body, frame->body, frame->body_bytes);
}

bool sent_same(const struct sent *sent, const struct wire_frame *frame)
{
    return sent->is_there && sent->type == frame->type && sent->body_bytes == frame->body_bytes &&
           memcmp(sent->body, frame->body, frame->body_bytes) == 0;
}
