/* kvm_cpu.h: one virtual machine with one processor on /dev/kvm: memory, mode, registers, exits. It knows no
 * device and no guest; kvm.c makes a machine of it, kvm_calibrate.c measures it.
 *
 * Whoever runs it must heed that an access is only half finished at its exit: kvm_cpu_run finishes it, with
 * what was written into kvm_cpu_data and the registers meanwhile; kvm_cpu_finish does so without letting the
 * guest go on. Source: devices.md 3. Tests: tests/test_kvm_cpu.c. Context: the thread that created it, and no
 * fork in between. */
#ifndef KVM_CPU_H
#define KVM_CPU_H

#include "transport/kd/kd_status.h"
#include <linux/kvm.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum kvm_cpu_mode {
    KVM_CPU_X64,       /* long mode, ring 3, with all ports allowed (devices.md 3.2 says why not ring 0) */
    KVM_CPU_X64_RING0, /* long mode, ring 0 */
    KVM_CPU_X86,       /* flat protected mode without paging, ring 0 */
};

/* Host memory that the guest has at a physical address. */
struct kvm_cpu_memory {
    uint64_t address;
    uint8_t *host;
    uint64_t bytes; /* whole pages */
};

struct kvm_cpu_config {
    enum kvm_cpu_mode mode;
    /* Long mode only: physical address of the top table; linear addresses of instructions and string buffers
     * are to be their physical ones. */
    uint64_t page_table;
    uint64_t task; /* ring 3 only: linear address of what kvm_cpu_write_task has written */
    const struct kvm_cpu_memory *memory;
    size_t memory_count;
};

/* A task state with its map of ports, all allowed: what lets ring 3 do IN and OUT. */
enum { KVM_CPU_TASK_BYTES = 3 * 4096 };
void kvm_cpu_write_task(uint8_t to[KVM_CPU_TASK_BYTES]);

struct kvm_cpu;

enum { KVM_CPU_WHY_BYTES = 160 };

/* Whether there can be a virtual machine here.
 * why      out  when not: one sentence, for a person
 * Returns  true; false */
bool kvm_cpu_here(char why[KVM_CPU_WHY_BYTES]);

/* config   in  copied; the memory must outlive the processor
 * Returns  a processor in the state of its mode, its registers 0; never NULL (a host that refuses ends the
 * program with a line on stderr, so ask kvm_cpu_here before) */
struct kvm_cpu *kvm_cpu_create(const struct kvm_cpu_config *config);
void kvm_cpu_destroy(struct kvm_cpu *cpu);

/* The processor is as it was created, and will run from rip with this stack. An access that was half finished
 * is dropped. */
void kvm_cpu_start(struct kvm_cpu *cpu, uint64_t rip, uint64_t rsp);

enum kvm_cpu_exit {
    KVM_CPU_PORT,    /* kvm_cpu_port says which */
    KVM_CPU_STUCK,   /* no exit for so long that there will be none: the watchdog stopped it */
    KVM_CPU_STOPPED, /* anything else, and nothing that a guest may do; kvm_cpu_why says what */
};

/* Runs to the next exit. */
enum kvm_cpu_exit kvm_cpu_run(struct kvm_cpu *cpu);

struct kvm_cpu_port {
    uint16_t port;
    uint8_t size_bytes; /* of an element: 1, 2, 4 */
    bool out;
    uint32_t count; /* elements of a string access that this exit carries */
};
struct kvm_cpu_port kvm_cpu_port(const struct kvm_cpu *cpu);

/* The data of the access: bytes written by an OUT, or for an IN the place of the answer, which is all zero.
 */
uint8_t *kvm_cpu_data(struct kvm_cpu *cpu);

/* The registers at the exit. They are the guest's again, as changed, at the next run or finish if `changed`
 * was called. */
struct kvm_regs *kvm_cpu_registers(struct kvm_cpu *cpu);
void kvm_cpu_changed(struct kvm_cpu *cpu);

/* Finishes the access at which the guest stands: registers are those after its instruction (after a string's
 * first elements: still at it). Nothing is pending any more, so everything may be changed, rip too. */
void kvm_cpu_finish(struct kvm_cpu *cpu);

/* True when the access is a rep insb or rep outsb. KVM hands such a one out in pieces; a VMM with the
 * backdoor moves the whole in one exit, from guest memory or into it, and so does who calls
 * kvm_cpu_end_string next. KVM's own first piece is finished and has changed nothing. before   out  the
 * registers as the instruction found them: rcx bytes at rsi or rdi */
bool kvm_cpu_string(struct kvm_cpu *cpu, struct kvm_regs *before);

/* The string instruction has done all its work: the guest goes on behind it with these registers.
 * after    in   as kvm_cpu_string gave them, changed as the device wants; rip is not to be touched */
void kvm_cpu_end_string(struct kvm_cpu *cpu, const struct kvm_regs *after);

/* Guest memory at an address; NULL when not all of it is there, in one piece. */
uint8_t *kvm_cpu_bytes(const struct kvm_cpu *cpu, uint64_t address, size_t len_bytes);

/* What stopped it, in words, without the place; valid until the next run. */
const char *kvm_cpu_why(const struct kvm_cpu *cpu);

/* Real exits to this process so far: returns of KVM_RUN that the guest caused. Those of kvm_cpu_finish are
 * not among them. */
uint64_t kvm_cpu_exits(const struct kvm_cpu *cpu);

/* The processor as a snapshot keeps it, to be taken only when nothing is pending. */
struct kvm_cpu_state {
    struct kvm_regs registers;
    struct kvm_sregs system;
    struct kvm_fpu fpu;
    struct kvm_vcpu_events events;
};
void kvm_cpu_save(struct kvm_cpu *cpu, struct kvm_cpu_state *state);
void kvm_cpu_load(struct kvm_cpu *cpu, const struct kvm_cpu_state *state);

#endif
