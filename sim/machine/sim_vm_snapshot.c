/* Snapshots of a VM: what is the guest's goes back, what is the host's does not. */
#include "sim/machine/sim_vm_private.h"
#include "sim/world/sim_memory.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct sim_vm_snapshot {
    struct sim_vm_snapshot *next;
    char *name;
    struct sim_machine_state *machine;
    struct sim_uart_registers uart;
    struct sim_doorbell_session doorbell;
    struct sim_guest_exit *exit; /* in the guest's memory */
    bool in_exit;                /* it was not complete: a device was still to be asked, or to answer */
    uint64_t after_ns;           /* else: how long the guest had to wait yet */
    bool sends;
    struct mk_trace sending;
};

static void forget(const struct sim_machine *machine, struct sim_vm_snapshot *snapshot)
{
    machine->ops->forget(snapshot->machine);
    free(snapshot->name);
    free(snapshot);
}

/* Takes it out of the list. Returns NULL when no snapshot has the name. */
static struct sim_vm_snapshot *take(struct sim_vm *vm, const char *name)
{
    for (struct sim_vm_snapshot **at = &vm->snapshots; *at != NULL; at = &(*at)->next) {
        struct sim_vm_snapshot *found = *at;
        if (strcmp(found->name, name) != 0)
            continue;
        *at = found->next;
        return found;
    }
    return NULL;
}

static void put(struct sim_vm *vm, struct sim_vm_snapshot *snapshot)
{
    snapshot->next = vm->snapshots;
    vm->snapshots = snapshot;
}

void sim_vm_forget_snapshots(struct sim_vm *vm)
{
    while (vm->snapshots != NULL) {
        struct sim_vm_snapshot *first = vm->snapshots;
        vm->snapshots = first->next;
        forget(vm->machine, first);
    }
}

static char *copy_of(const char *name)
{
    size_t bytes = strlen(name) + 1;
    return memcpy(sim_allocate(bytes, 1), name, bytes);
}

static void tell(struct sim_vm *vm, const char *name, bool back)
{
    for (unsigned i = 0; i < vm->observer_count; i++)
        if (vm->observers[i].snapshot != NULL)
            vm->observers[i].snapshot(vm->observers[i].context, name, back);
}

enum kd_status sim_vm_snapshot(struct sim_vm *vm, const char *name)
{
    assert(!vm->on_cpu);
    if (vm->state == SIM_VM_OFF)
        return KD_ERR_CLOSED;
    if (vm->machine->ops->save == NULL)
        return KD_ERR_NO_DEVICE;
    sim_vm_life(vm, SIM_LIFE_SNAPSHOT);
    struct sim_vm_snapshot *old = take(vm, name);
    if (old != NULL)
        forget(vm->machine, old);
    uint64_t since_ns = vm->state == SIM_VM_STANDING ? vm->stands_since_ns : sim_now(vm->world);
    struct sim_vm_snapshot *snapshot = sim_allocate(1, sizeof *snapshot);
    snapshot->name = copy_of(name);
    snapshot->machine = vm->machine->ops->save(vm->machine);
    snapshot->uart = sim_uart_save(vm->uart);
    snapshot->doorbell = sim_doorbell_save(vm->doorbell);
    snapshot->exit = vm->exit;
    snapshot->in_exit = vm->step != SIM_VM_STEP_GUEST;
    snapshot->after_ns = snapshot->in_exit ? 0 : vm->due_ns - since_ns;
    snapshot->sends = vm->sends;
    snapshot->sending = vm->sending;
    put(vm, snapshot);
    tell(vm, name, false);
    sim_backdoor_checkpoint(vm->backdoor);
    return KD_OK;
}

enum kd_status sim_vm_revert(struct sim_vm *vm, const char *name)
{
    assert(!vm->on_cpu);
    struct sim_vm_snapshot *snapshot = take(vm, name);
    if (snapshot == NULL)
        return KD_ERR_ARGUMENT;
    put(vm, snapshot);
    sim_vm_wipe(vm);
    vm->machine->ops->load(vm->machine, snapshot->machine);
    sim_uart_load(vm->uart, &snapshot->uart);
    sim_doorbell_load(vm->doorbell, &snapshot->doorbell);
    vm->state = SIM_VM_RUNNING;
    vm->sends = snapshot->sends;
    vm->sending = snapshot->sending;
    tell(vm, name, true);
    if (vm->sends)
        sim_vm_report(vm, &vm->sending);
    sim_vm_life(vm, SIM_LIFE_REVERT);
    sim_vm_put_guest(vm, snapshot->exit, snapshot->in_exit, snapshot->after_ns);
    return KD_OK;
}
