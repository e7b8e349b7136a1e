/* Preloaded into a wrapped command that insists on binding the public port.
 *
 * That port is ours.  So where the command binds it with a stream socket, it
 * gets another one, on loopback alone, to which we forward:
 * WSPROXY_REBIND=PUBLIC:PRIVATE.  Everything else is bound as it was asked.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

typedef int (*bind_function)(int, const struct sockaddr *, socklen_t);

/* In network order; 0 is bound by nobody who means a port. */
static in_port_t public_port, private_port;
static bind_function real_bind;

static void prepare(void)
{
    unsigned int from, to;
    const char *said = getenv("WSPROXY_REBIND");

    if (said && sscanf(said, "%5u:%5u", &from, &to) == 2 && from < 65536 && to < 65536) {
        public_port = htons((in_port_t)from);
        private_port = htons((in_port_t)to);
    }
    real_bind = (bind_function)dlsym(RTLD_NEXT, "bind");
}

static int is_stream(int descriptor)
{
    int type = 0;
    socklen_t size = sizeof type;

    return getsockopt(descriptor, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_STREAM;
}

static int bind_v4(int descriptor, const struct sockaddr_in *asked)
{
    struct sockaddr_in moved = *asked;

    moved.sin_port = private_port;
    moved.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return real_bind(descriptor, (struct sockaddr *)&moved, sizeof moved);
}

/* A socket for both families would take IPv4's loopback connections, too. */
static int bind_v6(int descriptor, const struct sockaddr_in6 *asked)
{
    static const char mapped[16] = {[10] = '\xff', '\xff', 127, 0, 0, 1};
    struct sockaddr_in6 moved = *asked;
    int only = 0;
    socklen_t size = sizeof only;

    moved.sin6_port = private_port;
    getsockopt(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, &only, &size);
    if (only || IN6_IS_ADDR_LOOPBACK(&asked->sin6_addr))
        moved.sin6_addr = in6addr_loopback;
    else
        memcpy(&moved.sin6_addr, mapped, sizeof mapped);
    return real_bind(descriptor, (struct sockaddr *)&moved, sizeof moved);
}

int bind(int descriptor, const struct sockaddr *address, socklen_t length)
{
    /* Some library may bind in a constructor that runs before any of ours. */
    if (!real_bind)
        prepare();
    if (!real_bind) {
        errno = ENOSYS;
        return -1;
    }
    if (public_port && address && is_stream(descriptor)) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)address;
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)address;

        if (length >= sizeof *v4 && v4->sin_family == AF_INET && v4->sin_port == public_port)
            return bind_v4(descriptor, v4);
        if (length >= sizeof *v6 && v6->sin6_family == AF_INET6 && v6->sin6_port == public_port)
            return bind_v6(descriptor, v6);
    }
    return real_bind(descriptor, address, length);
}
