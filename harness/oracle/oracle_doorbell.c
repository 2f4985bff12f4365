#include "harness/oracle/oracle_doorbell.h"

#define SIGNATURE 0x42444B46u

/* What a register must hold, to its full width where it is an address or a length. */
enum need { ZERO, LENGTH, ADDRESS, WORD_ADDRESS, VERSION };

static const struct command {
    const char *name;
    enum need rcx, rsi, rdi, rbp;
} commands[] = {
    [ORACLE_DOORBELL_OPEN] = {"OPEN", VERSION, WORD_ADDRESS, ZERO, ZERO},
    [ORACLE_DOORBELL_RING] = {"RING", LENGTH, ADDRESS, ADDRESS, LENGTH},
    [ORACLE_DOORBELL_CLOSE] = {"CLOSE", ZERO, ZERO, ZERO, ZERO},
};

static bool holds(enum need need, uint64_t value)
{
    switch (need) {
    case ZERO:
        return value == 0;
    case LENGTH:
        return value >= 1 && value <= ORACLE_DOORBELL_BYTES_MAX;
    case ADDRESS:
        return value != 0;
    case WORD_ADDRESS:
        return value != 0 && value % 4 == 0;
    case VERSION:
        return value >= 1 && value <= UINT32_MAX;
    }
    return false;
}

void oracle_doorbell_call(const struct sim_registers *before, void (*breach)(void *context, const char *text),
                          void *context)
{
    if (before->rax != SIGNATURE || before->rdx != ORACLE_DOORBELL_PORT) {
        breach(context, "doorbell: an access without the signature, or with more than the port in DX");
        return;
    }
    if (before->rbx < ORACLE_DOORBELL_OPEN || before->rbx > ORACLE_DOORBELL_CLOSE) {
        breach(context, "doorbell: an unknown command");
        return;
    }
    const struct command *command = &commands[before->rbx];
    if (!holds(command->rcx, before->rcx) || !holds(command->rsi, before->rsi) ||
        !holds(command->rdi, before->rdi) || !holds(command->rbp, before->rbp))
        breach(context, "doorbell: a length, an address or an unused register that breaks doorbell.md 1");
}
