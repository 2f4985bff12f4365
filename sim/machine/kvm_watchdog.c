#define _GNU_SOURCE
#include "sim/machine/kvm_watchdog.h"
#include "sim/machine/sim_host.h"
#include <signal.h>
#include <stddef.h>
#include <time.h>
#include <unistd.h>

/* Older C libraries name only the union's member. */
#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

/* One per thread, for its signal is the thread's: it comes between two instructions of the very thread that
 * it is about. */
static _Thread_local struct {
    pid_t process;               /* that the timer belongs to; a fork has none */
    uint8_t *volatile flag;      /* of the run under way; NULL between runs */
    volatile sig_atomic_t ticks; /* that it has lived through */
    volatile sig_atomic_t bit;
    sig_atomic_t patience; /* in ticks */
} watch = {.patience = KVM_WATCHDOG_PATIENCE_MS / KVM_WATCHDOG_TICK_MS};

static int watchdog_signal(void)
{
    return SIGRTMIN + 5;
}

static void time_passed(int number)
{
    (void)number;
    uint8_t *flag = watch.flag;
    if (flag == NULL || ++watch.ticks < watch.patience)
        return;
    watch.bit = true;
    *flag = 1;
}

/* Under the native machine a thread runs on its guest's stack, which is watched: a signal goes on with another. */
static void give_signals_a_stack(void)
{
    static _Thread_local uint8_t stack[0x8000];
    stack_t present;
    if (sigaltstack(NULL, &present) == 0 && !(present.ss_flags & SS_DISABLE))
        return;
    if (sigaltstack(&(stack_t){.ss_sp = stack, .ss_size = sizeof stack}, NULL) != 0)
        sim_host_fail("no stack for signals");
}

void kvm_watchdog_watch(void)
{
    if (watch.process == getpid())
        return;
    give_signals_a_stack();
    struct sigaction action = {.sa_handler = time_passed, .sa_flags = SA_RESTART | SA_ONSTACK};
    struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = watchdog_signal()};
    const struct timespec tick = {.tv_nsec = KVM_WATCHDOG_TICK_MS * 1000000L};
    const struct itimerspec ticks = {.it_interval = tick, .it_value = tick};
    timer_t timer;
    event.sigev_notify_thread_id = gettid();
    if (sigaction(watchdog_signal(), &action, NULL) != 0 ||
        timer_create(CLOCK_THREAD_CPUTIME_ID, &event, &timer) != 0 ||
        timer_settime(timer, 0, &ticks, NULL) != 0)
        sim_host_fail("no timer to watch over a KVM guest");
    watch.process = getpid();
}

void kvm_watchdog_set_patience(uint32_t patience_ms)
{
    watch.patience = (sig_atomic_t)((patience_ms + KVM_WATCHDOG_TICK_MS - 1) / KVM_WATCHDOG_TICK_MS);
}

uint32_t kvm_watchdog_patience_ms(void)
{
    return (uint32_t)watch.patience * KVM_WATCHDOG_TICK_MS;
}

void kvm_watchdog_enter(uint8_t *flag)
{
    watch.ticks = 0;
    watch.bit = false;
    watch.flag = flag;
}

void kvm_watchdog_leave(void)
{
    watch.flag = NULL;
}

bool kvm_watchdog_bit(void)
{
    return watch.bit != 0;
}
