/* command.h: what the commands of kdharness share with each other and with kdbench, and those of kdharness that have a
 * file of their own. */
#ifndef COMMAND_H
#define COMMAND_H

#include "harness/script/lab_machine.h"
#include <stdint.h>

/* Ends the program with one line on stderr, which begins with its name, and the exit code for bad input. */
_Noreturn void command_refuse(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The value of --seed. */
uint64_t command_seed(const char *text);

/* The value of an option that names a folder to write to, found out before the work and not after it: it is made if it is
 * not there. */
void command_folder(const char *option, const char *folder);

/* The values of --machine and --dll; and what must hold of them once every option was read. */
void command_machine(struct lab_machine *machine, const char *name);
void command_dll(struct lab_machine *machine, const char *path);
void command_machine_ready(struct lab_machine *machine);

/* What --dll leaves of --arch: a DLL for one architecture alone chooses it, and one that was asked for must be it. */
void command_machine_arch(const struct lab_machine *machine, bool *one_arch, enum mk_arch *arch);

/* kdharness target: a live simulated target (harness/live). Returns the exit code. */
int command_target(int argc, char **argv);

/* kdharness image: the target's memory as a map and as a file. Returns the exit code. */
int command_image(int argc, char **argv);

/* harness/swarm: worlds drawn from seeds, results joined, one seed again, the least that fails, every fault at every
 * place. Each returns the exit code. */
int command_swarm(int argc, char **argv);
int command_merge(int argc, char **argv);
int command_replay(int argc, char **argv);
int command_shrink(int argc, char **argv);
int command_exhaust(int argc, char **argv);

/* harness/gate: may a DLL ship? Returns the exit code. */
int command_gate(int argc, char **argv);

/* The same history on every machine. Returns the exit code. */
int command_diff(int argc, char **argv);

#endif
