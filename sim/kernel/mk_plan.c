/* The rows of mk_plan.h. */
#include "sim/kernel/mk_plan.h"

enum { KERNEL_BYTES = 0x10000, MODULE_BYTES = 0x6000 };

/* clang-format off */
#define X64_SYSTEM "\\SystemRoot\\system32\\"
#define X86_SYSTEM "\\WINDOWS\\system32\\"

static const struct mk_plan plans[] = {
    [MK_X64] = {
        .modules = {
            {"ntoskrnl.exe", X64_SYSTEM "ntoskrnl.exe", "ntkrnlmp.pdb", 0xFFFFF80002800000u, KERNEL_BYTES},
            {"hal.dll", X64_SYSTEM "hal.dll", "hal.pdb", 0xFFFFF80002E00000u, MODULE_BYTES},
            {"kdfast.dll", X64_SYSTEM "kdfast.dll", "kdfast.pdb", 0xFFFFF80000B90000u, MODULE_BYTES},
            {"disk.sys", X64_SYSTEM "DRIVERS\\disk.sys", "disk.pdb", 0xFFFFF88001000000u, MODULE_BYTES},
            {"Ntfs.sys", X64_SYSTEM "DRIVERS\\Ntfs.sys", "ntfs.pdb", 0xFFFFF88001200000u, MODULE_BYTES},
            {"tcpip.sys", X64_SYSTEM "DRIVERS\\tcpip.sys", "tcpip.pdb", 0xFFFFF88001600000u, MODULE_BYTES},
        },
        .tables = 0xFFFFF68000000000u,
        .nonpaged = 0xFFFFFA8000C00000u,
        .pool = 0xFFFFFA8001000000u,
        .not_present = 0xFFFFFA8000D00000u,
        .stacks = 0xFFFFF88002000000u, .stack_bytes = 0x6000, .stack_spacing = 0x10000,
        .processors = {0xFFFFF88000900000u, 0xFFFFF88000910000u, 0xFFFFF88000920000u, 0xFFFFF88000930000u},
        .processor_bytes = 0x8000, .gdt = 0x5000, .tss = 0x5800, .idt = 0x6000,
        .processes = {
            {0x120, 4, "smss.exe", "\\SystemRoot\\System32\\smss.exe", "smss.pdb", 0x0000000047A80000u},
            {0x178, 0x120, "csrss.exe", "C:\\Windows\\system32\\csrss.exe", "csrss.pdb", 0x0000000049F10000u},
            {0x2D4, 0x178, "explorer.exe", "C:\\Windows\\explorer.exe", "explorer.pdb", 0x00000000FF1B0000u},
        },
        .libraries = {
            {"ntdll.dll", "C:\\Windows\\SYSTEM32\\ntdll.dll", "ntdll.pdb", 0x0000000077960000u, MODULE_BYTES},
            {"kernel32.dll", "C:\\Windows\\system32\\kernel32.dll", "kernel32.pdb", 0x0000000077740000u, MODULE_BYTES},
        },
        .user_heap = 0x0000000000250000u, .user_stacks = 0x0000000000070000u,
        .teb = 0x000007FFFFFDD000u, .teb_spacing = 0x2000, .peb = 0x000007FFFFFDF000u,
        .user_shared = 0x000000007FFE0000u, .user_end = 0x000007FFFFFF0000u,
        .system_start = 0xFFFF080000000000u,
        .timestamp = 0x4CE7951A, .service_pack = 0x0100,
        .system_root = "C:\\Windows", .build_lab = "7601.17514.amd64fre.win7sp1_rtm.101119-1850",
    },
    [MK_X86] = {
        .modules = {
            {"ntoskrnl.exe", X86_SYSTEM "ntoskrnl.exe", "ntoskrnl.pdb", 0xFFFFFFFF804D7000u, KERNEL_BYTES},
            {"hal.dll", X86_SYSTEM "hal.dll", "hal.pdb", 0xFFFFFFFF806E4000u, MODULE_BYTES},
            {"kdfast.dll", X86_SYSTEM "kdfast.dll", "kdfast.pdb", 0xFFFFFFFFF8987000u, MODULE_BYTES},
            {"disk.sys", X86_SYSTEM "DRIVERS\\disk.sys", "disk.pdb", 0xFFFFFFFFF8587000u, MODULE_BYTES},
            {"Ntfs.sys", X86_SYSTEM "DRIVERS\\Ntfs.sys", "ntfs.pdb", 0xFFFFFFFFF8346000u, MODULE_BYTES},
            {"tcpip.sys", X86_SYSTEM "DRIVERS\\tcpip.sys", "tcpip.pdb", 0xFFFFFFFFF5A3B000u, MODULE_BYTES},
        },
        .tables = 0xFFFFFFFFC0000000u,
        .nonpaged = 0xFFFFFFFF80E00000u,
        .pool = 0xFFFFFFFF81000000u,
        .not_present = 0xFFFFFFFF80F00000u,
        .stacks = 0xFFFFFFFFF8A00000u, .stack_bytes = 0x3000, .stack_spacing = 0x10000,
        .processors = {0xFFFFFFFFFFDFF000u, 0xFFFFFFFFF8720000u, 0xFFFFFFFFF8730000u, 0xFFFFFFFFF8740000u},
        .processor_bytes = 0x5000, .gdt = 0x1000, .tss = 0x2000, .idt = 0x1800,
        .processes = {
            {0x120, 4, "smss.exe", "\\SystemRoot\\System32\\smss.exe", "smss.pdb", 0x48580000u},
            {0x178, 0x120, "csrss.exe", "C:\\WINDOWS\\system32\\csrss.exe", "csrss.pdb", 0x4A680000u},
            {0x2D4, 0x178, "explorer.exe", "C:\\WINDOWS\\explorer.exe", "explorer.pdb", 0x01000000u},
        },
        .libraries = {
            {"ntdll.dll", "C:\\WINDOWS\\system32\\ntdll.dll", "ntdll.pdb", 0x7C900000u, MODULE_BYTES},
            {"kernel32.dll", "C:\\WINDOWS\\system32\\kernel32.dll", "kernel32.pdb", 0x7C800000u, MODULE_BYTES},
        },
        .user_heap = 0x00250000u, .user_stacks = 0x00070000u,
        .teb = 0x7FFDE000u, .teb_spacing = 0x1000, .peb = 0x7FFDF000u,
        .user_shared = 0x7FFE0000u, .user_end = 0x7FFF0000u,
        .system_start = 0xFFFFFFFF80000000u,
        .timestamp = 0x48025EAB, .service_pack = 0x0300,
        .system_root = "C:\\WINDOWS", .build_lab = "2600.xpsp.080413-2111",
    },
};
/* clang-format on */

const struct mk_plan *mk_plan(enum mk_arch arch)
{
    return (size_t)arch < sizeof plans / sizeof plans[0] ? &plans[arch] : NULL;
}
