/* relay_listen.h: a listening socket of a relay, opened so that nobody else gets at it or loses his own.
 *
 * A Unix socket is made with mode 0600. The file that a dead process left is replaced; a live one's is
 * refused, and so is anything that is no socket. Linux; not thread-safe (it changes the umask for a moment).
 * Tests: tests/test_relay_listen.c */
#ifndef RELAY_LISTEN_H
#define RELAY_LISTEN_H

#include "transport/relay/relay_address.h"
#include <sys/types.h>

enum { RELAY_WHY_BYTES = 256 };

struct relay_listener {
    int fd;                       /* bound, not listening yet; its owner closes it */
    struct relay_address address; /* with the port that the system chose */
    dev_t device;                 /* of the socket's file, to remove no other */
    ino_t inode;
};

/* why      out  on an error one sentence with the address in it
 * Returns  KD_OK; KD_ERR_BUSY (somebody listens there), KD_ERR_ARGUMENT (a file is in the way),
 *          KD_ERR_NO_DEVICE (the system refuses: folder missing, no permission): nothing is open */
KD_MUST_USE enum kd_status relay_listen(struct relay_listener *listener, const struct relay_address *address,
                                        char why[RELAY_WHY_BYTES]);

/* Removes the file of a Unix socket if it is still the one made here. Closes nothing. */
void relay_listen_remove(const struct relay_listener *listener);

#endif
