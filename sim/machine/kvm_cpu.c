#define _GNU_SOURCE
#include "sim/machine/kvm_cpu.h"
#include "sim/machine/kvm_watchdog.h"
#include "sim/machine/sim_host.h"
#include "sim/world/sim_memory.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

static const char DEVICE[] = "/dev/kvm";

struct kvm_cpu {
    int system, vm, fd; /* /dev/kvm, the virtual machine, its processor */
    struct kvm_cpu_config config;
    struct kvm_cpu_memory *memory;
    struct kvm_run *run;
    size_t run_bytes;
    struct kvm_sregs sregs; /* as created */
    struct kvm_fpu fpu;
    struct kvm_vcpu_events events;
    bool pending; /* an access is half finished */
    uint64_t exits;
    char why[KVM_CPU_WHY_BYTES];
};

/* ---- what the host has ---- */

enum { EXTENSIONS = 2 };
static const struct {
    int number;
    const char *name;
} needed[EXTENSIONS] = {{KVM_CAP_SYNC_REGS, "KVM_CAP_SYNC_REGS"},
                        {KVM_CAP_IMMEDIATE_EXIT, "KVM_CAP_IMMEDIATE_EXIT"}};

static bool has_what_is_needed(int system, char why[KVM_CPU_WHY_BYTES])
{
    const int version = ioctl(system, KVM_GET_API_VERSION, 0);
    if (version < 0) {
        snprintf(why, KVM_CPU_WHY_BYTES, "%s is no KVM: %s", DEVICE, strerror(errno));
        return false;
    }
    if (version != KVM_API_VERSION) {
        snprintf(why, KVM_CPU_WHY_BYTES, "%s speaks another version of its interface than %d", DEVICE,
                 KVM_API_VERSION);
        return false;
    }
    for (size_t i = 0; i < EXTENSIONS; i++)
        if (ioctl(system, KVM_CHECK_EXTENSION, needed[i].number) <= 0) {
            snprintf(why, KVM_CPU_WHY_BYTES, "this kernel's KVM has no %s", needed[i].name);
            return false;
        }
    return true;
}

static bool can_create(int system, char why[KVM_CPU_WHY_BYTES])
{
    int vm = ioctl(system, KVM_CREATE_VM, 0);
    if (vm < 0) {
        snprintf(why, KVM_CPU_WHY_BYTES, "%s makes no virtual machine: %s", DEVICE, strerror(errno));
        return false;
    }
    close(vm);
    return true;
}

bool kvm_cpu_here(char why[KVM_CPU_WHY_BYTES])
{
    int system = open(DEVICE, O_RDWR | O_CLOEXEC);
    if (system < 0) {
        snprintf(why, KVM_CPU_WHY_BYTES, "%s cannot be opened: %s", DEVICE, strerror(errno));
        return false;
    }
    bool here = has_what_is_needed(system, why) && can_create(system, why);
    close(system);
    return here;
}

/* ---- modes ---- */

enum {
    TASK_STATE_BYTES = 104,
    TASK_MAP_BYTES = 65536 / 8 + 1
}; /* a bit for each port, 0: allowed; one byte more is read */
_Static_assert(TASK_STATE_BYTES + TASK_MAP_BYTES <= KVM_CPU_TASK_BYTES, "the task has room");

void kvm_cpu_write_task(uint8_t to[KVM_CPU_TASK_BYTES])
{
    enum { MAP_OFFSET_FIELD = 102 };
    const uint16_t map_offset = TASK_STATE_BYTES;
    memset(to, 0, KVM_CPU_TASK_BYTES);
    memcpy(to + MAP_OFFSET_FIELD, &map_offset, sizeof map_offset);
}

static const struct mode {
    bool is_long;
    uint8_t ring;
    uint16_t code, data; /* selectors: no descriptor is ever loaded through them */
} modes[] = {
    [KVM_CPU_X64] = {true, 3, 0x33, 0x2B},
    [KVM_CPU_X64_RING0] = {true, 0, 0x08, 0x10},
    [KVM_CPU_X86] = {false, 0, 0x08, 0x10},
};

static const struct mode *mode_of(const struct kvm_cpu *cpu)
{
    return &modes[cpu->config.mode];
}

static struct kvm_segment segment_of(const struct mode *mode, bool code)
{
    enum { TYPE_CODE = 11, TYPE_DATA = 3 }; /* accessed; readable, writable */
    bool code64 = code && mode->is_long;
    return (struct kvm_segment){.limit = UINT32_MAX,
                                .selector = code ? mode->code : mode->data,
                                .type = code ? TYPE_CODE : TYPE_DATA,
                                .present = 1,
                                .dpl = mode->ring,
                                .s = 1,
                                .l = code64,
                                .db = !code64,
                                .g = 1};
}

