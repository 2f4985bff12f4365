/* sim_vm.h: one virtual machine in a world: its guest, devices, relay or serial line, lifecycle and counters.
 *
 * A VM's debugger side is one connection: bytes in, bytes out, connect, disconnect. On backdoor and doorbell it ends
 * in a relay core that lives in the world, on the serial link in the 16550. Tests: tests/test_sim_vm.c */
#ifndef SIM_VM_H
#define SIM_VM_H

#include "sim/device/sim_backdoor.h"
#include "sim/device/sim_doorbell.h"
#include "sim/device/sim_uart.h"
#include "sim/machine/sim_machines.h"
#include "sim/world/sim_line.h"
#include "transport/relay/relay_core.h"

/* name, text, what it is */
#define SIM_LINK_LIST(X)                                                                                     \
    X(SIM_LINK_BACKDOOR, "backdoor") /* a relay behind GuestRPC */                                           \
    X(SIM_LINK_DOORBELL, "doorbell") /* a relay behind the doorbell */                                       \
    X(SIM_LINK_SERIAL, "serial")     /* no relay: KDCOM over the UART */
enum sim_link {
#define SIM_LINK_ENUM(name, text) name,
    SIM_LINK_LIST(SIM_LINK_ENUM)
#undef SIM_LINK_ENUM
    SIM_LINKS
};

/* True where a relay speaks to the debugger, false where the guest's own bytes do. */
static inline bool sim_link_has_relay(enum sim_link link)
{
    return link != SIM_LINK_SERIAL;
}

/* Somebody outside the world who answers the module's RPCs in place of the relay in it, with kdrelay's own code for
 * instance. Called inside events; must not call back into the VM from there. Such a VM is deterministic only as far
 * as the endpoint is. */
struct sim_vm_endpoint {
    void *context;
    /* A whole request of vm_message.h, without the command word. The guest stands in it until sim_vm_rpc_reply. */
    void (*request)(void *context, const uint8_t *bytes, size_t len_bytes);
    /* The guest was reset or powered off: a reply that is still owed to it must not come any more. */
    void (*lost)(void *context);
};

/* A clock outside the world, for a machine whose exits take real time: no exit is complete before the time that it tells, in the
 * world's nanoseconds. So the world's clock follows it, and what the world paces (a UART, ticks) has the right pace. Such a
 * VM is not deterministic. */
struct sim_vm_clock {
    void *context;
    uint64_t (*now_ns)(void *context); /* NULL: time is what the costs say */
};

/* Two ends of different ages, or an end that is none: what happens to hello, the one message that settles it. And, for
 * comparison, our module with another's way of talking. */
#define SIM_SKEW_LIST(X)                                                                                     \
    X(SIM_SKEW_NONE, "none")                                                                                 \
    X(SIM_SKEW_MODULE_NEWER, "module-newer")       /* it speaks version 2 also */                            \
    X(SIM_SKEW_MODULE_TOO_NEW, "module-too-new")   /* it speaks version 2 only */                            \
    X(SIM_SKEW_RELAY_TOO_NEW, "relay-too-new")     /* it speaks version 2 only, and refuses in words */      \
    X(SIM_SKEW_RELAY_GARBAGE, "relay-garbage")     /* it answers with bytes from the seed */                 \
    X(SIM_SKEW_RELAY_STRANGE, "relay-strange")     /* it agrees on a version that was never offered */       \
    X(SIM_SKEW_VIRTUALKD, "virtualkd") /* a packet a call, and a channel opened and closed around each */
enum sim_skew {
#define SIM_SKEW_ENUM(name, text) name,
    SIM_SKEW_LIST(SIM_SKEW_ENUM)
#undef SIM_SKEW_ENUM
    SIM_SKEWS
};
KD_MUST_USE enum kd_status sim_skew_find(const char *name, enum sim_skew *skew);

