/* relay_address.h: where a relay or a harness listens, as people write it: unix:PATH or tcp:HOST:PORT.
 *
 * TCP is for loopback alone: the peer controls a machine, and nobody asks it for a password. HOST is an
 * address of 127.0.0.0/8, [::1] or localhost; PORT 0 lets the system choose. Tests:
 * tests/test_relay_address.c */
#ifndef RELAY_ADDRESS_H
#define RELAY_ADDRESS_H

#include "transport/kd/kd_status.h"
#include <stdbool.h>
#include <stdint.h>

enum relay_address_kind { RELAY_ADDRESS_UNIX, RELAY_ADDRESS_TCP };

enum {
    RELAY_PATH_BYTES = 108,         /* what a Unix socket address holds, with its NUL */
    RELAY_ADDRESS_TEXT_BYTES = 128, /* the longest that relay_address_print writes, with its NUL */
};

struct relay_address {
    enum relay_address_kind kind;
    char path[RELAY_PATH_BYTES]; /* unix */
    bool ipv6;                   /* tcp */
    uint8_t ip[16];              /* tcp: 4 or 16 bytes in the order of the wire */
    uint16_t port;               /* tcp */
};

/* why      out  on an error what is wrong with the text, as half a sentence; never freed
 * Returns  KD_OK; KD_ERR_ARGUMENT: address is undefined */
KD_MUST_USE enum kd_status relay_address_parse(struct relay_address *address, const char *text,
                                               const char **why);

/* Writes the address as relay_address_parse reads it. */
void relay_address_print(const struct relay_address *address, char text[RELAY_ADDRESS_TEXT_BYTES]);

#endif
