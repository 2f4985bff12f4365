/* live_program.h: for tests of the live target: the real program in a folder of the test's own. */
#ifndef LIVE_PROGRAM_H
#define LIVE_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum { LIVE_TEXT_BYTES = 16384, LIVE_PATH_BYTES = 100, LIVE_SOCKETS_MAX = 16 };

struct live_program {
    char folder[80];
    char path[LIVE_PATH_BYTES];        /* of the target's Unix socket */
    char address[LIVE_PATH_BYTES + 8]; /* unix: and that path */
    const char *link;                  /* of live_program_start */
    pid_t process;
    int out, err;
    char log[LIVE_TEXT_BYTES]; /* stdout so far */
    size_t log_bytes;
    int sockets[LIVE_SOCKETS_MAX];
    unsigned socket_count;
};

/* CMocka's setup and teardown: *state is a struct live_program. */
int live_program_setup(void **state);
int live_program_teardown(void **state);

/* Starts kdharness target with these arguments, NULL behind the last. */
void live_program_run(struct live_program *program, const char *const *arguments);

/* The same at the folder's socket with more arguments (may be NULL), and waits until it listens. */
void live_program_start(struct live_program *program, const char *link, const char *const *more);

/* Waits until the log has said so. Returns the place behind the words. */
const char *live_program_wait(struct live_program *program, const char *words);

/* What the log said until now is not what is waited for next. */
void live_program_forget(struct live_program *program);

/* Ends it by a signal. Returns the exit code, 1000 + the signal when that killed it. */
int live_program_end(struct live_program *program, int signal_number);
int live_program_exit_code(struct live_program *program);

/* Everything that stderr will have said, to its end. */
void live_program_errors(struct live_program *program, char text[LIVE_TEXT_BYTES]);

/* Connects to the folder's socket. The descriptor is closed by teardown, or earlier by live_program_hang_up.
 */
int live_program_join(struct live_program *program);
int live_program_join_tcp(struct live_program *program, unsigned port);
int live_program_keep(struct live_program *program, int fd);
void live_program_hang_up(struct live_program *program, int fd);

bool live_program_is_closed(int fd);

#endif
