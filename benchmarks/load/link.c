/* Plain sockets, and OpenSSL over them where its headers were found at build time. */
#define _GNU_SOURCE
#include "link.h"

#include "load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

void link_open(struct link *link, int port, bool tls)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        fail("socket: %s", strerror(errno));
    set_nodelay(fd);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0 && errno != EINPROGRESS)
        fail("connect to port %d: %s", port, strerror(errno));
    /* The TLS state is made when the connection stands. */
    *link = (struct link){.fd = fd, .tls = tls ? link : NULL};
}

bool link_connected(const struct link *link)
{
    int error = 0;
    socklen_t size = sizeof error;
    return getsockopt(link->fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == 0;
}

static ssize_t plain(ssize_t result)
{
    if (result >= 0)
        return result;
    return errno == EAGAIN || errno == EINTR ? LINK_LATER : LINK_BROKEN;
}

#ifdef WITH_TLS
#include <openssl/err.h>
#include <openssl/ssl.h>

static SSL_CTX *context;

void link_prepare_tls(void)
{
    context = SSL_CTX_new(TLS_client_method());
    if (context == NULL)
        fail("no TLS context");
    /* Each connection is a full handshake: nothing is resumed. */
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER
                                  | SSL_MODE_RELEASE_BUFFERS);
}

int link_secure(struct link *link, bool *wants_write)
{
    if (link->tls == link) {
        SSL *tls = SSL_new(context);
        if (tls == NULL || SSL_set_fd(tls, link->fd) != 1)
            fail("no TLS state");
        SSL_set_connect_state(tls);
        link->tls = tls;
    }
    ERR_clear_error();
    int result = SSL_do_handshake(link->tls);
    if (result == 1)
        return 1;
    int error = SSL_get_error(link->tls, result);
    *wants_write = error == SSL_ERROR_WANT_WRITE;
    return error == SSL_ERROR_WANT_WRITE || error == SSL_ERROR_WANT_READ ? LINK_LATER
                                                                         : LINK_BROKEN;
}

const char *link_cipher(const struct link *link)
{
    return link->tls == NULL ? "" : SSL_get_cipher_name(link->tls);
}

static ssize_t tls_failure(SSL *tls, int result)
{
    switch (SSL_get_error(tls, result)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
        return LINK_LATER;
    case SSL_ERROR_ZERO_RETURN:
        return LINK_END;
    case SSL_ERROR_SSL:
        /* A peer that ends without close_notify has ended all the same. */
        if (ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING)
            return LINK_END;
    }
    return LINK_BROKEN;
}

static ssize_t tls_read(struct link *link, uint8_t *buffer, size_t room)
{
    ERR_clear_error();
    int got = SSL_read(link->tls, buffer, (int)room);
    return got > 0 ? got : tls_failure(link->tls, got);
}

static ssize_t tls_write(struct link *link, const uint8_t *bytes, size_t count)
{
    ERR_clear_error();
    int sent = SSL_write(link->tls, bytes, (int)count);
    return sent > 0 ? sent : tls_failure(link->tls, sent);
}

static void tls_finish(struct link *link) { SSL_shutdown(link->tls); }
static void tls_close(struct link *link) { SSL_free(link->tls); }
#else
void link_prepare_tls(void) { fail("built without OpenSSL: no TLS"); }
int link_secure(struct link *link, bool *wants_write)
{
    (void)link, (void)wants_write;
    return LINK_BROKEN;
}
const char *link_cipher(const struct link *link)
{
    (void)link;
    return "";
}
static ssize_t tls_read(struct link *link, uint8_t *buffer, size_t room)
{
    (void)link, (void)buffer, (void)room;
    return LINK_BROKEN;
}
static ssize_t tls_write(struct link *link, const uint8_t *bytes, size_t count)
{
    (void)link, (void)bytes, (void)count;
    return LINK_BROKEN;
}
static void tls_finish(struct link *link) { (void)link; }
static void tls_close(struct link *link) { (void)link; }
#endif

ssize_t link_read(struct link *link, uint8_t *buffer, size_t room)
{
    return link->tls != NULL ? tls_read(link, buffer, room)
                             : plain(recv(link->fd, buffer, room, 0));
}

ssize_t link_write(struct link *link, const uint8_t *bytes, size_t count)
{
    return link->tls != NULL ? tls_write(link, bytes, count)
                             : plain(send(link->fd, bytes, count, MSG_NOSIGNAL));
}

void link_finish(struct link *link)
{
    if (link->tls != NULL)
        tls_finish(link);
    shutdown(link->fd, SHUT_WR);
}

void link_close(struct link *link)
{
    if (link->tls != NULL && link->tls != link)
        tls_close(link);
    close(link->fd);
}
