#include "harness/live/live_says.h"
#include "transport/kd/kd_wire.h"
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

static void __attribute__((format(printf, 2, 3))) say(struct live_says *says, const char *format, ...)
{
    char line[LIVE_SAYS_BYTES * 2];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    says->line(says->context, line);
}

static bool place(char text[LIVE_SAYS_BYTES], const char *name, uint64_t base, uint64_t size_bytes,
                  uint64_t address)
{
    if (address < base || address - base >= size_bytes)
        return false;
    snprintf(text, LIVE_SAYS_BYTES, "%s+0x%" PRIx64, name, address - base);
    return true;
}

void live_says_address(const struct mk_map *map, uint64_t address, char text[LIVE_SAYS_BYTES])
{
    if (place(text, "loop", map->loop, map->loop_bytes, address) ||
        place(text, "pool", map->pool, map->pool_bytes, address))
        return;
    for (uint32_t i = 0; i < map->module_count; i++)
        if (place(text, map->modules[i].name, map->modules[i].base, map->modules[i].size_bytes, address))
            return;
    snprintf(text, LIVE_SAYS_BYTES, "0x%" PRIx64, address);
}

/* kd-protocol.md 4.2. */
static const char *exception_name(uint32_t code)
{
    static const struct {
        uint32_t code;
        const char *name;
    } names[] = {
        {0x80000003, "breakpoint"},        {0x80000004, "single step"},
        {0x80000007, "another processor"}, {0xC0000005, "access violation"},
        {0xC0000420, "assertion failure"},
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (names[i].code == code)
            return names[i].name;
    return "exception";
}

/* Offsets of kd-protocol.md 4.1. */
static void say_stop(struct live_says *says, const struct mk_trace *trace)
{
    enum { PROCESSOR = 6, PROGRAM_COUNTER = 24, EXCEPTION_CODE = 32 };
    char where[LIVE_SAYS_BYTES];
    uint32_t code = kd_load_u32(trace->header + EXCEPTION_CODE);
    uint64_t counter = kd_load_u64(trace->header + PROGRAM_COUNTER);
    live_says_address(says->map, counter, where);
    say(says, "target stopped at %s (0x%" PRIx64 "): %s 0x%08" PRIX32 " on processor %u", where, counter,
        exception_name(code), code, (unsigned)kd_load_u16(trace->header + PROCESSOR));
}

static bool is_exception(const struct mk_trace *trace)
{
    return trace->type == KD_TYPE_STATE_CHANGE64 && trace->first == KD_STATE_EXCEPTION &&
           trace->header_bytes >= KD_STATE_CHANGE_BYTES;
}

void live_says_api(struct live_says *says, const struct mk_trace *trace)
{
    switch (trace->event) {
    case MK_TRACE_INITIALIZE:
        if (trace->status != 0)
            say(says, "target found no way to a debugger (0x%08" PRIX32 ") and runs without", trace->status);
        break;
    case MK_TRACE_BOOTED:
        say(says, "target is up");
        break;
    case MK_TRACE_STOP:
        says->stopping = true;
        break;
    case MK_TRACE_SEND:
        if (says->stopping && is_exception(trace)) {
            says->stopping = false;
            say_stop(says, trace);
        }
        break;
    case MK_TRACE_RUN:
        say(says, "target runs");
        break;
    default:
        break;
    }
}

void live_says_life(struct live_says *says, enum sim_life life)
{
    static const char *const lines[SIM_LIFES] = {
        [SIM_LIFE_POWER_ON] = "target is powered on", [SIM_LIFE_POWER_OFF] = "target is powered off",
        [SIM_LIFE_RESET] = "target was reset",        [SIM_LIFE_REBOOT] = "target reboots",
        [SIM_LIFE_ATTACH] = "debugger connected",
    };
    if ((unsigned)life < SIM_LIFES && lines[life] != NULL)
        say(says, "%s", lines[life]);
    if (life == SIM_LIFE_RESET || life == SIM_LIFE_REBOOT)
        says->stopping = false;
}
