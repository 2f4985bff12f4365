/* What the oracle sees of a guest's exits, for the two judges that live on them: rule 6 at the backdoor, and
 * rule 8. */
#include "harness/oracle/oracle_doorbell.h"
#include "harness/oracle/oracle_private.h"

static void breach_of_backdoor(void *context, const char *text)
{
    oracle_violate(context, 6, "%s", text);
}

static void breach_of_quiet(void *context, const char *text)
{
    oracle_violate(context, 8, "%s", text);
}

void oracle_exit_begin(struct oracle *oracle)
{
    oracle->backdoor = oracle_backdoor_create(breach_of_backdoor, oracle);
    oracle->quiet = oracle_quiet_create(oracle->world, oracle->faults, breach_of_quiet, oracle);
}

void oracle_exit_end(struct oracle *oracle)
{
    oracle_backdoor_destroy(oracle->backdoor);
    oracle_quiet_destroy(oracle->quiet);
}

void oracle_exit(void *context, const struct sim_vm_exit *exit)
{
    struct oracle *oracle = context;
    if (exit->kind == SIM_GUEST_BACKDOOR && (uint16_t)exit->before->rdx == ORACLE_DOORBELL_PORT)
        oracle_doorbell_call(exit->before, breach_of_backdoor, oracle);
    else if (exit->kind == SIM_GUEST_BACKDOOR)
        oracle_backdoor_call(oracle->backdoor, exit->before, exit->after);
    else if (exit->kind == SIM_GUEST_OUTS || exit->kind == SIM_GUEST_INS)
        oracle_backdoor_string(oracle->backdoor, exit->kind == SIM_GUEST_INS, exit->before, exit->after);
    else
        oracle_backdoor_narrow(oracle->backdoor, exit->port);
    oracle_quiet_exit(oracle->quiet, exit);
}

void oracle_exit_life(struct oracle *oracle, enum sim_life life)
{
    if (life == SIM_LIFE_POWER_ON || life == SIM_LIFE_POWER_OFF || life == SIM_LIFE_RESET ||
        life == SIM_LIFE_REBOOT)
        oracle_backdoor_reset(oracle->backdoor);
    oracle_quiet_life(oracle->quiet, life);
}

void oracle_exit_snapshot(void *context, const char *name, bool back)
{
    struct oracle *oracle = context;
    (back ? oracle_backdoor_revert : oracle_backdoor_keep)(oracle->backdoor, name);
}
