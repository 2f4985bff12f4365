/* relay_listen.c: bind with care. */
#include "transport/relay/relay_listen.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

union socket_address {
    struct sockaddr any;
    struct sockaddr_un local;
    struct sockaddr_in ipv4;
    struct sockaddr_in6 ipv6;
};

static socklen_t fill_socket_address(union socket_address *to, const struct relay_address *address)
{
    memset(to, 0, sizeof(*to));
    if (address->kind == RELAY_ADDRESS_UNIX) {
        to->local.sun_family = AF_UNIX;
        memcpy(to->local.sun_path, address->path, sizeof(to->local.sun_path));
        return sizeof(to->local);
    }
    if (address->ipv6) {
        to->ipv6.sin6_family = AF_INET6;
        to->ipv6.sin6_port = htons(address->port);
        memcpy(&to->ipv6.sin6_addr, address->ip, 16);
        return sizeof(to->ipv6);
    }
    to->ipv4.sin_family = AF_INET;
    to->ipv4.sin_port = htons(address->port);
    memcpy(&to->ipv4.sin_addr, address->ip, 4);
    return sizeof(to->ipv4);
}

static enum kd_status fail(enum kd_status status, const struct relay_address *address, const char *what,
                           char why[RELAY_WHY_BYTES])
{
    char text[RELAY_ADDRESS_TEXT_BYTES];
    relay_address_print(address, text);
    snprintf(why, RELAY_WHY_BYTES, "cannot listen at %s: %s", text, what);
    return status;
}

/* Clears the way for a Unix socket: a file that nobody answers behind is a dead process's. */
static enum kd_status clear_path(const struct relay_address *address, char why[RELAY_WHY_BYTES])
{
    struct stat file;
    if (lstat(address->path, &file) != 0)
        return KD_OK;
    if (!S_ISSOCK(file.st_mode))
        return fail(KD_ERR_ARGUMENT, address, "a file is there that is no socket", why);
    union socket_address there;
    socklen_t length = fill_socket_address(&there, address);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return fail(KD_ERR_NO_DEVICE, address, strerror(errno), why);
    int result = connect(fd, &there.any, length);
    int error = errno;
    close(fd);
    if (result == 0 || error == EAGAIN) /* EAGAIN: alive, and too busy to accept */
        return fail(KD_ERR_BUSY, address, "a live process listens there already", why);
    if (error != ECONNREFUSED)
        return fail(KD_ERR_NO_DEVICE, address, strerror(error), why);
    if (unlink(address->path) != 0)
        return fail(KD_ERR_NO_DEVICE, address, strerror(errno), why);
    return KD_OK;
}

/* Binds, and finds out what came of it: the file or the port. Returns 0 or -1 with errno. */
static int bind_socket(struct relay_listener *listener)
{
    union socket_address where;
    struct stat file;
    socklen_t length = fill_socket_address(&where, &listener->address);
    mode_t mask = umask(0177);
    int result = bind(listener->fd, &where.any, length);
    int error = errno;
    umask(mask);
    errno = error;
    if (result != 0)
        return -1;
    if (listener->address.kind == RELAY_ADDRESS_UNIX) {
        if (lstat(listener->address.path, &file) != 0)
            return -1;
        listener->device = file.st_dev;
        listener->inode = file.st_ino;
        return 0;
    }
    if (getsockname(listener->fd, &where.any, &length) != 0)
        return -1;
    listener->address.port = ntohs(listener->address.ipv6 ? where.ipv6.sin6_port : where.ipv4.sin_port);
    return 0;
}

enum kd_status relay_listen(struct relay_listener *listener, const struct relay_address *address,
                            char why[RELAY_WHY_BYTES])
{
    const bool local = address->kind == RELAY_ADDRESS_UNIX;
    const int family = local ? AF_UNIX : address->ipv6 ? AF_INET6 : AF_INET;
    const int yes = 1;
    *listener = (struct relay_listener){.fd = -1, .address = *address};
    if (local) {
        enum kd_status status = clear_path(address, why);
        if (status != KD_OK)
            return status;
    }
    listener->fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (listener->fd < 0)
        return fail(KD_ERR_NO_DEVICE, address, strerror(errno), why);
    if (!local) /* a relay that was restarted must not wait for the old connections' TIME_WAIT */
        (void)setsockopt(listener->fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    if (bind_socket(listener) == 0)
        return KD_OK;
    int error = errno;
    close(listener->fd);
    listener->fd = -1;
    if (error == EADDRINUSE)
        return fail(KD_ERR_BUSY, address, "a live process listens there already", why);
    return fail(KD_ERR_NO_DEVICE, address, strerror(error), why);
}

void relay_listen_remove(const struct relay_listener *listener)
{
    struct stat file;
    if (listener->address.kind == RELAY_ADDRESS_UNIX && lstat(listener->address.path, &file) == 0 &&
        file.st_dev == listener->device && file.st_ino == listener->inode)
        (void)unlink(listener->address.path);
}
