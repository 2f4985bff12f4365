#include "sim/machine/sim_host.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Noreturn void sim_host_fail(const char *what)
{
    fprintf(stderr, "fastkd: %s: %s\n", what, strerror(errno));
    exit(EXIT_FAILURE);
}
