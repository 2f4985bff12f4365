/* Lies to the oracle, for selftest. Most wait for something to lie about (lab.c, lab_wire.c); those here are
 * told at once, of things that did not happen. */
#include "harness/script/lab.h"
#include <string.h>

static const char *const plant_names[] = {
#define LAB_PLANT_TEXT(name, text) text,
    LAB_PLANT_LIST(LAB_PLANT_TEXT)
#undef LAB_PLANT_TEXT
};

enum kd_status lab_plant_find(const char *name, enum lab_plant *plant)
{
    for (unsigned i = 0; i < LAB_PLANTS; i++) {
        if (strcmp(plant_names[i], name) == 0) {
            *plant = (enum lab_plant)i;
            return KD_OK;
        }
    }
    return KD_ERR_ARGUMENT;
}

static void scribbled(const struct sim_vm_observer *oracle, const struct lab *lab)
{
    (void)lab;
    const struct sim_conduct conduct = {SIM_CONDUCT_WRITES, MK_PIECE_DATA, 3944};
    char text[160];
    oracle->conduct(oracle->context, &conduct, sim_conduct_text(&conduct, text, sizeof text));
}

static void tell_call(const struct sim_vm_observer *oracle, const struct lab *lab, uint32_t ecx)
{
    const struct sim_registers registers = {.rax = 0x564D5868u, .rcx = ecx, .rdx = 0x5658};
    oracle->exit(oracle->context, &(struct sim_vm_exit){.kind = SIM_GUEST_BACKDOOR,
                                                        .port = 0x5658,
                                                        .began_ns = sim_now(lab->world),
                                                        .before = &registers,
                                                        .after = &registers});
}

/* RECVSTATUS, on a channel that is none. */
static void misused(const struct sim_vm_observer *oracle, const struct lab *lab)
{
    tell_call(oracle, lab, 0x0005001E);
}

/* So many more exits than a poll may cost; a question of the backdoor, a look at the uart. */
static void costly(const struct sim_vm_observer *oracle, const struct lab *lab)
{
    enum { MANY = 30, GETMHZ = 1, LINE_STATUS = 0x2FD };
    const struct sim_vm_exit look = {
        .kind = SIM_GUEST_IN8, .port = LINE_STATUS, .began_ns = sim_now(lab->world)};
    for (int i = 0; i < MANY; i++) {
        if (sim_link_has_relay(lab->config.vm.link))
            tell_call(oracle, lab, GETMHZ);
        else
            oracle->exit(oracle->context, &look);
    }
}

static void (*const at_once[LAB_PLANTS])(const struct sim_vm_observer *oracle, const struct lab *lab) = {
    [LAB_PLANT_SCRIBBLED] = scribbled,
    [LAB_PLANT_MISUSED] = misused,
    [LAB_PLANT_COSTLY] = costly,
};

void lab_set_plant(struct lab *lab, enum lab_plant plant)
{
    if (at_once[plant] != NULL)
        at_once[plant](&lab->oracle_vm, lab);
    else
        lab->plant = plant;
}

const char *lab_plant_name(enum lab_plant plant)
{
    return plant_names[plant];
}
