#include "harness/script/lab.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const link_names[] = {
#define LAB_LINK_TEXT(name, text) [name] = text,
    SIM_LINK_LIST(LAB_LINK_TEXT)
#undef LAB_LINK_TEXT
};
static const char *const arch_names[] = {[MK_X64] = "x64", [MK_X86] = "x86"};

#define COUNT(table) (sizeof(table) / sizeof *(table))

/* The index of a name in its table; count when it is not there. */
static size_t find_name(const char *const *names, size_t count, const char *name)
{
    size_t i = 0;
    while (i < count && strcmp(names[i], name) != 0)
        i++;
    return i;
}

const char *lab_link_name(enum sim_link link)
{
    return link_names[link];
}

enum kd_status lab_link_find(const char *name, enum sim_link *link)
{
    size_t index = find_name(link_names, COUNT(link_names), name);
    if (index == COUNT(link_names))
        return KD_ERR_ARGUMENT;
    *link = (enum sim_link)index;
    return KD_OK;
}

const char *lab_arch_name(enum mk_arch arch)
{
    return arch_names[arch];
}

enum kd_status lab_arch_find(const char *name, enum mk_arch *arch)
{
    size_t index = find_name(arch_names, COUNT(arch_names), name);
    if (index == COUNT(arch_names))
        return KD_ERR_ARGUMENT;
    *arch = (enum mk_arch)index;
    return KD_OK;
}

struct lab_config lab_config_default(enum sim_link link, uint64_t seed)
{
    return (struct lab_config){.seed = seed,
                               .cost = sim_cost_default(),
                               .vm = sim_vm_config_default(link),
                               .dbg = dbg_config_default()};
}

uint64_t lab_exits_max(enum sim_link link)
{
    return link == SIM_LINK_SERIAL ? UINT64_C(20000000) : UINT64_C(2000000);
}

/* ---- values -------------------------------------------------------------------------------------------------- */

enum field_kind { FIELD_U32, FIELD_U64, FIELD_BOOL, FIELD_TEXT, FIELD_SPECIAL };

struct field {
    const char *name;
    enum field_kind kind;
    size_t offset; /* in struct lab_config */
    uint64_t max;  /* numbers: the largest value; text: room with its NUL */
    enum kd_status (*set)(struct lab_config *config, const char *value); /* FIELD_SPECIAL */
    const char *note; /* for people: meaning, or the values of a special field */
};

static enum kd_status set_arch(struct lab_config *config, const char *value)
{
    return lab_arch_find(value, &config->vm.boot.arch);
}

static enum kd_status set_backdoor(struct lab_config *config, const char *value)
{
    return sim_backdoor_profile_find(value, &config->vm.backdoor);
}

static enum kd_status set_uart(struct lab_config *config, const char *value)
{
    return sim_uart_mode_find(value, &config->vm.uart);
}

static enum kd_status set_skew(struct lab_config *config, const char *value)
{
    return sim_skew_find(value, &config->vm.skew);
}

#define VM(field)   offsetof(struct lab_config, vm.field)
#define BOOT(field) offsetof(struct lab_config, vm.boot.field)
#define DBG(field)  offsetof(struct lab_config, dbg.field)

#define QUOTED_PROFILE(name, text, note) text " "
#define QUOTED_MODE(name, text)          text " "

static const struct field fields[] = {
    {"arch", FIELD_SPECIAL, 0, 0, set_arch, "x64 or x86"},
    {"backdoor", FIELD_SPECIAL, 0, 0, set_backdoor, "one of: " SIM_BACKDOOR_PROFILE_LIST(QUOTED_PROFILE)},
    {"doorbell", FIELD_BOOL, VM(doorbell), 0, NULL, "the VMM offers one; true on its link"},
    {"uart", FIELD_SPECIAL, 0, 0, set_uart, "one of: " SIM_UART_MODE_LIST(QUOTED_MODE)},
    {"relay", FIELD_BOOL, VM(relay_present), 0, NULL, "false: the VMM knows no fastkd RPC"},
    {"skew", FIELD_SPECIAL, 0, 0, set_skew, "one of: " SIM_SKEW_LIST(QUOTED_MODE)},
    {"ram_mib", FIELD_U32, VM(ram_mib), 1024, NULL, "guest memory"},
    {"polls", FIELD_U32, VM(polls), UINT32_MAX, NULL, "the guest's polls per time-out; 0: one virtual second's"},
    {"chunk", FIELD_U32, VM(chunk_bytes), 65536, NULL, "the debugger's line delivers at most so many bytes at once"},
    {"processors", FIELD_U32, BOOT(processors), MK_PROCESSORS_MAX, NULL, "1 to 4"},
    {"modules", FIELD_U32, BOOT(modules), 100000, NULL, "load-symbols notifications at boot"},
    {"prints", FIELD_U32, BOOT(prints), 100000, NULL, "lines printed at boot"},
    {"ticks_per_print", FIELD_U32, BOOT(ticks_per_print), UINT32_MAX, NULL, "while running; 0: no prints"},
    {"steps_per_tick", FIELD_U32, BOOT(steps_per_tick), 100000, NULL, "instructions of the code loop per tick"},
    {"initial_break", FIELD_BOOL, BOOT(initial_break), 0, NULL, "break in once after boot"},
    {"options", FIELD_TEXT, BOOT(options), MK_OPTIONS_BYTES, NULL, "the loader's option string"},
    {"debugger.ack_wait_ns", FIELD_U64, DBG(ack_wait_ns), SIM_S(3600), NULL, "then a frame is sent again"},
    {"debugger.ack_tries", FIELD_U32, DBG(ack_tries), 1000, NULL, "then the debugger asks for a fresh start"},
    {"debugger.reply_wait_ns", FIELD_U64, DBG(reply_wait_ns), SIM_S(3600), NULL, "then likewise"},
    {"debugger.sync_period_ns", FIELD_U64, DBG(sync_period_ns), SIM_S(3600), NULL, "between RESETs"},
    {"debugger.state_wait_ns", FIELD_U64, DBG(state_wait_ns), SIM_S(3600), NULL, "for a state change after RESET"},
    {"debugger.byte_wait_ns", FIELD_U64, DBG(byte_wait_ns), SIM_S(3600), NULL, "then half a frame is forgotten"},
    {"debugger.sync_breaks", FIELD_BOOL, DBG(sync_breaks), 0, NULL, "break-in bytes between the RESETs"},
};
enum { FIELD_COUNT = sizeof fields / sizeof *fields };

