/* bench_command.h: the commands of kdbench that have a file of their own. Each returns the exit code. */
#ifndef BENCH_COMMAND_H
#define BENCH_COMMAND_H

/* kdbench run, kdbench sweep: what is simulated. */
int bench_command_run(int argc, char **argv);
int bench_command_sweep(int argc, char **argv);

/* kdbench gate, kdbench baseline: a run against the committed one. */
int bench_command_gate(int argc, char **argv);
int bench_command_baseline(int argc, char **argv);

/* kdbench micro, live, calibrate: what is measured on this host. */
int bench_command_micro(int argc, char **argv);
int bench_command_live(int argc, char **argv);
int bench_command_calibrate(int argc, char **argv);

#endif
