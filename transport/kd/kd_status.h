/* kd_status.h: the one list of results, shared by every module of fastkd.
 *
 * KD_OK is 0, every error is negative. A function that can fail returns enum kd_status (or KD_MUST_USE
 * anything that carries one); the names and phrases are generated, so a test prints KD_ERR_TIMEOUT, not -3. */
#ifndef KD_STATUS_H
#define KD_STATUS_H

#define KD_MUST_USE __attribute__((warn_unused_result))

#define KD_STATUS_LIST(X)                                                                                    \
    X(KD_OK, 0, "success")                                                                                   \
    X(KD_ERR_ARGUMENT, -1, "an argument is out of its range")                                                \
    X(KD_ERR_BUSY, -2, "an operation is already under way")                                                  \
    X(KD_ERR_TIMEOUT, -3, "nobody answered in time")                                                         \
    X(KD_ERR_TOO_BIG, -4, "longer than the protocol or the buffer allows")                                   \
    X(KD_ERR_NO_DEVICE, -5, "no such device answers")                                                        \
    X(KD_ERR_BAD_MESSAGE, -6, "a message breaks the protocol")                                               \
    X(KD_ERR_VERSION, -7, "no protocol version in common")                                                   \
    X(KD_ERR_STALE, -8, "the token is of another epoch")                                                     \
    X(KD_ERR_CLOSED, -9, "the channel or peer is gone")

enum kd_status {
#define KD_STATUS_ENUM(name, value, phrase) name = (value),
    KD_STATUS_LIST(KD_STATUS_ENUM)
#undef KD_STATUS_ENUM
};

/* The enumerator's own name, "KD_ERR_TIMEOUT"; "KD_ERR_UNKNOWN" for a value that is not in the list. */
const char *kd_status_name(enum kd_status status);

/* What it means in a few words, for a person; never NULL. */
const char *kd_status_phrase(enum kd_status status);

#endif
