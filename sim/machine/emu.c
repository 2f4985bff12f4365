/* emu.c: the emulated machine: a processor of Unicorn's over a guest of sim_guest.h. */
#include "sim/device/sim_backdoor.h"
#include "sim/device/sim_doorbell.h"
#include "sim/machine/emu_private.h"
#include "sim/machine/sim_host.h"
#include "sim/world/sim_memory.h"
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An address at which no guest ever arrives. */
enum { NOWHERE = 0 };

/* Processors that nobody uses, for the next guest with the same DLL and image. */
static struct emu *idle;

/* ---- registers ----------------------------------------------------------------------------------------- */

uint64_t emu_read(const struct emu *emu, int reg)
{
    uint64_t value = 0;
    uc_reg_read(emu->uc, reg, &value);
    return value;
}

void emu_write(struct emu *emu, int reg, uint64_t value)
{
    uc_reg_write(emu->uc, reg, &value);
}

/* In the order of struct sim_registers. */
enum { REGISTERS = 7 };
static const int names_x64[REGISTERS] = {UC_X86_REG_RAX, UC_X86_REG_RBX, UC_X86_REG_RCX, UC_X86_REG_RDX,
                                         UC_X86_REG_RSI, UC_X86_REG_RDI, UC_X86_REG_RBP};
static const int names_x86[REGISTERS] = {UC_X86_REG_EAX, UC_X86_REG_EBX, UC_X86_REG_ECX, UC_X86_REG_EDX,
                                         UC_X86_REG_ESI, UC_X86_REG_EDI, UC_X86_REG_EBP};
_Static_assert(sizeof(struct sim_registers) == REGISTERS * sizeof(uint64_t), "seven words");

static void move_registers(struct emu *emu, struct sim_registers *registers,
                           uc_err move(uc_engine *, int *, void **, int))
{
    int names[REGISTERS];
    void *values[REGISTERS];
    memcpy(names, emu->x64 ? names_x64 : names_x86, sizeof names);
    for (unsigned i = 0; i < REGISTERS; i++)
        values[i] = (uint64_t *)registers + i;
    move(emu->uc, names, values, REGISTERS);
}

static void read_registers(struct emu *emu, struct sim_registers *registers)
{
    *registers = (struct sim_registers){0}; /* of 32-bit ones half is read */
    move_registers(emu, registers, uc_reg_read_batch);
}

/* With the arguments of uc_reg_read_batch. */
static uc_err write_batch(uc_engine *uc, int *names, void **values, int count)
{
    return uc_reg_write_batch(uc, names, values, count);
}

/* ---- memory -------------------------------------------------------------------------------------------- */

static void must(uc_err error, const char *what)
{
    if (error == UC_ERR_OK)
        return;
    fprintf(stderr, "fastkd: emulated machine: %s: %s\n", what, uc_strerror(error));
    exit(EXIT_FAILURE);
}

static void map(struct emu *emu, uint64_t address, uint64_t bytes, bool write, bool execute, uint8_t *host)
{
    uint32_t rights = UC_PROT_READ | (write ? UC_PROT_WRITE : 0u) | (execute ? UC_PROT_EXEC : 0u);
    must(uc_mem_map_ptr(emu->uc, address, bytes, rights, host), "guest memory cannot be mapped");
}

/* The parts from an address on that may be written, or those that may not. */
static void map_parts(struct emu *emu, uint32_t from, bool write)
{
    for (unsigned i = 0; i < emu->guest->part_count; i++) {
        const struct sim_guest_part *part = &emu->guest->parts[i];
        if (part->address >= from && part->write == write)
            map(emu, part->address, part->bytes, write, part->execute,
                emu->guest->region + (part->address - GUEST_REGION));
    }
}

/* Unicorn asks of every store whether it changes code, and asks at length where there is code among the same
 * 4 MiB of all that is mapped, counted in the order of mapping. So nothing, 4 MiB of it, keeps what is written
 * from what is run. */
static void keep_apart(struct emu *emu)
{
    static uint8_t nothing[EMU_APART_BYTES];
    must(uc_mem_map_ptr(emu->uc, EMU_APART + EMU_APART_BYTES * emu->apart_count++, sizeof nothing,
                        UC_PROT_NONE, nothing),
         "no room between written memory and code");
}

