/* kdbench calibrate. */
#include "bench/bench_command.h"
#include "harness/script/command.h"

int bench_command_calibrate(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    command_refuse("calibrate: x");
}
