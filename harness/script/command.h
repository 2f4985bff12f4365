/* command.h: what the commands of kdharness share, and those that have a file of their own. */
#ifndef COMMAND_H
#define COMMAND_H

#include <stdint.h>

/* Ends the program with one line on stderr and the exit code for bad input. */
_Noreturn void command_refuse(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The value of --seed. */
uint64_t command_seed(const char *text);

/* kdharness target: a live simulated target (harness/live). Returns the exit code. */
int command_target(int argc, char **argv);

/* kdharness image: the target's memory as a map and as a file. Returns the exit code. */
int command_image(int argc, char **argv);

#endif
