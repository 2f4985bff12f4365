/* relay_address.c: text to address and back. */
#include "transport/relay/relay_address.h"
#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

_Static_assert(sizeof(((struct sockaddr_un *)0)->sun_path) == RELAY_PATH_BYTES,
               "a path fits the socket's address");

enum { HOST_BYTES = 64 };

static const char *parse_unix(struct relay_address *address, const char *path)
{
    size_t length = strlen(path);
    if (length == 0)
        return "a path is missing after \"unix:\"";
    if (length >= RELAY_PATH_BYTES)
        return "the path is longer than the 107 bytes that a Unix socket can have";
    address->kind = RELAY_ADDRESS_UNIX;
    memcpy(address->path, path, length + 1);
    return NULL;
}

/* Digits only, so that nothing which strtoul would also take slips in. */
static bool parse_port(const char *text, uint16_t *port)
{
    uint32_t value = 0;
    if (*text == '\0')
        return false;
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9')
            return false;
        value = 10 * value + (uint32_t)(*text - '0');
        if (value > UINT16_MAX)
            return false;
    }
    *port = (uint16_t)value;
    return true;
}

static const char *parse_host(struct relay_address *address, const char *host)
{
    static const uint8_t ipv6_loopback[16] = {[15] = 1};
    if (strcmp(host, "localhost") == 0)
        host = "127.0.0.1";
    address->ipv6 = host[0] == '[';
    if (!address->ipv6) {
        if (inet_pton(AF_INET, host, address->ip) != 1)
            return "the host is neither localhost nor an IP address";
        return address->ip[0] == 127 ? NULL
                                     : "only loopback addresses are served (127.0.0.1, [::1], localhost)";
    }
    char inner[HOST_BYTES];
    size_t length = strlen(host);
    if (host[length - 1] != ']')
        return "the IPv6 address has no closing bracket";
    memcpy(inner, host + 1, length - 2);
    inner[length - 2] = '\0';
    if (inet_pton(AF_INET6, inner, address->ip) != 1)
        return "the host is neither localhost nor an IP address";
    return memcmp(address->ip, ipv6_loopback, sizeof(ipv6_loopback)) == 0
               ? NULL
               : "only loopback addresses are served (127.0.0.1, [::1], localhost)";
}

static const char *parse_tcp(struct relay_address *address, const char *text)
{
    char host[HOST_BYTES];
    const char *colon = strrchr(text, ':');
    size_t length = colon == NULL ? 0 : (size_t)(colon - text);
    if (length == 0 || length >= sizeof(host))
        return "tcp wants HOST:PORT";
    memcpy(host, text, length);
    host[length] = '\0';
    address->kind = RELAY_ADDRESS_TCP;
    if (!parse_port(colon + 1, &address->port))
        return "the port is not a number from 0 to 65535";
    return parse_host(address, host);
}

enum kd_status relay_address_parse(struct relay_address *address, const char *text, const char **why)
{
    memset(address, 0, sizeof(*address));
    if (strncmp(text, "unix:", 5) == 0)
        *why = parse_unix(address, text + 5);
    else if (strncmp(text, "tcp:", 4) == 0)
        *why = parse_tcp(address, text + 4);
    else
        *why = "an address is unix:PATH or tcp:HOST:PORT";
    return *why == NULL ? KD_OK : KD_ERR_ARGUMENT;
}

void relay_address_print(const struct relay_address *address, char text[RELAY_ADDRESS_TEXT_BYTES])
{
    if (address->kind == RELAY_ADDRESS_UNIX)
        snprintf(text, RELAY_ADDRESS_TEXT_BYTES, "unix:%s", address->path);
    else if (address->ipv6)
        snprintf(text, RELAY_ADDRESS_TEXT_BYTES, "tcp:[::1]:%" PRIu16, address->port);
    else
        snprintf(text, RELAY_ADDRESS_TEXT_BYTES, "tcp:%d.%d.%d.%d:%" PRIu16, address->ip[0], address->ip[1],
                 address->ip[2], address->ip[3], address->port);
}
