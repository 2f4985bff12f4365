/* live_pty.h: a pseudo terminal whose slave a debugger opens as if it were a serial port.
 *
 * Raw in both directions and for its owner alone (mode 0600). Linux: whether somebody has the slave open
 * shows as the absence of POLLHUP on the master. Tests: tests/test_live_pty.c */
#ifndef LIVE_PTY_H
#define LIVE_PTY_H

#include "transport/kd/kd_status.h"
#include <stdbool.h>

enum { LIVE_PTY_NAME_BYTES = 64 };

struct live_pty {
    int master; /* its owner's, until live_pty_close */
    char name[LIVE_PTY_NAME_BYTES];
};

/* Returns  KD_OK; KD_ERR_NO_DEVICE with errno: nothing is open */
KD_MUST_USE enum kd_status live_pty_open(struct live_pty *pty);
void live_pty_close(struct live_pty *pty);

bool live_pty_is_held(const struct live_pty *pty);

/* Makes the line as it was at first, if nobody has it open: raw, and nothing unread in it. */
void live_pty_renew(const struct live_pty *pty);

#endif
