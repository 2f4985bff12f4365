/* kvm_flat.h: the plainest guest there is, for calibration and tests: half a megabyte with page tables, room
 * for code and a buffer; linear is physical. Context: as kvm_cpu.h */
#ifndef KVM_FLAT_H
#define KVM_FLAT_H

#include "sim/machine/kvm_cpu.h"

/* Addresses. Where nothing is said there is plain memory, up to the end. */
enum {
    KVM_FLAT = 0x100000, /* the tables */
    KVM_FLAT_CODE = 0x140000,
    KVM_FLAT_BUFFER = 0x150FF0, /* not at the start of a page */
    KVM_FLAT_STACK = 0x170000,
    KVM_FLAT_END = 0x180000,
};
#define KVM_FLAT_HIGH_PAGE                                                                                   \
    0xFFFFF78000000000u /* long mode: a page of NT's half, which lies at KVM_FLAT_HIGH */
enum { KVM_FLAT_HIGH = 0x17F000 };

struct kvm_flat {
    struct kvm_cpu *cpu;
    uint8_t *memory;
};

struct kvm_flat kvm_flat_create(enum kvm_cpu_mode mode);
void kvm_flat_destroy(struct kvm_flat *flat);

/* Host address of guest memory. */
uint8_t *kvm_flat_at(const struct kvm_flat *flat, uint64_t address);

/* Will run this code next. */
void kvm_flat_start(struct kvm_flat *flat, const void *code, size_t code_bytes);

#endif