static void enter_long_mode(const struct kvm_cpu *cpu, struct kvm_sregs *sregs)
{
    enum { CR4_PAE_OSFXSR = 0x220, EFER_NXE_LMA_LME_SCE = 0xD01, TYPE_BUSY_TASK = 11 };
    const uint64_t cr0_pg_am_wp_ne_et_mp_pe = 0x80050033;
    sregs->cr0 = cr0_pg_am_wp_ne_et_mp_pe;
    sregs->cr3 = cpu->config.page_table;
    sregs->cr4 = CR4_PAE_OSFXSR;
    sregs->efer = EFER_NXE_LMA_LME_SCE;
    sregs->tr = (struct kvm_segment){.base = cpu->config.task,
                                     .limit = TASK_STATE_BYTES + TASK_MAP_BYTES - 1,
                                     .selector = 0x18,
                                     .type = TYPE_BUSY_TASK,
                                     .present = 1};
}

static void enter_mode(const struct kvm_cpu *cpu, struct kvm_sregs *sregs)
{
    enum { CR0_PE_ET = 0x11 };
    const struct mode *mode = mode_of(cpu);
    sregs->cs = segment_of(mode, true);
    sregs->ds = sregs->es = sregs->ss = segment_of(mode, false);
    sregs->fs = sregs->gs = sregs->ds;
    if (mode->is_long) {
        sregs->fs.selector = sregs->gs.selector = 0;
        enter_long_mode(cpu, sregs);
    } else {
        sregs->cr0 = CR0_PE_ET;
    }
    sregs->idt.limit = 0; /* any exception is the end, which is what kvm_cpu_why tells */
}

/* ---- creation ---- */

static int must(int result, const char *what)
{
    if (result < 0)
        sim_host_fail(what);
    return result;
}

static void add_memory(const struct kvm_cpu *cpu, uint32_t slot)
{
    const struct kvm_cpu_memory *memory = &cpu->memory[slot];
    struct kvm_userspace_memory_region region = {.slot = slot,
                                                 .guest_phys_addr = memory->address,
                                                 .memory_size = memory->bytes,
                                                 .userspace_addr = (uintptr_t)memory->host};
    must(ioctl(cpu->vm, KVM_SET_USER_MEMORY_REGION, &region), "KVM takes no memory for a guest");
}

static void make_vm(struct kvm_cpu *cpu)
{
    const unsigned long three_pages_below_4g = 0xFFFBD000; /* Intel without unrestricted guest wants them */
    cpu->system = must(open(DEVICE, O_RDWR | O_CLOEXEC), "/dev/kvm cannot be opened");
    cpu->vm = must(ioctl(cpu->system, KVM_CREATE_VM, 0), "KVM makes no virtual machine");
    must(ioctl(cpu->vm, KVM_SET_TSS_ADDR, three_pages_below_4g), "KVM refuses an address");
    for (uint32_t i = 0; i < cpu->config.memory_count; i++)
        add_memory(cpu, i);
}

static void make_processor(struct kvm_cpu *cpu)
{
    enum { ENTRIES_MAX = 256 };
    cpu->fd = must(ioctl(cpu->vm, KVM_CREATE_VCPU, 0), "KVM makes no processor");
    cpu->run_bytes = (size_t)must(ioctl(cpu->system, KVM_GET_VCPU_MMAP_SIZE, 0), "KVM tells no size");
    cpu->run = mmap(NULL, cpu->run_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, cpu->fd, 0);
    if (cpu->run == MAP_FAILED)
        sim_host_fail("a KVM processor's page cannot be mapped");
    struct kvm_cpuid2 *cpuid = sim_allocate(1, sizeof *cpuid + ENTRIES_MAX * sizeof cpuid->entries[0]);
    cpuid->nent = ENTRIES_MAX;
    must(ioctl(cpu->system, KVM_GET_SUPPORTED_CPUID, cpuid), "KVM tells no CPUID");
    must(ioctl(cpu->fd, KVM_SET_CPUID2, cpuid), "KVM takes no CPUID");
    free(cpuid);
    cpu->run->kvm_valid_regs = KVM_SYNC_X86_REGS;
}

static void set_up_mode(struct kvm_cpu *cpu)
{
    must(ioctl(cpu->fd, KVM_GET_SREGS, &cpu->sregs), "KVM tells no registers");
    must(ioctl(cpu->fd, KVM_GET_FPU, &cpu->fpu), "KVM tells no registers");
    must(ioctl(cpu->fd, KVM_GET_VCPU_EVENTS, &cpu->events), "KVM tells no events");
    enter_mode(cpu, &cpu->sregs);
}

