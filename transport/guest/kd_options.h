/* kd_options.h: the boot options that the module reads from the loader's option string.
 *
 * Source: devices.md 2.3 rule 10; README.md 1 and 9 for KDPOLLS=. Freestanding; context: any.
 * Tests: tests/test_kd_options.c */
#ifndef KD_OPTIONS_H
#define KD_OPTIONS_H

#include <stdint.h>

enum {
    KD_OPTIONS_BYTES_MAX = 4096, /* no more of the option string is looked at */
    KD_COM_DEFAULT = 2,
    KD_COM_MAX = 4,
    KD_BAUD_DEFAULT = 115200,
    KD_BAUD_MAX = 115200,
    KD_POLLS_DEFAULT = 204800,
};

struct kd_options {
    uint32_t com;   /* DEBUGPORT=COMn: 1 .. KD_COM_MAX */
    uint32_t baud;  /* BAUDRATE=n: 2 .. KD_BAUD_MAX, so that the divisor fits its 16 bits */
    uint32_t polls; /* KDPOLLS=n: failed status polls that make one time-out, at least 1 */
};

void kd_options_default(struct kd_options *options);

/* Reads what is given and leaves the rest as it is. Names are matched without regard to case, at the start of
 * a word (start of the string, or behind a blank or a slash). An unknown word, or a value that is no number
 * or out of range, changes nothing.
 * text  in  NUL-terminated, at most KD_OPTIONS_BYTES_MAX of it are read; NULL: nothing is given */
void kd_options_parse(struct kd_options *options, const char *text);

#endif