static void map_memory(struct emu *emu)
{
    const struct sim_guest *guest = emu->guest;
    uint64_t alias = emu->x64 ? GUEST_ALIAS_X64 : GUEST_ALIAS_X86;
    map_parts(emu, GUEST_REGION, true);
    map(emu, GUEST_RAM, guest->image->ram_bytes, true, false, guest->ram);
    map(emu, alias, GUEST_PAGE_BYTES, true, false, guest->ram + guest->image->map.shared_data_pa);
    keep_apart(emu);
    map_parts(emu, GUEST_REGION, false);
    map(emu, alias + GUEST_PAGE_BYTES, GUEST_PAGE_BYTES, false, false,
        guest->region + (GUEST_BOOT - GUEST_REGION));
}

/* The DLL's one part has become one for each section; what keeps them apart takes its place first. */
static void map_dll(struct emu *emu)
{
    must(uc_mem_unmap(emu->uc, GUEST_DLL, GUEST_DLL_BYTES_MAX), "the DLL's memory cannot be mapped anew");
    keep_apart(emu);
    keep_apart(emu);
    map_parts(emu, GUEST_DLL, true);
    keep_apart(emu);
    map_parts(emu, GUEST_DLL, false);
}

/* ---- hooks --------------------------------------------------------------------------------------------- */

static void stop(struct emu *emu, enum emu_event event, uint64_t address)
{
    emu->event = event;
    emu->pc = address;
    uc_emu_stop(emu->uc);
}

/* The guest is about to run an instruction that the machine runs itself. */
static void on_instruction(uc_engine *uc, uint64_t address, uint32_t bytes, void *context)
{
    (void)uc, (void)bytes;
    stop(context, EMU_AT_INSTRUCTION, address);
}

static void plant(struct emu *emu, uint64_t address)
{
    uc_hook hook;
    must(uc_hook_add(emu->uc, &hook, UC_HOOK_CODE, (void *)(uintptr_t)on_instruction, emu, address, address),
         "an instruction cannot be hooked");
}

/* Code that was never seen. If the guest must stop within, the hook is planted, and the code translated again
 * with it. */
static bool look(struct emu *emu, struct emu_block *block, uint64_t address, uint32_t bytes)
{
    const uint8_t *code = sim_guest_at(emu->guest, address, bytes, false);
    uint16_t planted = emu->code.stop_count;
    const struct emu_instruction *at =
        emu_code_look(&emu->code, block, address, code, code == NULL ? 0 : bytes);
    if (at == NULL)
        return true;
    if (emu->code.stop_count > planted)
        plant(emu, at->address);
    uc_ctl_remove_cache(emu->uc, address, address + bytes);
    stop(emu, EMU_LEARNED, address);
    return false;
}

static void count(struct emu *emu, const struct emu_block *block, uint64_t address, bool inside)
{
    uint64_t end = address + block->len_bytes;
    bool goes_on = block->repeats && emu->last_end == end; /* the same string instruction's next element */
    uint32_t instructions = goes_on ? block->count - 1u : block->count;
    emu->last_end = end;
    emu->since_exit += block->count;
    if (!emu->counts)
        return;
    emu->machine.instructions += instructions;
    if (inside)
        emu->machine.module_instructions += instructions;
}

static void on_block(uc_engine *uc, uint64_t address, uint32_t bytes, void *context)
{
    struct emu *emu = context;
    struct emu_block *block = emu_code_block(&emu->code, address);
    (void)uc;
    if (block == NULL) /* not executable: the access faults */
        return;
    if (!block->known && !look(emu, block, address, bytes))
        return;
    bool inside = address >= GUEST_DLL;
    if (emu_conduct_block(emu, address, inside)) {
        stop(emu, EMU_RETURNED, address);
        return;
    }
    count(emu, block, address, inside);
    if (emu->since_exit > SIM_EMU_WATCHDOG)
        stop(emu, EMU_RAN_AWAY, address);
}

/* Names for where it was and what it wanted; the processor knows the block, not the instruction. */
static void fault_at(struct emu *emu, const char *what, uint64_t wanted)
{
    char code[64], place[64];
    sim_guest_place(emu->guest, emu_read(emu, emu->x64 ? UC_X86_REG_RIP : UC_X86_REG_EIP), code, sizeof code);
    sim_guest_fault(emu->guest, &emu->exit, "code at %s %s %s", code, what,
                    sim_guest_place(emu->guest, wanted, place, sizeof place));
}