struct sim_vm_config {
    uint32_t number; /* of the VM in its world; in every trace record */
    enum sim_link link;
    enum sim_machine_kind machine;
    const char *dll; /* path of the module, for machines that need one; must outlive the VM */
    enum sim_backdoor_profile backdoor; /* the other links use SIM_BACKDOOR_ABSENT_ONES unless set otherwise */
    bool doorbell; /* offered: on its link, unless set otherwise */
    enum sim_uart_mode uart;
    enum sim_skew skew;
    bool relay_present;        /* false: the VMM answers RPCs with "0 unknown command" */
    uint32_t ram_mib;          /* at least 32 */
    uint32_t polls;            /* the guest's status polls per time-out; 0: as many as make one virtual second */
    uint32_t chunk_bytes;      /* debugger's line: deliver at most so many bytes at once; 0: as written */
    struct mk_boot boot;
    struct sim_vm_clock clock;
    struct sim_vm_endpoint endpoint; /* not on the serial link; request NULL: the relay lives in the world */
};

/* All defaults for a link: x64, one cpu, 32 MiB, two modules, uart in vmm mode, relay present. */
struct sim_vm_config sim_vm_config_default(enum sim_link link);

enum sim_vm_state {
    SIM_VM_OFF,
    SIM_VM_RUNNING,
    SIM_VM_STANDING, /* suspended, or its host sleeps */
};

/* Life events, traced and told to the observer. */
#define SIM_LIFE_LIST(X)                                                                                     \
    X(SIM_LIFE_POWER_ON, "power_on") X(SIM_LIFE_RESET, "reset") X(SIM_LIFE_POWER_OFF, "power_off")           \
    X(SIM_LIFE_ATTACH, "attach") X(SIM_LIFE_DETACH, "detach") X(SIM_LIFE_REBOOT, "reboot")                   \
    X(SIM_LIFE_SUSPEND, "suspend") X(SIM_LIFE_RESUME, "resume")                                              \
    X(SIM_LIFE_PAUSE, "pause") X(SIM_LIFE_GO_ON, "go_on")                                                    \
    X(SIM_LIFE_SNAPSHOT, "snapshot") X(SIM_LIFE_REVERT, "revert")                                            \
    X(SIM_LIFE_RELAY_KILL, "relay_kill") X(SIM_LIFE_RELAY_RESTART, "relay_restart")
enum sim_life {
#define SIM_LIFE_ENUM(name, text) name,
    SIM_LIFE_LIST(SIM_LIFE_ENUM)
#undef SIM_LIFE_ENUM
    SIM_LIFES
};
const char *sim_life_name(enum sim_life life);

/* Exact counts since power-on of the VM object (resets do not clear them). */
struct sim_vm_counters {
    uint64_t exits;           /* all of them: port accesses, string I/O calls; not ticks */
    uint64_t exits_backdoor;  /* low-bandwidth calls */
    uint64_t exits_string;    /* high-bandwidth calls */
    uint64_t exits_uart;
    uint64_t exits_doorbell;
    uint64_t exits_idle;      /* of those: status polls that found nothing */
    uint64_t rpcs;            /* messages that reached the handler, by GuestRPC or doorbell */
    uint64_t payload_bytes;   /* copied by the VMM: string I/O and the doorbell, both ways */
    uint64_t copied_bytes;    /* copied by the module in guest memory; native machine only */
    uint64_t kernel_bytes;    /* of packets that the kernel gave to the module or took from it */
    uint64_t ticks;
    uint64_t bytes_to_debugger; /* on the debugger's line */
    uint64_t bytes_to_target;
    uint64_t resets; /* of the VM */
    uint64_t instructions;        /* run by the guest, and of those in the module's code; emulated machine only */
    uint64_t module_instructions;
    uint32_t stack_bytes; /* the most that a call of the module has used */
};

