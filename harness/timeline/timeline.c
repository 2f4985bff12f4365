#include "harness/timeline/timeline.h"
#include "harness/timeline/timeline_private.h"
#include "sim/world/sim_memory.h"
#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct timeline *timeline_create(void)
{
    return sim_allocate(1, sizeof(struct timeline));
}

void timeline_clear(struct timeline *timeline)
{
    for (size_t i = 0; i < timeline->count; i++)
        free(timeline->ladders[i].events);
    timeline->count = timeline->written = 0;
}

void timeline_destroy(struct timeline *timeline)
{
    if (timeline == NULL)
        return;
    timeline_clear(timeline);
    free(timeline->ladders);
    free(timeline);
}

void timeline_title(struct timeline *timeline, const char *title)
{
    snprintf(timeline->title, sizeof timeline->title, "%s", title);
}

void timeline_begin(struct timeline *timeline, const char *middle)
{
    timeline->ladders =
        sim_grow(timeline->ladders, &timeline->room, timeline->count + 1, sizeof *timeline->ladders);
    struct timeline_ladder *ladder = &timeline->ladders[timeline->count++];
    *ladder = (struct timeline_ladder){.middle = middle};
    snprintf(ladder->title, sizeof ladder->title, "%s", timeline->title);
}

const char *timeline_headline(const struct timeline *timeline, size_t index, char *text)
{
    const char *title = timeline->ladders[index].title;
    size_t number = 0, of = 0;
    for (size_t i = 0; i < timeline->count; i++) {
        if (strcmp(timeline->ladders[i].title, title) != 0)
            continue;
        of++;
        if (i <= index)
            number++;
    }
    if (of > 1)
        snprintf(text, TIMELINE_HEADLINE_BYTES, "%s, machine %zu of %zu", title, number, of);
    else
        snprintf(text, TIMELINE_HEADLINE_BYTES, "%s", title);
    return text;
}

/* One byte, one column: what a target says must not disturb the grid. */
static void make_plain(char *text)
{
    for (; *text != 0; text++)
        if (*text < 0x20 || *text > 0x7E)
            *text = '?';
}

struct timeline_event *timeline_add(struct timeline *timeline, const struct timeline_event *event)
{
    assert(timeline->count > 0);
    struct timeline_ladder *ladder = &timeline->ladders[timeline->count - 1];
    ladder->events = sim_grow(ladder->events, &ladder->room, ladder->count + 1, sizeof *ladder->events);
    struct timeline_event *copy = &ladder->events[ladder->count++];
    *copy = *event;
    make_plain(copy->name);
    make_plain(copy->id);
    make_plain(copy->detail);
    make_plain(copy->fault);
    return copy;
}

struct timeline_event *timeline_last(struct timeline *timeline)
{
    if (timeline->count == 0)
        return NULL;
    struct timeline_ladder *ladder = &timeline->ladders[timeline->count - 1];
    return ladder->count > 0 ? &ladder->events[ladder->count - 1] : NULL;
}

const char *timeline_duration(uint64_t ns, char *text)
{
    static const struct {
        uint64_t unit_ns;
        const char *name;
    } units[] = {{1000000000, "s"}, {1000000, "ms"}, {1000, "us"}, {1, "ns"}};
    size_t i = 0;
    while (i < 3 && ns < units[i].unit_ns)
        i++;
    uint64_t whole = ns / units[i].unit_ns;
    unsigned hundredths = (unsigned)(ns % units[i].unit_ns * 100 / units[i].unit_ns);
    if (whole >= 100 || (whole >= 10 ? hundredths < 10 : hundredths == 0))
        snprintf(text, TIMELINE_DURATION_BYTES, "%" PRIu64 " %s", whole, units[i].name);
    else if (whole >= 10 || hundredths % 10 == 0)
        snprintf(text, TIMELINE_DURATION_BYTES, "%" PRIu64 ".%u %s", whole, hundredths / 10, units[i].name);
    else
        snprintf(text, TIMELINE_DURATION_BYTES, "%" PRIu64 ".%02u %s", whole, hundredths, units[i].name);
    return text;
}