static bool parse_number(const char *text, uint64_t max, uint64_t *number)
{
    char *end = NULL;
    if (text[0] < '0' || text[0] > '9')
        return false;
    errno = 0;
    unsigned long long parsed = strtoull(text, &end, 0);
    *number = parsed;
    return errno == 0 && *end == 0 && parsed <= max;
}

static enum kd_status refuse(char *why, const char *name, const char *value, const char *expected)
{
    snprintf(why, LAB_WHY_BYTES, "%s cannot be '%s': expected %s", name, value, expected);
    return KD_ERR_ARGUMENT;
}

static enum kd_status set_number(struct lab_config *config, const struct field *field, const char *value, char *why)
{
    uint64_t number;
    if (!parse_number(value, field->max, &number)) {
        char expected[64];
        snprintf(expected, sizeof expected, "a whole number up to %llu", (unsigned long long)field->max);
        return refuse(why, field->name, value, expected);
    }
    char *at = (char *)config + field->offset;
    if (field->kind == FIELD_U64)
        memcpy(at, &number, sizeof number);
    else
        memcpy(at, &(uint32_t){(uint32_t)number}, sizeof(uint32_t));
    return KD_OK;
}

static enum kd_status set_field(struct lab_config *config, const struct field *field, const char *value, char *why)
{
    char *at = (char *)config + field->offset;
    switch (field->kind) {
    case FIELD_U32:
    case FIELD_U64:
        return set_number(config, field, value, why);
    case FIELD_BOOL:
        if (strcmp(value, "true") != 0 && strcmp(value, "false") != 0)
            return refuse(why, field->name, value, "true or false");
        *(bool *)at = value[0] == 't';
        return KD_OK;
    case FIELD_TEXT:
        if (strlen(value) >= field->max)
            return refuse(why, field->name, value, "a shorter text");
        strcpy(at, value);
        return KD_OK;
    case FIELD_SPECIAL:
        return field->set(config, value) == KD_OK ? KD_OK : refuse(why, field->name, value, field->note);
    }
    return KD_ERR_ARGUMENT;
}

static enum kd_status refuse_cost(char *why, const char *name, const char *value)
{
    unsigned count;
    const struct sim_cost_row *rows = sim_cost_rows(&count);
    int used = snprintf(why, LAB_WHY_BYTES, "%s=%s: expected one of", name, value);
    for (unsigned i = 0; i < count && used < LAB_WHY_BYTES; i++)
        used += snprintf(why + used, LAB_WHY_BYTES - (size_t)used, " cost.%s", rows[i].name);
    return KD_ERR_ARGUMENT;
}

static enum kd_status set_cost(struct lab_config *config, const char *name, const char *value, char *why)
{
    const char *field = name + strlen("cost.");
    unsigned count, i = 0;
    const struct sim_cost_row *rows = sim_cost_rows(&count);
    while (i < count && strcmp(rows[i].name, field) != 0)
        i++;
    if (i == count)
        return refuse_cost(why, name, value);
    uint64_t number;
    if (parse_number(value, rows[i].max, &number) && sim_cost_set(&config->cost, field, number) == KD_OK)
        return KD_OK;
    char expected[64];
    snprintf(expected, sizeof expected, "a whole number from %llu to %llu", (unsigned long long)rows[i].min,
             (unsigned long long)rows[i].max);
    return refuse(why, name, value, expected);
}

enum kd_status lab_config_set(struct lab_config *config, const char *name, const char *value, char *why)
{
    if (strncmp(name, "cost.", 5) == 0)
        return set_cost(config, name, value, why);
    for (size_t i = 0; i < FIELD_COUNT; i++)
        if (strcmp(fields[i].name, name) == 0)
            return set_field(config, &fields[i], value, why);
    snprintf(why, LAB_WHY_BYTES, "no field is called '%s' (harness/README.md, vm, lists them)", name);
    return KD_ERR_ARGUMENT;
}
