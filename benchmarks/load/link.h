/* One connection of the client, plain or TLS, never blocking. */
#ifndef LINK_H
#define LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Instead of a count: */
#define LINK_END 0
#define LINK_LATER (-1)
#define LINK_BROKEN (-2)

struct link {
    int fd;
    void *tls;
};

/* Once, before the first link; fails where the client was built without OpenSSL. */
void link_prepare_tls(void);

/* To 127.0.0.1; writable when connected. */
void link_open(struct link *link, int port, bool tls);
bool link_connected(const struct link *link);
/* 1 when TLS stands, LINK_LATER, or LINK_BROKEN; sets whether it waits to write. */
int link_secure(struct link *link, bool *wants_write);
const char *link_cipher(const struct link *link);

ssize_t link_read(struct link *link, uint8_t *buffer, size_t room);
/* Bytes that TLS would not take must be offered again before others, and no fewer. */
ssize_t link_write(struct link *link, const uint8_t *bytes, size_t count);
/* Says that no more will be written; the other side may go on. */
void link_finish(struct link *link);
void link_close(struct link *link);

#endif
