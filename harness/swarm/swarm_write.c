/* A plan as a scenario: each item has its form in the vocabulary of scripts. */
#include "harness/swarm/swarm_plan.h"
#include <inttypes.h>
#include <string.h>

enum { COLUMNS = 110 };

/* Settings with a dot in their name stand in tables of their own. */
static const char *const tables[] = {"cost", "debugger"};

static bool is_in(const struct swarm_setting *setting, const char *table)
{
    size_t len_bytes = strlen(table);
    return strncmp(setting->name, table, len_bytes) == 0 && setting->name[len_bytes] == '.';
}

static void write_table(const struct swarm_plan *plan, const char *table, FILE *file)
{
    bool open = false;
    for (unsigned i = 0; i < plan->setting_count; i++) {
        const struct swarm_setting *setting = &plan->settings[i];
        if (!is_in(setting, table))
            continue;
        if (open)
            fputs(", ", file);
        else
            fprintf(file, ",\n     %s = {", table);
        fprintf(file, "%s = %" PRIu64, setting->name + strlen(table) + 1, setting->value);
        open = true;
    }
    if (open)
        fputc('}', file);
}

static void write_settings(const struct swarm_plan *plan, FILE *file)
{
    for (unsigned i = 0; i < plan->setting_count; i++) {
        const struct swarm_setting *setting = &plan->settings[i];
        if (strchr(setting->name, '.') == NULL)
            fprintf(file, ", %s = %" PRIu64, setting->name, setting->value);
    }
    if (plan->low_bandwidth)
        fprintf(file, ", backdoor = \"%s\"", sim_backdoor_profile_name(SIM_BACKDOOR_LB_ONLY));
    for (unsigned i = 0; i < sizeof tables / sizeof *tables; i++)
        write_table(plan, tables[i], file);
}

static void write_number(FILE *file, const char *name, uint64_t value, uint64_t plain)
{
    if (value != plain)
        fprintf(file, ", %s = %" PRIu64, name, value);
}

static void write_fault(const struct sim_fault_rule *rule, FILE *file)
{
    fprintf(file, "fault { layer = \"%s\"", sim_fault_layer_name(rule->layer));
    if (rule->direction != SIM_FAULT_NO_DIRECTION)
        fprintf(file, ", direction = \"%s\"", sim_fault_direction_name(rule->direction));
    fprintf(file, ", kind = \"%s\"", sim_fault_kind_name(rule->kind));
    if (rule->packet != SIM_PACKET_ANY)
        fprintf(file, ", packet = \"%s\"", sim_fault_packet_name(rule->packet));
    write_number(file, "nth", rule->nth, 1);
    write_number(file, "count", rule->count, 1);
    write_number(file, "bit", rule->bit, rule->kind == SIM_FAULT_FLIP ? SIM_FAULT_NO_BIT : 0);
    write_number(file, "byte", rule->byte, SIM_FAULT_NO_BYTE);
    write_number(file, "len", rule->len_bytes, 0);
    write_number(file, "value", rule->value, SIM_FAULT_NO_VALUE);
    write_number(file, "delay", rule->delay_ns, 0);
    write_number(file, "after", rule->after_ns, 0);
    fputs(" }\n", file);
}

/* As many in a line as fit. */
static void write_works(const struct swarm_plan *plan, FILE *file)
{
    size_t column = 0;
    for (unsigned i = 0; i <= plan->work_count; i++) {
        bool last = i == plan->work_count;
        enum lab_work_kind kind = last ? LAB_WORK_FINISH : plan->works[i].kind;
        char amount[24] = "", text[64];
        if (!last && plan->works[i].amount != 0)
            snprintf(amount, sizeof amount, ", %" PRIu64, plan->works[i].amount);
        snprintf(text, sizeof text, "work(\"%s\"%s)", lab_work_name(kind), amount);
        bool wraps = column > 0 && column + 2 + strlen(text) > COLUMNS;
        fprintf(file, "%s%s", column == 0 ? "" : wraps ? "\n" : "; ", text);
        column = (wraps || column == 0 ? 0 : column + 2) + strlen(text);
    }
    fputc('\n', file);
}

void swarm_plan_write(const struct swarm_plan *plan, const char *goal, FILE *file)
{
    const char *link = lab_link_name(plan->link), *arch = lab_arch_name(plan->arch);
    fprintf(file, "-- Goal:   %s\n-- Source: this file, by kdharness run --once --seed %" PRIu64 " --link %s --arch %s", goal,
            plan->seed, link, arch);
    lab_machine_print(plan->machine, plan->arch, file);
    fputc('\n', file);
    fprintf(file, "vm { link = \"%s\", arch = \"%s\", because = \"found there\"", link, arch);
    write_settings(plan, file);
    fputs(" }\n", file);
    for (unsigned i = 0; i < plan->fault_count; i++)
        write_fault(&plan->faults[i], file);
    for (unsigned i = 0; i < plan->fate_count; i++)
        fprintf(file, "later(%" PRIu64 ", \"%s\")\n", plan->fates[i].time_ns, lab_fate_name(plan->fates[i].fate));
    fputs("attach(); power_on()\n", file);
    write_works(plan, file);
}
