#include "harness/timeline/timeline_fold.h"
#include "sim/world/sim_memory.h"
#include <string.h>

/* The longest block that is recognised, the least number of its turns, and what folding must save. */
enum { BLOCK_MAX = 32, TURNS_MIN = 3, SAVED_MIN = 3 };

/* ---- heartbeats ---------------------------------------------------------------------------------------- */

static bool alike(const struct timeline_event *a, const struct timeline_event *b)
{
    return a->fate == TIMELINE_ARRIVES && b->fate == TIMELINE_ARRIVES && a->kind == b->kind &&
           a->from == b->from && a->to == b->to && a->idle == b->idle && strcmp(a->name, b->name) == 0;
}

static struct timeline_items count_heartbeats(const struct timeline_event *events, size_t count)
{
    struct timeline_items merged = {.items = sim_allocate(count + 1, sizeof *merged.items)};
    for (size_t i = 0; i < count; i++) {
        struct timeline_item *last = merged.count > 0 ? &merged.items[merged.count - 1] : NULL;
        if (last != NULL && events[i].idle && alike(&last->event, &events[i])) {
            last->count++;
            last->event.exits += events[i].exits;
            last->event.exits_ns += events[i].exits_ns;
        } else {
            merged.items[merged.count++] = (struct timeline_item){.event = events[i], .count = 1};
        }
    }
    return merged;
}

/* ---- blocks that come again ---------------------------------------------------------------------------- */

static bool same_block(const struct timeline_item *a, const struct timeline_item *b, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (!alike(&a[i].event, &b[i].event))
            return false;
    return true;
}

/* How many turns of a block of this length stand at the beginning of items. */
static size_t turns_of(const struct timeline_item *items, size_t count, size_t length)
{
    size_t turns = 1;
    while ((turns + 1) * length <= count && same_block(items, items + turns * length, length))
        turns++;
    return turns;
}

/* The block that covers most of what follows; of equals the shortest. Returns its length, 0 when none is
 * worth it. */
static size_t find_block(const struct timeline_item *items, size_t count, size_t *turns)
{
    size_t best = 0;
    *turns = 0;
    for (size_t length = 1; length <= BLOCK_MAX && length * TURNS_MIN <= count; length++) {
        size_t found = turns_of(items, count, length);
        if (found < TURNS_MIN || (found - 1) * length < SAVED_MIN || found * length <= *turns * best)
            continue;
        best = length;
        *turns = found;
    }
    return best;
}

/* What a block is called: its first frame of the debugger's line that is a packet, else whatever comes first.
 */
static const char *block_name(const struct timeline_item *block, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        const struct timeline_event *event = &block[i].event;
        bool on_line = event->from == TIMELINE_DEBUGGER || event->to == TIMELINE_DEBUGGER;
        if (event->kind == TIMELINE_ARROW && on_line && strchr(event->name, ' ') != NULL)
            return event->name;
    }
    return block[0].event.name;
}

/* One item for all turns of the block but the first. */
static struct timeline_item fold_turns(const struct timeline_item *block, size_t length, size_t turns)
{
    struct timeline_item folded = {.count = 1, .repeats = turns - 1, .length = length};
    folded.event.time_ns = block[length].event.time_ns;
    folded.event.kind = TIMELINE_SAY;
    strcpy(folded.event.name, block_name(block, length));
    for (size_t i = length; i < length * turns; i++) {
        folded.event.exits += block[i].event.exits;
        folded.event.exits_ns += block[i].event.exits_ns;
    }
    return folded;
}

struct timeline_items timeline_fold(const struct timeline_event *events, size_t count)
{
    struct timeline_items items = count_heartbeats(events, count);
    size_t kept = 0;
    for (size_t at = 0; at < items.count;) {
        size_t turns;
        size_t length = find_block(items.items + at, items.count - at, &turns);
        if (length == 0) {
            items.items[kept++] = items.items[at++];
            continue;
        }
        struct timeline_item folded = fold_turns(items.items + at, length, turns);
        memmove(items.items + kept, items.items + at, length * sizeof *items.items);
        kept += length;
        items.items[kept++] = folded;
        at += length * turns;
    }
    items.count = kept;
    return items;
}