struct kvm_cpu *kvm_cpu_create(const struct kvm_cpu_config *config)
{
    struct kvm_cpu *cpu = sim_allocate(1, sizeof *cpu);
    cpu->config = *config;
    cpu->memory = sim_allocate(config->memory_count, sizeof *cpu->memory);
    memcpy(cpu->memory, config->memory, config->memory_count * sizeof *cpu->memory);
    kvm_watchdog_watch();
    make_vm(cpu);
    make_processor(cpu);
    set_up_mode(cpu);
    return cpu;
}

void kvm_cpu_destroy(struct kvm_cpu *cpu)
{
    munmap(cpu->run, cpu->run_bytes);
    close(cpu->fd);
    close(cpu->vm);
    close(cpu->system);
    free(cpu->memory);
    free(cpu);
}

/* ---- running ---- */

/* A run that gives the guest no turn: 0 when it ended in another exit all the same. */
static bool turn_is_over(struct kvm_cpu *cpu)
{
    cpu->run->immediate_exit = 1;
    int result = ioctl(cpu->fd, KVM_RUN, 0);
    cpu->run->immediate_exit = 0;
    if (result < 0 && errno != EINTR)
        sim_host_fail("a KVM guest's access cannot be finished");
    return result < 0;
}

void kvm_cpu_finish(struct kvm_cpu *cpu)
{
    while (cpu->pending && !turn_is_over(cpu))
        continue;
    cpu->pending = false;
}

void kvm_cpu_start(struct kvm_cpu *cpu, uint64_t rip, uint64_t rsp)
{
    enum { RFLAGS_ALWAYS = 2 };
    kvm_cpu_finish(cpu);
    const struct kvm_cpu_state state = {.registers = {.rip = rip, .rsp = rsp, .rflags = RFLAGS_ALWAYS},
                                        .system = cpu->sregs,
                                        .fpu = cpu->fpu,
                                        .events = cpu->events};
    kvm_cpu_load(cpu, &state);
}

