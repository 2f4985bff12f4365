/* sim_vm_private.h: between sim_vm.c (configuration, lifecycle, debugger) and sim_vm_run.c (the guest's
 * exits). */
#ifndef SIM_VM_PRIVATE_H
#define SIM_VM_PRIVATE_H

#include "sim/machine/sim_machine.h"
#include "sim/machine/sim_relay.h"
#include "sim/machine/sim_vm.h"

enum { SIM_VM_OBSERVERS = 6, SIM_VM_PACKET_BYTES = 4 * 1024 };

/* Where the guest stands between two of its instructions. */
enum sim_vm_step {
    SIM_VM_STEP_GUEST,    /* it runs as soon as its time has come */
    SIM_VM_STEP_ACCESS,   /* the exit's time passes; then the device is asked */
    SIM_VM_STEP_HELD,     /* the device holds the call; nothing of the guest is scheduled */
    SIM_VM_STEP_RELEASED, /* the device has completed it, and the guest is to see the registers */
};

struct sim_vm {
    struct sim_world *world;
    struct sim_vm_config config;
    const struct mk_map *map;
    struct sim_machine *machine;
    struct sim_memory memory;
    struct sim_backdoor *backdoor;
    struct sim_doorbell *doorbell;
    bool rings; /* the message under way came by the doorbell */
    struct sim_uart *uart;
    struct sim_relay *relay;   /* NULL on the serial link */
    struct sim_line *lines[2]; /* SIM_FAULT_TO_DEBUGGER, SIM_FAULT_TO_TARGET */

    struct sim_vm_observer observers[SIM_VM_OBSERVERS];
    unsigned observer_count;
    struct sim_vm_counters counters;
    enum sim_vm_state state;
    struct sim_prng garbage;
    bool relay_is_up; /* RPCs are answered by it */
    bool attached;
    struct sim_vm_peer peer;
    struct mk_command command;

    /* The guest. */
    uint64_t power_on_ns;
    sim_event_id event;
    enum sim_vm_step step;
    bool on_cpu;    /* its exits are being served: no call of the lifecycle may come now */
    uint64_t due_ns; /* when the event is due, or would be */
    uint64_t stands_since_ns;
    sim_event_id pause_end;
    uint32_t burst; /* exits since the world last had its turn */
    struct sim_guest_exit *exit;
    uint64_t exit_ns;                   /* when the exit under way began */
    struct sim_registers before;        /* registers of the exit under way, as the guest loaded them */
    bool sends;                         /* the kernel stands in KdSendPacket, */
    struct mk_trace sending;            /* with this, in its own memory */
    struct sim_vm_snapshot *snapshots;
    uint8_t payload[SIM_RPC_BYTES_MAX]; /* what a string exit moved, for its record */
};

/* A booted or reset guest gets its first turn, now. */
void sim_vm_start_guest(struct sim_vm *vm);

/* The guest is gone: nothing of it is scheduled any more. */
void sim_vm_stop_guest(struct sim_vm *vm);

/* Puts a guest that was loaded back on the CPU: its exit is to be made again, or it goes on in after_ns. */
void sim_vm_put_guest(struct sim_vm *vm, struct sim_guest_exit *exit, bool in_exit, uint64_t after_ns);

/* sim_skew.c: plays an end of another age. request is the module's; it may be changed.
 * Returns  0: it goes on to the relay; else the length of the reply to give in its place */
size_t sim_skew(struct sim_vm *vm, uint8_t *request, size_t len_bytes, uint8_t reply[VM_REPLY_BYTES_MAX]);

/* Exits that go with the one that begins: VirtualKD's OPEN before an RPC, and its CLOSE behind. */
uint32_t sim_skew_exits(const struct sim_vm *vm);

/* Tells of a report of the kernel. */
void sim_vm_report(struct sim_vm *vm, const struct mk_trace *trace);

/* The guest is gone at once, and with it all that the devices held for it; for good when the VM is off already. */
void sim_vm_wipe(struct sim_vm *vm);

void sim_vm_forget_snapshots(struct sim_vm *vm);

/* Nothing of the guest happens until sim_vm_go_on; then it goes on as if no time had passed. */
void sim_vm_stand_still(struct sim_vm *vm);
void sim_vm_go_on(struct sim_vm *vm);

/* A device has completed the call in which the guest stands. */
void sim_vm_completed(void *context);

/* Between lifecycle and exits: the guest asked for it itself. */
void sim_vm_reboot(struct sim_vm *vm);
void sim_vm_life(struct sim_vm *vm, enum sim_life life);

#endif
