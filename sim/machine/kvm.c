#define _GNU_SOURCE
#include "sim/device/sim_backdoor.h"
#include "sim/device/sim_doorbell.h"
#include "sim/machine/sim_host.h"
#include "sim/machine/sim_kvm.h"
#include "sim/world/sim_memory.h"
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* How the access at which the guest stands will get its answer. */
enum standing {
    STANDS_NOWHERE,   /* it needs none */
    STANDS_IN_ACCESS, /* half finished: the next run takes the answer with it */
    STANDS_BEHIND,    /* finished: the answer goes into the registers */
    STANDS_IN_STRING, /* finished as far as KVM is concerned, and still to be ended */
};

struct kvm {
    struct sim_machine machine;
    struct sim_guest *guest;
    struct kvm_cpu *cpu;
    enum kvm_cpu_mode mode;
    struct sim_guest_exit exit;
    enum standing standing;
    struct kvm_regs string; /* as the string instruction found them */
    bool fresh;             /* it has not run since the reset */
    /* What memory and processor were when the loader was done; NULL until it was. */
    struct sim_guest_saved *loaded;
    struct kvm_cpu_state loaded_cpu;
    /* In the pool. */
    struct kvm *next;
    pid_t process;
};

static struct kvm *of(struct sim_machine *machine)
{
    return (struct kvm *)machine;
}

const char *sim_kvm_missing(void)
{
    static char why[KVM_CPU_WHY_BYTES];
    return kvm_cpu_here(why) ? NULL : why;
}

uint64_t sim_kvm_exits(const struct sim_machine *machine)
{
    return kvm_cpu_exits(((const struct kvm *)machine)->cpu);
}

/* ---- registers ---- */

static uint64_t as_wide_as_the_guest(const struct kvm *kvm, uint64_t value)
{
    return kvm->mode == KVM_CPU_X86 ? (uint32_t)value : value;
}

static struct sim_registers registers_of(const struct kvm *kvm, const struct kvm_regs *from)
{
    return (struct sim_registers){as_wide_as_the_guest(kvm, from->rax), as_wide_as_the_guest(kvm, from->rbx),
                                  as_wide_as_the_guest(kvm, from->rcx), as_wide_as_the_guest(kvm, from->rdx),
                                  as_wide_as_the_guest(kvm, from->rsi), as_wide_as_the_guest(kvm, from->rdi),
                                  as_wide_as_the_guest(kvm, from->rbp)};
}

static void set_registers(const struct kvm *kvm, struct kvm_regs *to)
{
    const struct sim_registers *from = &kvm->exit.registers;
    to->rax = as_wide_as_the_guest(kvm, from->rax);
    to->rbx = as_wide_as_the_guest(kvm, from->rbx);
    to->rcx = as_wide_as_the_guest(kvm, from->rcx);
    to->rdx = as_wide_as_the_guest(kvm, from->rdx);
    to->rsi = as_wide_as_the_guest(kvm, from->rsi);
    to->rdi = as_wide_as_the_guest(kvm, from->rdi);
    to->rbp = as_wide_as_the_guest(kvm, from->rbp);
}

/* ---- answers ---- */

/* An IN of 1, 2 or 4 bytes; one of 4 clears what is above it. */
static void answer_in(struct kvm *kvm, uint32_t value, unsigned width)
{
    if (kvm->standing == STANDS_IN_ACCESS) {
        memcpy(kvm_cpu_data(kvm->cpu), &value, width);
        return;
    }
    const uint64_t kept = width == 4 ? 0 : ~(uint64_t)0 << (8 * width);
    struct kvm_regs *registers = kvm_cpu_registers(kvm->cpu);
    registers->rax = (registers->rax & kept) | (value & ~kept);
    kvm_cpu_changed(kvm->cpu);
}

/* IN EAX,DX gives EAX, zero above it; both places, because kernels differ in which one they take
 * (devices.md 3.4 rule 4). */
static void answer_backdoor(struct kvm *kvm)
{
    const uint32_t eax = (uint32_t)kvm->exit.registers.rax;
    kvm->exit.registers.rax = eax;
    set_registers(kvm, kvm_cpu_registers(kvm->cpu));
    if (kvm->standing == STANDS_IN_ACCESS)
        memcpy(kvm_cpu_data(kvm->cpu), &eax, sizeof eax);
    kvm_cpu_changed(kvm->cpu);
}