/* One exit, complete: what the guest had in its registers, and what it finds there. Only port exits, which cost time. */
struct sim_vm_exit {
    enum sim_guest_exit_kind kind; /* SIM_GUEST_IN8 to SIM_GUEST_INS */
    uint16_t port;
    uint8_t value; /* of an 8-bit one: read or written */
    uint64_t began_ns;
    const struct sim_registers *before, *after; /* of the others */
};

/* Watches a VM; any pointer may be NULL. Called inside events; must not call back into the VM. */
struct sim_vm_observer {
    void *context;
    void (*exit)(void *context, const struct sim_vm_exit *exit);
    /* The module did what it must not; text says it in words. */
    void (*conduct)(void *context, const struct sim_conduct *conduct, const char *text);
    /* A snapshot of that name was taken; or, back, the guest is what it was then, which SIM_LIFE_REVERT comes behind. */
    void (*snapshot)(void *context, const char *name, bool back);
    void (*api)(void *context, const struct mk_trace *trace); /* every report of the mini kernel */
    void (*life)(void *context, enum sim_life life);
    /* The guest did what no guest may, text says what: it touched memory that is not there, ran for ever without an exit, or
     * its module cannot be loaded. The VM is powered off next. Never on the native machine. */
    void (*fault)(void *context, const char *text);
    /* A message of vm_message.h that the relay got or, is_reply, gave; without what GuestRPC puts in front. */
    void (*rpc)(void *context, bool is_reply, const uint8_t *bytes, size_t len_bytes);
};

/* The debugger's end of the connection. */
struct sim_vm_peer {
    void *context;
    void (*bytes)(void *context, const uint8_t *bytes, size_t len_bytes);
    void (*closed)(void *context); /* the relay's end is gone, and the connection with it; may be NULL */
};

struct sim_vm;

/* faults   in   may be NULL
 * vm       out  on KD_OK a powered-off VM
 * Returns  KD_OK; KD_ERR_ARGUMENT: a configuration that cannot be built; *why says which field, in words */
KD_MUST_USE enum kd_status sim_vm_create(struct sim_world *world, struct sim_faults *faults,
                                         const struct sim_vm_config *config, struct sim_vm **vm, const char **why);
void sim_vm_destroy(struct sim_vm *vm);

/* The lines between the VM and its debugger, for watching faults; they live as long as the VM. */
struct sim_line *sim_vm_line(struct sim_vm *vm, enum sim_fault_direction direction);

/* Observers are told in the order in which they were added; at most 6. */
void sim_vm_observe(struct sim_vm *vm, const struct sim_vm_observer *observer);

/* Lifecycle; each takes effect now (before the next event). Reset: the guest is gone at once, memory is the image
 * again, channels are closed, a held call is struck, and it boots. A VM that is off ignores all but power_on. */
void sim_vm_power_on(struct sim_vm *vm);
void sim_vm_reset(struct sim_vm *vm);
void sim_vm_power_off(struct sim_vm *vm);
enum sim_vm_state sim_vm_state(const struct sim_vm *vm);

/* Suspends the guest, and resumes it where it stood: for it no time has passed but the clock's. The relay and the line
 * go on. A call that the VMM holds does not survive: it ends with a checkpoint, transfers start over
 * (vmware-backdoor.md 3.4 M4), and the guest asks again.
 * Returns  KD_OK; KD_ERR_CLOSED: the VM is off; KD_ERR_BUSY: it stands still already, or does not */
KD_MUST_USE enum kd_status sim_vm_suspend(struct sim_vm *vm);
KD_MUST_USE enum kd_status sim_vm_resume(struct sim_vm *vm);

/* The VM stands still for so long, and nobody tells the guest: a held call stays held.
 * whole_host  in  the relay stands still too, as when a laptop sleeps; its clock has moved on when it wakes
 * Returns  as sim_vm_suspend */
KD_MUST_USE enum kd_status sim_vm_pause(struct sim_vm *vm, uint64_t for_ns, bool whole_host);

