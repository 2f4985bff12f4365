/* Rules about what the image offers and what it asks for: kd-protocol.md 3.1 and 3.4. */
#include "harness/gate/gate_abi.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct gate_export gate_abi[] = {
    {"KdDebuggerInitialize0", 4},
    {"KdDebuggerInitialize1", 4},
    {"KdD0Transition", 0},
    {"KdD3Transition", 0},
    {"KdSave", 4},
    {"KdRestore", 4},
    {"KdSendPacket", 16},
    {"KdReceivePacket", 20},
    {"KdSetHiberRange", 4},
    {"KdInitialize", 12},
    {"KdPower", 8},
};
const size_t gate_abi_count = sizeof gate_abi / sizeof *gate_abi;

const struct pe_export *gate_export_find(const struct pe_exports *exports, const char *name)
{
    for (unsigned i = 0; i < exports->count; i++)
        if (strcmp(exports->items[i].name, name) == 0)
            return &exports->items[i];
    return NULL;
}

/* An export under another name of the same: "_KdSave@4". */
static const char *decorated(const struct pe_exports *exports, const char *name)
{
    for (unsigned i = 0; i < exports->count; i++)
        if (strstr(exports->items[i].name, name) != NULL)
            return exports->items[i].name;
    return NULL;
}

static bool export_good(const struct gate_subject *subject, const struct pe_exports *exports,
                        const char *name, struct gate_verdict *verdict)
{
    const struct pe_export *export = gate_export_find(exports, name);
    const char *other = export == NULL ? decorated(exports, name) : NULL;
    if (other != NULL)
        gate_fail(verdict, "%s is exported as %s", name, other);
    else if (export == NULL)
        gate_fail(verdict, "%s is missing: a kernel that imports it does not boot", name);
    else if (export->is_forwarder)
        gate_fail(verdict, "%s is forwarded to another image", name);
    else if (gate_code_at(&subject->code, export->rva) == NULL)
        gate_fail(verdict, "%s at 0x%x is no instruction of the code", name, export->rva);
    else
        return true;
    return false;
}

void gate_exports(const struct gate_subject *subject, struct gate_verdict *verdict)
{
    struct pe_exports exports;
    char why[PE_WHY_BYTES];
    if (pe_exports_read(&subject->image, &exports, why) != KD_OK) {
        gate_fail(verdict, "%s", why);
        return;
    }
    for (size_t i = 0; i < gate_abi_count; i++)
        if (!export_good(subject, &exports, gate_abi[i].name, verdict))
            return;
    gate_pass(verdict, "all %zu of Windows XP to 11, undecorated; %zu others", gate_abi_count,
              exports.count - gate_abi_count);
}

/* ---- imports ------------------------------------------------------------------------------------------- */

enum { FOR_X64 = 1, FOR_X86 = 2, FOR_BOTH = 3 };

/* What every kernel, and every HAL, from Windows XP to 11 exports. */
static const struct {
    const char *library, *name;
    unsigned machines;
} importable[] = {
    {"ntoskrnl.exe", "KdDebuggerNotPresent", FOR_BOTH},
    {"ntoskrnl.exe", "KdDebuggerEnabled", FOR_BOTH},
    {"hal.dll", "READ_PORT_UCHAR", FOR_X86},
    {"hal.dll", "HalInitSystem", FOR_X86},
};

static bool same_library(const char *left, const char *right)
{
    for (; *left != 0 && tolower((unsigned char)*left) == tolower((unsigned char)*right); left++)
        right++;
    return *left == 0 && *right == 0;
}

static bool import_good(const struct pe_import *import, unsigned machine)
{
    for (size_t i = 0; i < sizeof importable / sizeof *importable; i++)
        if (import->name != NULL && strcmp(import->name, importable[i].name) == 0 &&
            same_library(import->library, importable[i].library) && (importable[i].machines & machine) != 0)
            return true;
    return false;
}

static void judge_imports(const struct gate_subject *subject, const struct pe_imports *imports,
                          struct gate_verdict *verdict)
{
    unsigned machine = subject->image.is_64 ? FOR_X64 : FOR_X86;
    char list[GATE_EVIDENCE_BYTES / 2] = "";
    bool from_hal = false;
    for (unsigned i = 0; i < imports->count; i++) {
        const struct pe_import *import = &imports->items[i];
        const char *name = import->name == NULL ? "a function by ordinal" : import->name;
        if (!import_good(import, machine)) {
            gate_fail(verdict, "%s of %s is not on the allow-list", name, import->library);
            return;
        }
        from_hal |= same_library(import->library, "hal.dll");
        size_t used = strlen(list);
        snprintf(list + used, sizeof list - used, "%s%s", i > 0 ? ", " : "", name);
    }
    if (machine == FOR_X86 && !from_hal)
        gate_fail(verdict,
                  "nothing from hal.dll: the boot loader of Windows XP wants it (kd-protocol.md 3.4)");
    else
        gate_pass(verdict, "%s", imports->count > 0 ? list : "none");
}

void gate_imports(const struct gate_subject *subject, struct gate_verdict *verdict)
{
    struct pe_imports imports;
    char why[PE_WHY_BYTES];
    if (pe_imports_read(&subject->image, &imports, why) != KD_OK)
        gate_fail(verdict, "%s", why);
    else
        judge_imports(subject, &imports, verdict);
}