static void answer(struct kvm *kvm)
{
    if (kvm->standing == STANDS_NOWHERE)
        return;
    if (kvm->standing == STANDS_IN_STRING) {
        set_registers(kvm, &kvm->string);
        kvm_cpu_end_string(kvm->cpu, &kvm->string);
    } else if (kvm->exit.kind == SIM_GUEST_BACKDOOR) {
        answer_backdoor(kvm);
    } else if (kvm->exit.kind == SIM_GUEST_IN_WIDE) {
        answer_in(kvm, kvm->exit.wide, kvm->exit.width);
    } else {
        answer_in(kvm, kvm->exit.value, 1);
    }
    kvm->standing = STANDS_NOWHERE;
}

/* ---- exits ---- */

_Static_assert((int)GUEST_TASK_BYTES == (int)KVM_CPU_TASK_BYTES, "the task has room");

enum { PLACE_BYTES = 64 };

static const char *place(const struct kvm *kvm, char text[PLACE_BYTES])
{
    return sim_guest_place(kvm->guest, kvm_cpu_registers(kvm->cpu)->rip, text, PLACE_BYTES);
}

static void take_fault(struct kvm *kvm)
{
    char text[PLACE_BYTES];
    sim_guest_fault(kvm->guest, &kvm->exit, "%s at %s", kvm_cpu_why(kvm->cpu), place(kvm, text));
}

static void take_backdoor(struct kvm *kvm)
{
    kvm->exit = (struct sim_guest_exit){.kind = SIM_GUEST_BACKDOOR,
                                        .registers = registers_of(kvm, kvm_cpu_registers(kvm->cpu))};
    kvm->standing = STANDS_IN_ACCESS;
}

static void take_string(struct kvm *kvm, bool out)
{
    kvm->exit = (struct sim_guest_exit){.kind = out ? SIM_GUEST_OUTS : SIM_GUEST_INS,
                                        .registers = registers_of(kvm, &kvm->string)};
    kvm->standing = STANDS_IN_STRING;
}

static void take_byte(struct kvm *kvm, const struct kvm_cpu_port *access)
{
    kvm->exit = (struct sim_guest_exit){.kind = access->out ? SIM_GUEST_OUT8 : SIM_GUEST_IN8,
                                        .port = access->port,
                                        .value = access->out ? *kvm_cpu_data(kvm->cpu) : 0};
    kvm->standing = access->out ? STANDS_NOWHERE : STANDS_IN_ACCESS;
}

static void take_wide(struct kvm *kvm, const struct kvm_cpu_port *access)
{
    kvm->exit = (struct sim_guest_exit){.kind = access->out ? SIM_GUEST_OUT_WIDE : SIM_GUEST_IN_WIDE,
                                        .port = access->port,
                                        .width = access->size_bytes};
    if (access->out)
        memcpy(&kvm->exit.wide, kvm_cpu_data(kvm->cpu), access->size_bytes);
    kvm->standing = access->out ? STANDS_NOWHERE : STANDS_IN_ACCESS;
}

/* KVM keeps translations of page tables that it saw, and does not see the host change them. Memory that was
 * taken away for a moment it translates anew (devices.md 3.6 rule 16a). */
static void forget_translations(const struct kvm *kvm)
{
    uint8_t *region = kvm->guest->region;
    const size_t bytes = GUEST_REGION_END - GUEST_REGION;
    if (mprotect(region, bytes, PROT_NONE) != 0 || mprotect(region, bytes, PROT_READ | PROT_WRITE) != 0)
        sim_host_fail("a guest's memory cannot be protected");
}

/* The DLL is where it belongs, and the kernel is next. Every later boot begins here. */
static void take_loaded(struct kvm *kvm)
{
    forget_translations(kvm);
    kvm_cpu_finish(kvm->cpu);
    kvm_cpu_save(kvm->cpu, &kvm->loaded_cpu);
    kvm->loaded = sim_guest_save(kvm->guest);
}

static bool is_image_port(const struct kvm_cpu_port *access)
{
    return sim_guest_owns(access->port) && access->out && access->size_bytes == 4;
}