/* Keeps the guest as it stands now under a name, in place of what had it before; and makes it what it was again. Guest
 * memory, registers and the UART's go back; the clock, the relay, the debugger, counters and what is on the wires do not.
 * A snapshot is a checkpoint for transfers under way. At a revert all channels are closed (vmware-backdoor.md 3.3 rule
 * 34), an access that was under way in the snapshot is made again, and a packet that the kernel was sending is reported
 * to observers again, before the revert itself: it is on its way once more.
 * name     in   copied
 * Returns  KD_OK; KD_ERR_CLOSED: nothing is on that could be kept; KD_ERR_NO_DEVICE: the machine makes no snapshots;
 *          KD_ERR_ARGUMENT: no snapshot has the name */
KD_MUST_USE enum kd_status sim_vm_snapshot(struct sim_vm *vm, const char *name);
KD_MUST_USE enum kd_status sim_vm_revert(struct sim_vm *vm, const char *name);

/* The UART loses its power, as in a sleep of the machine: its registers are as after power-on. */
void sim_vm_uart_power_loss(struct sim_vm *vm);

/* The relay's process ends: a held call and every one after it is answered as by a VMM without a relay, the debugger
 * loses its connection. A restart begins another life of it, which knows nothing of the one before.
 * Returns  KD_OK; KD_ERR_NO_DEVICE: the VM has none in the world; KD_ERR_BUSY: it is away already, or there */
KD_MUST_USE enum kd_status sim_vm_relay_kill(struct sim_vm *vm);
KD_MUST_USE enum kd_status sim_vm_relay_restart(struct sim_vm *vm);

/* Connects a debugger.
 * Returns  KD_OK; KD_ERR_BUSY: one is connected already, it is not disturbed; KD_ERR_NO_DEVICE: nobody listens: the
 *          relay is away, or the VM has an endpoint, and the debugger's side is there */
KD_MUST_USE enum kd_status sim_vm_attach(struct sim_vm *vm, const struct sim_vm_peer *peer);
void sim_vm_detach(struct sim_vm *vm);
bool sim_vm_attached(const struct sim_vm *vm);

/* Bytes from the debugger; dropped when none is attached. */
void sim_vm_write(struct sim_vm *vm, const uint8_t *bytes, size_t len_bytes);

/* Bytes from the debugger that the host holds because the guest's receiver is full or the line busy: without bound, so
 * a writer that nobody paces should look at this. Serial link; 0 on the backdoor, where the relay knows. */
size_t sim_vm_unread(const struct sim_vm *vm);

/* The endpoint's reply to the request under way, called between events; ignored when none is under way. */
void sim_vm_rpc_reply(struct sim_vm *vm, const uint8_t *bytes, size_t len_bytes);

/* The endpoint's word on whether the guest should ask it (relay_core.h, relay_vm_attention). An endpoint that has not
 * said anything to this guest is always asked. Called between events. */
void sim_vm_attention(struct sim_vm *vm, bool raised);

/* A wish for the mini kernel's next tick; a reset forgets it.
 * Returns KD_OK; KD_ERR_BUSY: the one before was not taken yet; KD_ERR_CLOSED: the VM is off */
KD_MUST_USE enum kd_status sim_vm_command(struct sim_vm *vm, const struct mk_command *command);

struct sim_vm_counters sim_vm_counters(const struct sim_vm *vm);
const struct mk_map *sim_vm_map(const struct sim_vm *vm);
const struct sim_vm_config *sim_vm_config(const struct sim_vm *vm);

/* The relay core of a VM that has one in its world, for its counters; NULL on serial and with an endpoint. */
const struct relay_core *sim_vm_relay(const struct sim_vm *vm);

/* Guest RAM for checks from outside: guest physical address 0, sim_vm_map()->ram_bytes long. */
const uint8_t *sim_vm_ram(const struct sim_vm *vm);

#endif