static enum kvm_cpu_exit stopped(struct kvm_cpu *cpu, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static enum kvm_cpu_exit stopped(struct kvm_cpu *cpu, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(cpu->why, sizeof cpu->why, format, arguments);
    va_end(arguments);
    return KVM_CPU_STOPPED;
}

/* A fault that nobody handles: without a table of handlers the first exception is already the third. */
static enum kvm_cpu_exit stopped_by_fault(struct kvm_cpu *cpu)
{
    struct kvm_sregs sregs;
    must(ioctl(cpu->fd, KVM_GET_SREGS, &sregs), "KVM tells no registers");
    if (sregs.cr2 != 0)
        return stopped(cpu, "triple fault (CR2 0x%" PRIx64 ")", (uint64_t)sregs.cr2);
    return stopped(cpu, "triple fault");
}

static enum kvm_cpu_exit decode(struct kvm_cpu *cpu)
{
    const struct kvm_run *run = cpu->run;
    switch (run->exit_reason) {
    case KVM_EXIT_IO:
        cpu->pending = true;
        return KVM_CPU_PORT;
    case KVM_EXIT_MMIO:
        cpu->pending = true;
        return stopped(cpu, "%s of %u bytes at 0x%" PRIx64 ", where nothing is",
                       run->mmio.is_write ? "write" : "read", run->mmio.len, (uint64_t)run->mmio.phys_addr);
    case KVM_EXIT_SHUTDOWN:
        return stopped_by_fault(cpu);
    case KVM_EXIT_HLT:
        return stopped(cpu, "HLT, and nothing will ever wake it");
    case KVM_EXIT_INTERNAL_ERROR:
        return stopped(cpu, "KVM cannot go on (internal error, suberror %u)", run->internal.suberror);
    case KVM_EXIT_FAIL_ENTRY:
        return stopped(cpu, "KVM cannot enter the guest (reason 0x%" PRIx64 ")",
                       (uint64_t)run->fail_entry.hardware_entry_failure_reason);
    default:
        return stopped(cpu, "exit %u of KVM, which nothing here causes", run->exit_reason);
    }
}

enum kvm_cpu_exit kvm_cpu_run(struct kvm_cpu *cpu)
{
    int result;
    kvm_watchdog_enter(&cpu->run->immediate_exit);
    do
        result = ioctl(cpu->fd, KVM_RUN, 0);
    while (result < 0 && (errno == EINTR || errno == EAGAIN) && !kvm_watchdog_bit());
    kvm_watchdog_leave();
    cpu->pending = false;
    if (result < 0 && kvm_watchdog_bit()) {
        cpu->run->immediate_exit = 0;
        snprintf(cpu->why, sizeof cpu->why, "no exit in %" PRIu32 " ms of processor time",
                 kvm_watchdog_patience_ms());
        return KVM_CPU_STUCK;
    }
    if (result < 0)
        return stopped(cpu, "KVM_RUN: %s", strerror(errno));
    cpu->exits++;
    return decode(cpu);
}

struct kvm_cpu_port kvm_cpu_port(const struct kvm_cpu *cpu)
{
    return (struct kvm_cpu_port){.port = cpu->run->io.port,
                                 .size_bytes = cpu->run->io.size,
                                 .out = cpu->run->io.direction == KVM_EXIT_IO_OUT,
                                 .count = cpu->run->io.count};
}

uint8_t *kvm_cpu_data(struct kvm_cpu *cpu)
{
    return (uint8_t *)cpu->run + cpu->run->io.data_offset;
}

struct kvm_regs *kvm_cpu_registers(struct kvm_cpu *cpu)
{
    return &cpu->run->s.regs.regs;
}

void kvm_cpu_changed(struct kvm_cpu *cpu)
{
    cpu->run->kvm_dirty_regs = KVM_SYNC_X86_REGS;
}

const char *kvm_cpu_why(const struct kvm_cpu *cpu)
{
    return cpu->why;
}

uint64_t kvm_cpu_exits(const struct kvm_cpu *cpu)
{
    return cpu->exits;
}

/* ---- guest memory ---- */

uint8_t *kvm_cpu_bytes(const struct kvm_cpu *cpu, uint64_t address, size_t len_bytes)
{
    for (size_t i = 0; i < cpu->config.memory_count; i++) {
        const struct kvm_cpu_memory *memory = &cpu->memory[i];
        if (address >= memory->address && address - memory->address <= memory->bytes &&
            len_bytes <= memory->bytes - (address - memory->address))
            return memory->host + (address - memory->address);
    }
    return NULL;
}

/* ---- string I/O ---- */

enum { REP = 0xF3, INSB = 0x6C, OUTSB = 0x6E, STRING_INSTRUCTION_BYTES = 2 };

/* The first piece of a rep insb goes to guest memory when it is finished: it gets what is there already. */
static void keep_what_is_there(struct kvm_cpu *cpu, const struct kvm_regs *before, uint32_t count)
{
    const uint8_t *there = kvm_cpu_bytes(cpu, before->rdi, count);
    if (there != NULL)
        memcpy(kvm_cpu_data(cpu), there, count);
}

/* The instruction emulator has an OUT's first element behind it at the exit, an IN's not (devices.md 3.5). */
bool kvm_cpu_string(struct kvm_cpu *cpu, struct kvm_regs *before)
{
    const struct kvm_cpu_port port = kvm_cpu_port(cpu);
    *before = *kvm_cpu_registers(cpu);
    const uint8_t *code = kvm_cpu_bytes(cpu, before->rip, STRING_INSTRUCTION_BYTES);
    if (code == NULL || code[0] != REP || code[1] != (port.out ? OUTSB : INSB))
        return false;
    if (port.out) {
        before->rcx += port.count;
        before->rsi -= port.count;
    } else {
        keep_what_is_there(cpu, before, port.count);
    }
    kvm_cpu_finish(cpu);
    return true;
}

void kvm_cpu_end_string(struct kvm_cpu *cpu, const struct kvm_regs *after)
{
    *kvm_cpu_registers(cpu) = *after;
    kvm_cpu_registers(cpu)->rip += STRING_INSTRUCTION_BYTES;
    kvm_cpu_changed(cpu);
}

/* ---- snapshots ---- */

void kvm_cpu_save(struct kvm_cpu *cpu, struct kvm_cpu_state *state)
{
    must(ioctl(cpu->fd, KVM_GET_REGS, &state->registers), "KVM tells no registers");
    must(ioctl(cpu->fd, KVM_GET_SREGS, &state->system), "KVM tells no registers");
    must(ioctl(cpu->fd, KVM_GET_FPU, &state->fpu), "KVM tells no registers");
    must(ioctl(cpu->fd, KVM_GET_VCPU_EVENTS, &state->events), "KVM tells no events");
}

void kvm_cpu_load(struct kvm_cpu *cpu, const struct kvm_cpu_state *state)
{
    cpu->run->kvm_dirty_regs = 0;
    must(ioctl(cpu->fd, KVM_SET_SREGS, &state->system), "KVM takes no registers");
    must(ioctl(cpu->fd, KVM_SET_FPU, &state->fpu), "KVM takes no registers");
    must(ioctl(cpu->fd, KVM_SET_VCPU_EVENTS, &state->events), "KVM takes no events");
    must(ioctl(cpu->fd, KVM_SET_REGS, &state->registers), "KVM takes no registers");
    *kvm_cpu_registers(cpu) = state->registers;
}