/* Returns false when there is nothing to tell, and the guest goes on. */
static bool take_port(struct kvm *kvm)
{
    const struct kvm_cpu_port access = kvm_cpu_port(kvm->cpu);
    char text[PLACE_BYTES];
    uint32_t value;
    if (is_image_port(&access)) {
        memcpy(&value, kvm_cpu_data(kvm->cpu), sizeof value);
        if (sim_guest_port(kvm->guest, access.port, value, &kvm->exit))
            return true;
        take_loaded(kvm);
        return false;
    }
    bool is_register_port = access.port == SIM_PORT_BACKDOOR || access.port == SIM_PORT_DOORBELL;
    if (is_register_port && !access.out && access.size_bytes == 4)
        take_backdoor(kvm);
    else if (access.port == SIM_PORT_BACKDOOR_HB && access.size_bytes == 1 &&
             kvm_cpu_string(kvm->cpu, &kvm->string))
        take_string(kvm, access.out);
    else if (access.size_bytes == 1 && access.count == 1)
        take_byte(kvm, &access);
    else if (access.count == 1)
        take_wide(kvm, &access);
    else
        sim_guest_fault(kvm->guest, &kvm->exit, "a string of %u x %u bytes at port %x, at %s",
                        (unsigned)access.count, access.size_bytes, access.port, place(kvm, text));
    return true;
}

static struct sim_guest_exit *run(struct sim_machine *machine)
{
    struct kvm *kvm = of(machine);
    kvm->fresh = false;
    answer(kvm);
    for (;;) {
        if (kvm_cpu_run(kvm->cpu) != KVM_CPU_PORT) {
            take_fault(kvm);
            return &kvm->exit;
        }
        if (take_port(kvm))
            return &kvm->exit;
    }
}

/* ---- life ---- */

static void write_task(const struct kvm *kvm)
{
    kvm_cpu_write_task(kvm->guest->region + (GUEST_TASK - GUEST_REGION));
}

static void reset(struct sim_machine *machine)
{
    struct kvm *kvm = of(machine);
    kvm_cpu_finish(kvm->cpu);
    if (kvm->loaded != NULL) {
        sim_guest_load(kvm->guest, kvm->loaded);
        kvm_cpu_load(kvm->cpu, &kvm->loaded_cpu);
    } else {
        sim_guest_reset(kvm->guest);
        write_task(kvm);
        kvm_cpu_start(kvm->cpu, kvm->guest->entry, kvm->guest->stack_pointer);
    }
    kvm->exit = (struct sim_guest_exit){0};
    kvm->standing = STANDS_NOWHERE;
    kvm->fresh = true;
}

static void really_destroy(struct kvm *kvm)
{
    kvm_cpu_destroy(kvm->cpu);
    sim_guest_forget(kvm->loaded);
    sim_guest_destroy(kvm->guest);
    free(kvm);
}

static struct sim_memory memory(struct sim_machine *machine)
{
    return sim_guest_memory(of(machine)->guest);
}

static const uint8_t *ram(const struct sim_machine *machine)
{
    return ((const struct kvm *)machine)->guest->ram;
}

/* ---- snapshots ---- */

struct sim_machine_state {
    bool fresh;
    struct sim_guest_saved *guest; /* NULL: it had not run */
    struct kvm_cpu_state cpu;
    struct sim_guest_exit exit;
    enum standing standing;
    struct kvm_regs string;
};

/* A processor can be saved only when its access is finished; the answer then goes elsewhere. */
static struct sim_machine_state *save(struct sim_machine *machine)
{
    struct kvm *kvm = of(machine);
    struct sim_machine_state *state = sim_allocate(1, sizeof *state);
    state->fresh = kvm->fresh;
    if (kvm->fresh)
        return state;
    kvm_cpu_finish(kvm->cpu);
    if (kvm->standing == STANDS_IN_ACCESS)
        kvm->standing = STANDS_BEHIND;
    kvm_cpu_save(kvm->cpu, &state->cpu);
    state->guest = sim_guest_save(kvm->guest);
    state->exit = kvm->exit;
    state->standing = kvm->standing;
    state->string = kvm->string;
    return state;
}

