#include "harness/live/live_pty.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

bool live_pty_is_held(const struct live_pty *pty)
{
    struct pollfd line = {.fd = pty->master, .events = POLLIN};
    return poll(&line, 1, 0) >= 0 && (line.revents & POLLHUP) == 0;
}

/* Opening and closing the slave also makes the first POLLHUP: a master whose slave was never open shows none.
 */
static int make_raw(const char *name)
{
    struct termios line;
    int slave = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (slave < 0)
        return -1;
    int result = tcgetattr(slave, &line);
    if (result == 0) {
        cfmakeraw(&line);
        result = tcsetattr(slave, TCSANOW, &line);
    }
    (void)tcflush(slave, TCIOFLUSH);
    close(slave);
    return result;
}

void live_pty_renew(const struct live_pty *pty)
{
    if (!live_pty_is_held(pty))
        (void)make_raw(pty->name);
}

enum kd_status live_pty_open(struct live_pty *pty)
{
    pty->master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (pty->master < 0)
        return KD_ERR_NO_DEVICE;
    if (grantpt(pty->master) == 0 && unlockpt(pty->master) == 0 &&
        ptsname_r(pty->master, pty->name, sizeof pty->name) == 0 && chmod(pty->name, 0600) == 0 &&
        make_raw(pty->name) == 0)
        return KD_OK;
    int error = errno;
    live_pty_close(pty);
    errno = error;
    return KD_ERR_NO_DEVICE;
}

void live_pty_close(struct live_pty *pty)
{
    close(pty->master);
    pty->master = -1;
}
