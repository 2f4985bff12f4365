#include "sim/world/sim_cost.h"
#include <stddef.h>
#include <string.h>

static const struct sim_cost_row rows[] = {
#define SIM_COST_ROW(name, value, min, max, unit, note) {#name, value, min, max, unit, note},
    SIM_COST_LIST(SIM_COST_ROW)
#undef SIM_COST_ROW
};

static const size_t offsets[] = {
#define SIM_COST_OFFSET(name, value, min, max, unit, note) offsetof(struct sim_cost, name),
    SIM_COST_LIST(SIM_COST_OFFSET)
#undef SIM_COST_OFFSET
};

enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

struct sim_cost sim_cost_default(void)
{
    return (struct sim_cost){
#define SIM_COST_DEFAULT(name, value, min, max, unit, note) .name = (value),
        SIM_COST_LIST(SIM_COST_DEFAULT)
#undef SIM_COST_DEFAULT
    };
}

struct sim_cost sim_cost_ideal(void)
{
    struct sim_cost cost = sim_cost_default();
    cost.exit_ns = 0;
    cost.payload_ps_per_byte = 0;
    return cost;
}

const struct sim_cost_row *sim_cost_rows(unsigned *count)
{
    *count = ROWS;
    return rows;
}

uint64_t sim_cost_get(const struct sim_cost *cost, unsigned index)
{
    uint64_t value;
    memcpy(&value, (const char *)cost + offsets[index], sizeof value);
    return value;
}

enum kd_status sim_cost_set(struct sim_cost *cost, const char *name, uint64_t value)
{
    for (unsigned i = 0; i < ROWS; i++) {
        if (strcmp(rows[i].name, name) != 0)
            continue;
        if (value < rows[i].min || value > rows[i].max)
            return KD_ERR_ARGUMENT;
        memcpy((char *)cost + offsets[i], &value, sizeof value);
        return KD_OK;
    }
    return KD_ERR_ARGUMENT;
}
