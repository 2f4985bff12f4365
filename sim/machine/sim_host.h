/* sim_host.h: what to do when the host itself has nothing left to give. */
#ifndef SIM_HOST_H
#define SIM_HOST_H

/* Ends the program with one line on stderr: what could not be had, and why (errno). */
_Noreturn void sim_host_fail(const char *what);

#endif
