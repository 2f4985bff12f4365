/* mk_nt.h: the kernel's structures in the image: one column of nt-image.md per architecture, and their
 * builders. Private to the image builder. */
#ifndef MK_NT_H
#define MK_NT_H

#include "sim/kernel/mk_builder.h"
#include "sim/kernel/mk_plan.h"

/* Offsets; names as in nt-image.md. 0: nothing is written there, unless 0 is where the structure begins. */
struct mk_nt_layout {
    uint16_t data_block_bytes;
    uint8_t cid_entry_bytes;
    struct {
        uint16_t bytes, directory_table, thread_list_k, id, links, create_time, image_name, peb, parent_id,
            vad_root, thread_list;
    } process;
    struct {
        uint16_t bytes, initial_stack, stack_limit, kernel_stack, process, teb, state, list_entry_k, cid,
            start_address, list_entry;
    } thread;
    struct {
        uint16_t bytes, load_links, memory_links, init_links, base, entry, size, full_name, base_name, flags,
            load_count, checksum;
    } module;
    struct {
        uint16_t gdt, tss, self, prcb, idt, major, minor, version_block, kprcb;
    } kpcr;
    struct {
        uint16_t bytes, mxcsr, current_thread, idle_thread, number, cpu_type, mhz, vendor;
    } kprcb;
    struct {
        uint16_t image_base, ldr, parameters, processors, major, minor, build, bytes;
    } peb;
    struct {
        uint16_t load_links, memory_links, init_links, bytes;
    } ldr;
    struct {
        uint16_t image_path, command_line, bytes;
    } parameters;
    struct {
        uint16_t stack_base, stack_limit, self, cid, peb;
    } teb;
    struct {
        uint16_t code, data, pcr, user_code, user_data, user_teb, ldt, tss, compat_code, compat_teb;
    } selector;
    struct {
        uint16_t cs, ds, fs, gs, ss;
    } registers; /* of a processor in the kernel */
    struct {
        uint32_t cr0, cr4;
        uint16_t gdt_limit, idt_limit;
    } control;
};
const struct mk_nt_layout *mk_nt_layout(enum mk_arch arch);

/* What the structures hang from while they are built. */
struct mk_nt {
    struct mk_builder *builder;
    const struct mk_nt_layout *layout;
    const struct mk_plan *plan;
    struct mk_map *map;
    struct mk_area data;   /* the kernel's .data */
    struct mk_area pool;   /* nonpaged pool: processes, threads, module entries, names */
    uint64_t process_list; /* PsActiveProcessHead */
    uint64_t cid_entries;  /* of PspCidTable, by pid / 4 */
    uint64_t processor_block;
};

struct mk_nt_process {
    uint32_t pid, parent;
    const char *name;
    bool listed; /* on PsActiveProcessHead: the idle process is not */
    uint64_t directory_pa;
    uint64_t peb; /* 0: none */
};

/* Its addresses and list heads. Returns its EPROCESS. */
uint64_t mk_nt_process(struct mk_nt *nt, const struct mk_nt_process *process);

struct mk_nt_thread {
    uint64_t process; /* its EPROCESS */
    uint32_t pid, tid;
    bool running; /* on a processor; else it waits */
    uint64_t start_address;
    uint64_t teb; /* 0: none */
    uint64_t stack_limit, stack_end;
    uint64_t sp;
};

/* Returns its ETHREAD. */
uint64_t mk_nt_thread(struct mk_nt *nt, const struct mk_nt_thread *thread);

/* A module's entry, with its names, taken from area; it is in no list yet. */
uint64_t mk_nt_module_entry(struct mk_nt *nt, struct mk_area *area, const struct mk_module *module,
                            uint64_t entry_point);

/* One entry of PsLoadedModuleList. */
void mk_nt_module(struct mk_nt *nt, const struct mk_module *module, uint64_t entry_point);

/* KPCR and KPRCB of one processor, mapped, with its first registers. */
void mk_nt_processor(struct mk_nt *nt, uint32_t number, uint64_t thread);

/* List heads and tables that the others are put into; then, when all is there, the data block. */
void mk_nt_begin(struct mk_nt *nt);
void mk_nt_data_block(struct mk_nt *nt);

/* KUSER_SHARED_DATA. */
void mk_nt_shared_data(struct mk_nt *nt);

#endif
