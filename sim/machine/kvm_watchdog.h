/* kvm_watchdog.h: gets a thread out of KVM_RUN whose guest makes no exit.
 *
 * A timer on the thread's own processor time, which includes its guests', ticks while the thread works; a run
 * that lives through as many ticks as the watchdog has patience is stuck. So it costs nothing per exit,
 * nothing while the thread sleeps, and a busy host makes it wait longer, not bite. Source: devices.md 3.4
 * rule 6 (immediate_exit). Tests: tests/test_kvm_cpu.c */
#ifndef KVM_WATCHDOG_H
#define KVM_WATCHDOG_H

#include <stdbool.h>
#include <stdint.h>

/* Twice what the 50 million instructions that the emulated machine allows (sim_emu.h) take where KVM is software
 * itself. */
enum { KVM_WATCHDOG_TICK_MS = 250, KVM_WATCHDOG_PATIENCE_MS = 120000 };

/* Watches this thread from now on; once is enough, and again after a fork. */
void kvm_watchdog_watch(void);

/* For tests: bites after so many milliseconds, rounded up to ticks; of this thread, from the next run on. */
void kvm_watchdog_set_patience(uint32_t patience_ms);
uint32_t kvm_watchdog_patience_ms(void);

/* Around each KVM_RUN. flag is kvm_run.immediate_exit, which the watchdog sets. */
void kvm_watchdog_enter(uint8_t *flag);
void kvm_watchdog_leave(void);

/* True when the watchdog ended the run that was left last. */
bool kvm_watchdog_bit(void);

#endif
