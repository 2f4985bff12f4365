/* Rule 5: the module writes only what it was given, keeps to its stack, touches no vector register. Seen by
 * the mini kernel and the machine (sim_conduct.h): a report of theirs is a breach, whatever the weather. */
#include "harness/oracle/oracle_private.h"

void oracle_conduct(void *context, const struct sim_conduct *conduct, const char *text)
{
    (void)conduct;
    oracle_violate(context, 5, "%s", text);
}

/* A guest that did what none may, on a machine that can see it. */
void oracle_machine_fault(void *context, const char *text)
{
    oracle_violate(context, 5, "machine: %s", text);
}
