#define _GNU_SOURCE
#include "sim/machine/kvm_flat.h"
#include "sim/machine/sim_host.h"
#include <string.h>
#include <sys/mman.h>

/* Tables, one page each; the low directories, four of them, map 4 GiB in pages of 2 MiB. */
enum {
    PAGE_BYTES = 4096,
    TOP = KVM_FLAT,
    LOW_POINTERS = TOP + PAGE_BYTES,
    LOW_DIRECTORIES = LOW_POINTERS + PAGE_BYTES,
    HIGH_POINTERS = LOW_DIRECTORIES + 4 * PAGE_BYTES,
    HIGH_DIRECTORY = HIGH_POINTERS + PAGE_BYTES,
    HIGH_TABLE = HIGH_DIRECTORY + PAGE_BYTES,
    TASK = HIGH_TABLE + PAGE_BYTES,
};
_Static_assert(TASK + KVM_CPU_TASK_BYTES <= KVM_FLAT_CODE, "the tables have room");

enum { ENTRIES = 512, LARGE_PAGE_SHIFT = 21 };
enum { PRESENT = 0x01, WRITE = 0x02, USER = 0x04, LARGE = 0x80, ANY_ACCESS = PRESENT | WRITE | USER };

uint8_t *kvm_flat_at(const struct kvm_flat *flat, uint64_t address)
{
    return flat->memory + (address - KVM_FLAT);
}

static void set_entry(const struct kvm_flat *flat, uint64_t table, uint64_t index, uint64_t entry)
{
    memcpy(kvm_flat_at(flat, table + index % ENTRIES * sizeof entry), &entry, sizeof entry);
}

static void map_low(const struct kvm_flat *flat)
{
    set_entry(flat, TOP, 0, LOW_POINTERS | ANY_ACCESS);
    for (uint64_t i = 0; i < 4; i++)
        set_entry(flat, LOW_POINTERS, i, (LOW_DIRECTORIES + i * PAGE_BYTES) | ANY_ACCESS);
    for (uint64_t i = 0; i < 4 * ENTRIES; i++)
        set_entry(flat, LOW_DIRECTORIES + i / ENTRIES * PAGE_BYTES, i,
                  i << LARGE_PAGE_SHIFT | LARGE | ANY_ACCESS);
}

static void map_high_page(const struct kvm_flat *flat)
{
    set_entry(flat, TOP, KVM_FLAT_HIGH_PAGE >> 39, HIGH_POINTERS | ANY_ACCESS);
    set_entry(flat, HIGH_POINTERS, KVM_FLAT_HIGH_PAGE >> 30, HIGH_DIRECTORY | ANY_ACCESS);
    set_entry(flat, HIGH_DIRECTORY, KVM_FLAT_HIGH_PAGE >> 21, HIGH_TABLE | ANY_ACCESS);
    set_entry(flat, HIGH_TABLE, KVM_FLAT_HIGH_PAGE >> 12, KVM_FLAT_HIGH | ANY_ACCESS);
}

struct kvm_flat kvm_flat_create(enum kvm_cpu_mode mode)
{
    struct kvm_flat flat = {NULL, mmap(NULL, KVM_FLAT_END - KVM_FLAT, PROT_READ | PROT_WRITE,
                                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)};
    if (flat.memory == MAP_FAILED)
        sim_host_fail("no memory for a guest");
    map_low(&flat);
    map_high_page(&flat);
    kvm_cpu_write_task(kvm_flat_at(&flat, TASK));
    const struct kvm_cpu_memory memory = {KVM_FLAT, flat.memory, KVM_FLAT_END - KVM_FLAT};
    const struct kvm_cpu_config config = {
        .mode = mode, .page_table = TOP, .task = TASK, .memory = &memory, .memory_count = 1};
    flat.cpu = kvm_cpu_create(&config);
    return flat;
}

void kvm_flat_destroy(struct kvm_flat *flat)
{
    kvm_cpu_destroy(flat->cpu);
    munmap(flat->memory, KVM_FLAT_END - KVM_FLAT);
}

void kvm_flat_start(struct kvm_flat *flat, const void *code, size_t code_bytes)
{
    memcpy(kvm_flat_at(flat, KVM_FLAT_CODE), code, code_bytes);
    kvm_cpu_start(flat->cpu, KVM_FLAT_CODE, KVM_FLAT_STACK);
}
