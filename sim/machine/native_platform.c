/* What the module (kd_platform.h) and the mini kernel (mk.h) need from the machine under them, on the native
 * machine: every access to the world is an exit. Runs on the guest's stack. */
#include "sim/machine/native_private.h"
#include "transport/guest/kd_platform.h"
#include "transport/kd/kd_packet.h"
#include "transport/kd/vm_message.h"

static const struct native_boot *told(void)
{
    return native_part(NATIVE_BOOT);
}

/* ---- kd_platform.h ---- */

struct kd_module_state *kd_platform_module(void)
{
    return native_part(NATIVE_MODULE);
}

/* Of an 8-bit access nobody reads more than this (sim_machine.h); to clear the rest of the struct, some million times in
 * a world, would cost more than the access. */
static uint8_t access8(enum sim_guest_exit_kind kind, uint16_t port, uint8_t value)
{
    struct sim_guest_exit exit;
    exit.kind = kind;
    exit.port = port;
    exit.value = value;
    native_exit(&exit);
    return exit.value;
}

uint8_t kd_port_in8(uint16_t port)
{
    return access8(SIM_GUEST_IN8, port, 0);
}

void kd_port_out8(uint16_t port, uint8_t value)
{
    (void)access8(SIM_GUEST_OUT8, port, value);
}

static void backdoor(enum sim_guest_exit_kind kind, struct kd_backdoor_registers *registers)
{
    struct sim_guest_exit exit = {
        .kind = kind,
        .registers = {registers->rax, registers->rbx, registers->rcx, registers->rdx, registers->rsi,
                      registers->rdi, registers->rbp},
    };
    native_exit(&exit);
    const struct sim_registers *after = &exit.registers;
    *registers = (struct kd_backdoor_registers){after->rax, after->rbx, after->rcx, after->rdx,
                                                after->rsi, after->rdi, after->rbp};
}

void kd_backdoor_in(struct kd_backdoor_registers *registers)
{
    backdoor(SIM_GUEST_BACKDOOR, registers);
}

/* A rep with a count of 0 performs no I/O: there is no exit, and nothing changes (vmware-backdoor.md rule
 * 13). */
void kd_backdoor_outs(struct kd_backdoor_registers *registers)
{
    if (registers->rcx != 0)
        backdoor(SIM_GUEST_OUTS, registers);
}

void kd_backdoor_ins(struct kd_backdoor_registers *registers)
{
    if (registers->rcx != 0)
        backdoor(SIM_GUEST_INS, registers);
}

void kd_cpuid(uint32_t leaf, uint32_t out[4])
{
    struct sim_guest_exit exit = {.kind = SIM_GUEST_CPUID, .leaf = leaf};
    native_exit(&exit);
    for (int i = 0; i < 4; i++)
        out[i] = exit.cpuid[i];
}

void kd_platform_set_present(bool present)
{
    *mk_debugger_not_present(mk_platform_state()) = !present;
}

const char *kd_platform_options(void *loader_block)
{
    (void)loader_block;
    return told()->boot.options;
}

uint16_t kd_platform_machine(void)
{
    return told()->boot.arch == MK_X86 ? VM_MACHINE_X86 : VM_MACHINE_X64;
}

/* ---- mk.h ---- */

struct mk_state *mk_platform_state(void)
{
    return native_part(NATIVE_KERNEL);
}

uint8_t *mk_platform_ram(void)
{
    return native_part(NATIVE_RAM);
}

const struct mk_boot *mk_platform_boot(void)
{
    return &told()->boot;
}

const struct mk_map *mk_platform_map(void)
{
    return &told()->map;
}

void mk_platform_trace(const struct mk_trace *trace)
{
    native_exit(&(struct sim_guest_exit){.kind = SIM_GUEST_TRACE, .trace = trace});
}

void mk_platform_stray_write(enum mk_piece piece, uint32_t offset)
{
    native_exit(&(struct sim_guest_exit){
        .kind = SIM_GUEST_CONDUCT, .conduct = {SIM_CONDUCT_WRITES, (uint32_t)piece, offset}});
}

void mk_platform_wait_tick(void)
{
    native_exit(&(struct sim_guest_exit){.kind = SIM_GUEST_TICK});
}

void mk_platform_command(struct mk_command *command)
{
    native_exit(&(struct sim_guest_exit){.kind = SIM_GUEST_COMMAND, .command = command});
}

/* The host never runs this guest again before it was reset; the loop only says so to the compiler. */
static _Noreturn void leave(enum sim_guest_exit_kind kind)
{
    for (;;)
        native_exit(&(struct sim_guest_exit){.kind = kind});
}

_Noreturn void mk_platform_reset(void)
{
    leave(SIM_GUEST_RESET);
}

_Noreturn void mk_platform_power_off(void)
{
    leave(SIM_GUEST_POWER_OFF);
}

/* ---- counting ---- */

void __real_kd_packet_copy(void *to, const void *from, size_t len_bytes);
void __wrap_kd_packet_copy(void *to, const void *from, size_t len_bytes);

/* What the module copies is counted without a line of its own in the module: every program with this machine is linked
 * with --wrap=kd_packet_copy, so a call of the shipping object code comes here first. The relay's copies come here too,
 * while no guest runs. */
void __wrap_kd_packet_copy(void *to, const void *from, size_t len_bytes)
{
    struct native *native = native_running();
    if (native != NULL)
        native->machine.copied_bytes += len_bytes;
    __real_kd_packet_copy(to, from, len_bytes);
}
