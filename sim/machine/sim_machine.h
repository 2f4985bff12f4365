/* sim_machine.h: what runs guest code: the contract between a VM and a machine.
 *
 * A machine runs the guest until its next exit and hands that out; the VM lets time pass, asks the devices,
 * writes the answer into the same structure, and runs the guest again. So no host code ever stands on the
 * guest's stack, and between two runs the guest is all in its own memory.
 *
 * To add a machine: one file with these functions, a name and a row in sim_machines.
 * Tests: tests/test_sim_native.c */
#ifndef SIM_MACHINE_H
#define SIM_MACHINE_H

#include "sim/device/sim_exit.h"
#include "sim/kernel/mk.h"
#include "sim/machine/sim_conduct.h"

/* Why the guest stopped. Those above the line cost an exit, those below cost nothing. */
enum sim_guest_exit_kind {
    SIM_GUEST_IN8,      /* port; answer: value */
    SIM_GUEST_OUT8,     /* port, value */
    SIM_GUEST_IN_WIDE,  /* port, width of 2 or 4 bytes; answer: wide */
    SIM_GUEST_OUT_WIDE, /* port, width, wide */
    SIM_GUEST_BACKDOOR, /* one IN EAX,DX; registers in and out; DX says whether it is the backdoor's or the doorbell's */
    SIM_GUEST_OUTS,     /* rep outsb at the high-bandwidth port; registers in and out */
    SIM_GUEST_INS,      /* rep insb there */
    /* ---- */
    SIM_GUEST_TICK,    /* sleeps until the next clock tick */
    SIM_GUEST_CPUID,   /* leaf; answer: cpuid */
    SIM_GUEST_COMMAND, /* answer: *command, in the guest's memory */
    SIM_GUEST_TRACE,   /* *trace, in the guest's memory */
    SIM_GUEST_CONDUCT, /* conduct: somebody saw the module do what it must not; the guest goes on */
    SIM_GUEST_RESET,   /* does not run again before ops->reset */
    SIM_GUEST_POWER_OFF,
    SIM_GUEST_FAULT, /* it did what no guest may do, *fault says what; does not run again before ops->reset */
    SIM_GUEST_EXITS
};

/* Of IN8 and OUT8 only kind, port and value are set. */
struct sim_guest_exit {
    enum sim_guest_exit_kind kind;
    uint16_t port;
    uint8_t value;
    uint8_t width;
    uint32_t wide;
    struct sim_registers registers;
    uint32_t leaf;
    uint32_t cpuid[4];
    struct mk_command *command;
    const struct mk_trace *trace;
    struct sim_conduct conduct;
    const char *fault;
};

struct sim_machine;

/* A guest as it stood between two runs: everything that is the machine's. */
struct sim_machine_state;

struct sim_machine_ops {
    const char *name;
    void (*destroy)(struct sim_machine *machine);
    /* Memory is the image again, everything else of the guest zero, and the next run boots. */
    void (*reset)(struct sim_machine *machine);
    /* Runs the guest, which sees the answers written into the exit before.
     * Returns  the next exit; valid, and the place for answers, until the next run or reset */
    struct sim_guest_exit *(*run)(struct sim_machine *machine);
    /* Guest memory as a device sees it, and guest RAM from physical address 0 on. */
    struct sim_memory (*memory)(struct sim_machine *machine);
    const uint8_t *(*ram)(const struct sim_machine *machine);
    /* Snapshots. NULL, all three: this machine makes none. A state belongs to the machine that saved it; after a load the
     * exit of the run that came before the save stands again where it stood, waiting for its answer. */
    struct sim_machine_state *(*save)(struct sim_machine *machine);
    void (*load)(struct sim_machine *machine, const struct sim_machine_state *state);
    void (*forget)(struct sim_machine_state *state);
};

/* The first member of every machine. */
struct sim_machine {
    const struct sim_machine_ops *ops;
    /* So far, whatever resets came between; 0 on a machine that cannot see it. */
    uint64_t copied_bytes;        /* in guest memory by the module */
    uint64_t instructions;        /* run by the guest, loader excluded */
    uint64_t module_instructions; /* of those in the module's code */
    uint32_t stack_bytes;         /* the most that a call of the module has used */
};

#endif