static bool on_bad_access(uc_engine *uc, uc_mem_type type, uint64_t address, int bytes, int64_t value,
                          void *context)
{
    (void)uc, (void)bytes, (void)value;
    bool fetches = type == UC_MEM_FETCH_PROT || type == UC_MEM_FETCH_UNMAPPED;
    bool writes = type == UC_MEM_WRITE_PROT || type == UC_MEM_WRITE_UNMAPPED;
    fault_at(context, fetches ? "goes on at" : writes ? "writes to" : "reads from", address);
    return false;
}

static void on_exception(uc_engine *uc, uint32_t number, void *context)
{
    struct emu *emu = context;
    char code[64];
    (void)uc;
    sim_guest_place(emu->guest, emu_read(emu, emu->x64 ? UC_X86_REG_RIP : UC_X86_REG_EIP), code, sizeof code);
    sim_guest_fault(emu->guest, &emu->exit, "code at %s raises exception %" PRIu32, code, number);
    uc_emu_stop(emu->uc);
}

static void add_hooks(struct emu *emu)
{
    uc_hook hook;
    const struct {
        int type;
        void *function;
    } rows[] = {
        {UC_HOOK_BLOCK, (void *)(uintptr_t)on_block},
        {UC_HOOK_MEM_INVALID, (void *)(uintptr_t)on_bad_access},
        {UC_HOOK_INTR, (void *)(uintptr_t)on_exception},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        must(uc_hook_add(emu->uc, &hook, rows[i].type, rows[i].function, emu, 1, 0), "no hook");
}

/* ---- exits: from an instruction to a question, and from the answer back into registers ----------------- */

static uint64_t accumulator_mask(uint8_t width)
{
    return width == 4 ? UINT32_MAX : ((uint64_t)1 << (8 * width)) - 1;
}

static void begin_port(struct emu *emu, const struct emu_instruction *at, uint16_t port, bool is_out)
{
    struct sim_registers *registers = &emu->exit.registers;
    emu->exit.port = port;
    emu->exit.width = at->width;
    emu->exit.kind = is_out ? SIM_GUEST_OUT8 : SIM_GUEST_IN8;
    if (at->width == 4 && !is_out && (port == SIM_PORT_BACKDOOR || port == SIM_PORT_DOORBELL))
        emu->exit.kind = SIM_GUEST_BACKDOOR;
    else if (at->width > 1)
        emu->exit.kind = is_out ? SIM_GUEST_OUT_WIDE : SIM_GUEST_IN_WIDE;
    if (is_out) {
        emu->exit.wide = (uint32_t)(registers->rax & accumulator_mask(at->width));
        emu->exit.value = (uint8_t)registers->rax;
    }
}

/* Where string I/O finds its next element; NULL where there is none. */
static uint8_t *element(const struct emu *emu, const struct emu_instruction *at)
{
    bool is_out = at->action == EMU_OUTS;
    const struct sim_registers *registers = &emu->exit.registers;
    return sim_guest_at(emu->guest, is_out ? registers->rsi : registers->rdi, at->width, !is_out);
}

/* The high-bandwidth port takes all bytes at once; any other an element at a time. */
static bool is_bulk(const struct emu *emu, const struct emu_instruction *at)
{
    return at->repeats && at->width == 1 && (uint16_t)emu->exit.registers.rdx == SIM_PORT_BACKDOOR_HB;
}

static bool begin_string(struct emu *emu, const struct emu_instruction *at)
{
    struct sim_registers *registers = &emu->exit.registers;
    bool is_out = at->action == EMU_OUTS;
    if (is_bulk(emu, at)) {
        emu->exit.kind = is_out ? SIM_GUEST_OUTS : SIM_GUEST_INS;
        emu->exit.port = SIM_PORT_BACKDOOR_HB;
        return true;
    }
    uint8_t *at_memory = element(emu, at);
    if (at_memory == NULL) {
        fault_at(emu, is_out ? "writes to a port from" : "reads from a port to",
                 is_out ? registers->rsi : registers->rdi);
        return true;
    }
    begin_port(emu, at, (uint16_t)registers->rdx, is_out);
    if (is_out) {
        memcpy(&emu->exit.wide, at_memory, at->width);
        emu->exit.value = *at_memory;
    }
    return true;
}

static void forbidden(struct emu *emu, const struct emu_instruction *at)
{
    char code[64];
    sim_guest_fault(emu->guest, &emu->exit, "code at %s: %s has no place in a module",
                    sim_guest_place(emu->guest, at->address, code, sizeof code), at->name);
}

/* Fills exit with what the instruction asks. Returns false when it asks nothing: the guest goes on behind it.
 */
static bool begin_instruction(struct emu *emu, const struct emu_instruction *at)
{
    struct sim_registers *registers = &emu->exit.registers;
    emu->exit = (struct sim_guest_exit){.kind = SIM_GUEST_EXITS};
    read_registers(emu, registers);
    uint16_t port = at->has_port ? at->port : (uint16_t)registers->rdx;
    switch (at->action) {
    case EMU_OUT:
        if (at->width == 4 && sim_guest_owns(port))
            return sim_guest_port(emu->guest, port, (uint32_t)registers->rax, &emu->exit);
        begin_port(emu, at, port, true);
        return true;
    case EMU_IN:
        begin_port(emu, at, port, false);
        return true;
    case EMU_INS:
    case EMU_OUTS:
        return at->repeats && registers->rcx == 0 ? false : begin_string(emu, at);
    case EMU_CPUID:
        emu->exit.kind = SIM_GUEST_CPUID;
        emu->exit.leaf = (uint32_t)registers->rax;
        return true;
    case EMU_RUN:
    case EMU_FORBIDDEN:
        break;
    }
    forbidden(emu, at);
    return true;
}

/* An element of string I/O that was an exit of its own. Returns true when it was the last one. */
static bool end_element(struct emu *emu, const struct emu_instruction *at)
{
    struct sim_registers *registers = &emu->exit.registers;
    uint32_t value = at->width == 1 ? emu->exit.value : emu->exit.wide;
    uint8_t *memory = element(emu, at);
    if (at->action == EMU_INS && memory != NULL)
        memcpy(memory, &value, at->width);
    *(at->action == EMU_OUTS ? &registers->rsi : &registers->rdi) += at->width;
    if (!at->repeats)
        return true;
    return --registers->rcx == 0;
}

static void end_in(struct emu *emu, const struct emu_instruction *at)
{
    struct sim_registers *registers = &emu->exit.registers;
    uint64_t mask = accumulator_mask(at->width);
    uint32_t value = at->width == 1 ? emu->exit.value : emu->exit.wide;
    if (at->width == 4)
        registers->rax = value;
    else
        registers->rax = (registers->rax & ~mask) | (value & mask);
}

static void end_cpuid(struct emu *emu)
{
    struct sim_registers *registers = &emu->exit.registers;
    registers->rax = emu->exit.cpuid[0];
    registers->rbx = emu->exit.cpuid[1];
    registers->rcx = emu->exit.cpuid[2];
    registers->rdx = emu->exit.cpuid[3];
}

/* The answer goes into registers. Returns true when the instruction is done. */
static bool end_instruction(struct emu *emu, const struct emu_instruction *at)
{
    bool done = true;
    switch (emu->exit.kind) {
    case SIM_GUEST_IN8:
    case SIM_GUEST_IN_WIDE:
    case SIM_GUEST_OUT8:
    case SIM_GUEST_OUT_WIDE:
        if (at->action == EMU_INS || at->action == EMU_OUTS)
            done = end_element(emu, at);
        else if (at->action == EMU_IN)
            end_in(emu, at);
        else
            return true;
        break;
    case SIM_GUEST_CPUID:
        end_cpuid(emu);
        break;
    case SIM_GUEST_BACKDOOR:
    case SIM_GUEST_INS:
    case SIM_GUEST_OUTS:
        break;
    default:
        return true;
    }
    move_registers(emu, &emu->exit.registers, write_batch);
    return done;
}

static void step_over(struct emu *emu)
{
    if (emu->counts) {
        emu->machine.instructions++;
        if (emu->stopped.address >= GUEST_DLL)
            emu->machine.module_instructions++;
    }
    emu->pc = emu->stopped.address + emu->stopped.len_bytes;
    emu->stopped.len_bytes = 0;
}

/* ---- the loader's end ---------------------------------------------------------------------------------- */

static bool is_loaded(const struct emu *emu)
{
    return emu->guest->dll_bytes != 0;
}

/* Every later reset starts here. */
static void keep_start(struct emu *emu)
{
    map_dll(emu);
    emu_conduct_loaded(emu);
    emu_conduct_paint(emu);
    emu_write(emu, emu->x64 ? UC_X86_REG_RIP : UC_X86_REG_EIP, emu->pc);
    must(uc_context_alloc(emu->uc, &emu->start_registers), "no memory for registers");
    must(uc_context_save(emu->uc, emu->start_registers), "registers cannot be kept");
    emu->start_memory = sim_guest_save(emu->guest);
    emu->counts = true;
}

/* ---- running ------------------------------------------------------------------------------------------- */

/* Returns true when exit is to be handed out. */
static bool at_instruction(struct emu *emu)
{
    emu->stopped = *emu_code_stop(&emu->code, emu->pc);
    if (begin_instruction(emu, &emu->stopped))
        return true;
    bool loader_is_done = is_loaded(emu) && emu->start_memory == NULL;
    step_over(emu);
    if (loader_is_done)
        keep_start(emu);
    return false;
}

static bool tell_conduct(struct emu *emu)
{
    emu->exit =
        (struct sim_guest_exit){.kind = SIM_GUEST_CONDUCT, .conduct = emu->conducts[emu->conduct_told++]};
    if (emu->conduct_told == emu->conduct_count)
        emu->conduct_told = emu->conduct_count = 0;
    return true;
}

/* Returns true when exit is to be handed out. */
static bool take_event(struct emu *emu, uc_err error)
{
    switch (emu->event) {
    case EMU_AT_INSTRUCTION:
        return at_instruction(emu);
    case EMU_LEARNED:
        return false;
    case EMU_RETURNED:
        return tell_conduct(emu);
    case EMU_RAN_AWAY:
        sim_guest_fault(emu->guest, &emu->exit, "%d million instructions without an exit",
                        SIM_EMU_WATCHDOG / 1000000);
        return true;
    case EMU_NOTHING:
        break;
    }
    if (emu->exit.kind != SIM_GUEST_FAULT)
        fault_at(emu, uc_strerror(error), emu->pc);
    return true;
}

static bool costs_time(enum sim_guest_exit_kind kind)
{
    return kind <= SIM_GUEST_TICK;
}

static struct emu *of(struct sim_machine *machine)
{
    return (struct emu *)machine;
}

/* Until there is something to hand out, or, in the loader, until it is done. */
static void go_on(struct emu *emu)
{
    bool loading = !is_loaded(emu), told;
    do {
        emu->event = EMU_NOTHING;
        emu->exit.kind = SIM_GUEST_EXITS;
        told = take_event(emu, uc_emu_start(emu->uc, emu->pc, NOWHERE, 0, 0));
    } while (!told && !(loading && is_loaded(emu)));
}

static struct sim_guest_exit *run(struct sim_machine *machine)
{
    struct emu *emu = of(machine);
    if (emu->failed) {
        emu->exit = (struct sim_guest_exit){.kind = SIM_GUEST_FAULT, .fault = emu->guest->fault};
        return &emu->exit;
    }
    if (emu->conduct_count > 0 && tell_conduct(emu))
        return &emu->exit;
    if (emu->stopped.len_bytes > 0 && end_instruction(emu, &emu->stopped))
        step_over(emu);
    if (emu->stopped.len_bytes > 0) /* the next element of string I/O */
        emu->pc = emu->stopped.address;
    go_on(emu);
    if (costs_time(emu->exit.kind))
        emu->since_exit = 0;
    return &emu->exit;
}

/* ---- life ---------------------------------------------------------------------------------------------- */

static void forget_position(struct emu *emu)
{
    emu->stopped.len_bytes = 0;
    emu->call = (struct emu_call){.open = false};
    emu->conduct_told = emu->conduct_count = 0;
    emu->since_exit = 0;
    emu->last_end = 0;
    emu->exit = (struct sim_guest_exit){.kind = SIM_GUEST_EXITS};
}

/* The loader runs; once for a processor. */
static void start_cold(struct emu *emu)
{
    sim_guest_reset(emu->guest);
    emu->pc = emu->guest->entry;
    emu_write(emu, emu->x64 ? UC_X86_REG_RSP : UC_X86_REG_ESP, emu->guest->stack_pointer);
    go_on(emu);
    emu->failed = !is_loaded(emu);
}

static void start_warm(struct emu *emu)
{
    sim_guest_load(emu->guest, emu->start_memory);
    uc_context_restore(emu->uc, emu->start_registers);
    emu->pc = emu_read(emu, emu->x64 ? UC_X86_REG_RIP : UC_X86_REG_EIP);
}

static void reset(struct sim_machine *machine)
{
    struct emu *emu = of(machine);
    forget_position(emu);
    if (emu->start_memory == NULL)
        start_cold(emu);
    else
        start_warm(emu);
}

/* Not closed but kept. */
static void destroy(struct sim_machine *machine)
{
    struct emu *emu = of(machine);
    emu->next = idle;
    idle = emu;
}

static struct sim_memory memory(struct sim_machine *machine)
{
    return sim_guest_memory(of(machine)->guest);
}

static const uint8_t *ram(const struct sim_machine *machine)
{
    return ((const struct emu *)machine)->guest->ram;
}

/* ---- snapshots ----------------------------------------------------------------------------------------- */

struct sim_machine_state {
    uc_context *registers;
    struct sim_guest_saved *memory;
    struct emu position; /* the members that say where the guest stands */
    struct mk_trace trace;
};

static struct sim_machine_state *save(struct sim_machine *machine)
{
    struct emu *emu = of(machine);
    struct sim_machine_state *state = sim_allocate(1, sizeof *state);
    must(uc_context_alloc(emu->uc, &state->registers), "no memory for a snapshot");
    must(uc_context_save(emu->uc, state->registers), "registers cannot be kept");
    state->memory = sim_guest_save(emu->guest);
    state->position = *emu;
    state->trace = emu->guest->trace;
    return state;
}

static void load(struct sim_machine *machine, const struct sim_machine_state *state)
{
    struct emu *emu = of(machine);
    const struct emu *was = &state->position;
    uc_context_restore(emu->uc, state->registers);
    sim_guest_load(emu->guest, state->memory);
    emu->guest->trace = state->trace;
    emu->pc = was->pc;
    emu->since_exit = was->since_exit;
    emu->last_end = was->last_end;
    emu->exit = was->exit;
    emu->stopped = was->stopped;
    emu->call = was->call;
    memcpy(emu->conducts, was->conducts, sizeof emu->conducts);
    emu->conduct_count = was->conduct_count;
    emu->conduct_told = was->conduct_told;
}

static void forget(struct sim_machine_state *state)
{
    if (state == NULL)
        return;
    uc_context_free(state->registers);
    sim_guest_forget(state->memory);
    free(state);
}

/* ---- creation ------------------------------------------------------------------------------------------ */

static const struct sim_machine_ops emu_ops = {"emu", destroy, reset, run, memory, ram, save, load, forget};

/* One that nobody uses, with the same DLL and image; NULL when there is none. */
static struct emu *take_idle(const struct sim_image *image, const struct sim_dll *dll)
{
    for (struct emu **at = &idle; *at != NULL; at = &(*at)->next) {
        struct emu *emu = *at;
        if (emu->guest->dll != dll || emu->guest->image != image)
            continue;
        *at = emu->next;
        return emu;
    }
    return NULL;
}

static struct emu *make(const struct sim_image *image, const struct mk_boot *boot, const struct sim_dll *dll)
{
    struct emu *emu = sim_allocate(1, sizeof *emu);
    emu->machine.ops = &emu_ops;
    emu->x64 = image->arch == MK_X64;
    emu->guest = sim_guest_create(image, boot, dll);
    must(uc_open(UC_ARCH_X86, emu->x64 ? UC_MODE_64 : UC_MODE_32, &emu->uc), "no processor");
    must(uc_ctl_exits_enable(emu->uc), "no way to run without an end"); /* spares a search at every start */
    emu_code_init(&emu->code, image->arch);
    map_memory(emu);
    add_hooks(emu);
    return emu;
}

struct sim_machine *sim_emu_create(const struct sim_image *image, const struct mk_boot *boot,
                                   const struct sim_dll *dll)
{
    struct emu *emu = take_idle(image, dll);
    if (emu == NULL)
        emu = make(image, boot, dll);
    else
        sim_guest_tell(emu->guest, boot);
    emu->machine = (struct sim_machine){.ops = &emu_ops};
    reset(&emu->machine);
    return &emu->machine;
}