static void load(struct sim_machine *machine, const struct sim_machine_state *state)
{
    struct kvm *kvm = of(machine);
    if (state->fresh) {
        reset(machine);
        return;
    }
    kvm_cpu_finish(kvm->cpu);
    sim_guest_load(kvm->guest, state->guest);
    kvm_cpu_load(kvm->cpu, &state->cpu);
    kvm->exit = state->exit;
    kvm->standing = state->standing;
    kvm->string = state->string;
    kvm->fresh = false;
}

static void forget(struct sim_machine_state *state)
{
    if (state == NULL)
        return;
    sim_guest_forget(state->guest);
    free(state);
}

/* ---- the pool ---- */

enum { POOL_MAX = 4 };

/* A cache and nothing else: a machine out of it is reset like a new one. Virtual machines are not inherited
 * by a fork, so each process has its own. */
static struct kvm *pool;

static bool fits(const struct kvm *kvm, const struct sim_image *image, const struct sim_dll *dll,
                 enum kvm_cpu_mode mode)
{
    const struct sim_guest *guest = kvm->guest;
    return kvm->process == getpid() && kvm->mode == mode && guest->image == image && guest->dll == dll;
}

static struct kvm *take_from_pool(const struct sim_image *image, const struct sim_dll *dll,
                                  enum kvm_cpu_mode mode)
{
    for (struct kvm **at = &pool; *at != NULL; at = &(*at)->next) {
        struct kvm *kvm = *at;
        if (!fits(kvm, image, dll, mode))
            continue;
        *at = kvm->next;
        return kvm;
    }
    return NULL;
}

/* The oldest one goes when there are too many. */
static void put_into_pool(struct kvm *kvm)
{
    unsigned count = 0;
    kvm->next = pool;
    pool = kvm;
    for (struct kvm **at = &pool; *at != NULL; count++) {
        if (count < POOL_MAX) {
            at = &(*at)->next;
            continue;
        }
        struct kvm *last = *at;
        *at = last->next;
        really_destroy(last);
    }
}

/* Without what the loader left there is nothing to win, and a forked process's parent has what it needs
 * itself. */
static void destroy(struct sim_machine *machine)
{
    struct kvm *kvm = of(machine);
    if (kvm->loaded != NULL && kvm->process == getpid())
        put_into_pool(kvm);
    else
        really_destroy(kvm);
}

/* ---- creation ---- */

static const struct sim_machine_ops kvm_ops = {"kvm", destroy, reset, run, memory, ram, save, load, forget};

static struct kvm_cpu *make_cpu(const struct kvm *kvm)
{
    const struct sim_guest *guest = kvm->guest;
    const struct kvm_cpu_memory parts[] = {
        {GUEST_REGION, guest->region, GUEST_REGION_END - GUEST_REGION},
        {GUEST_RAM, guest->ram, guest->image->ram_bytes},
        /* x86 has no page tables here, so the alias is memory twice. */
        {GUEST_ALIAS_X86, guest->ram + guest->image->map.shared_data_pa, GUEST_PAGE_BYTES},
        {GUEST_ALIAS_X86 + GUEST_PAGE_BYTES, guest->region + (GUEST_BOOT - GUEST_REGION), GUEST_PAGE_BYTES},
    };
    const struct kvm_cpu_config config = {.mode = kvm->mode,
                                          .page_table = guest->page_table,
                                          .task = GUEST_TASK,
                                          .memory = parts,
                                          .memory_count = kvm->mode == KVM_CPU_X86 ? 4 : 2};
    return kvm_cpu_create(&config);
}

struct sim_machine *sim_kvm_create(const struct sim_image *image, const struct mk_boot *boot,
                                   const struct sim_dll *dll, enum kvm_cpu_mode mode)
{
    struct kvm *kvm = take_from_pool(image, dll, mode);
    if (kvm != NULL) {
        sim_guest_tell(kvm->guest, boot);
    } else {
        kvm = sim_allocate(1, sizeof *kvm);
        kvm->machine.ops = &kvm_ops;
        kvm->mode = mode;
        kvm->process = getpid();
        kvm->guest = sim_guest_create(image, boot, dll);
        kvm->cpu = make_cpu(kvm);
    }
    reset(&kvm->machine);
    return &kvm->machine;
}
