/* What the load generator's two programs share: the orders that a client gives the
 * target through the proxy, and small tools.
 *
 * The target greets each session with one byte and then waits for an order of
 * ORDER_BYTES; so a client knows by the greeting that its session stands end to
 * end, and one target serves every mode.  Payload is read from one table of
 * random bytes, whose offset follows from the position in the stream, so that
 * bytes lost, doubled or out of place are seen by comparing samples.
 */
#ifndef LOAD_H
#define LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GREETING 'G'
#define ORDER_BYTES 16

enum order_kind {
    ORDER_DOWN = 'D',  /* send `amount` bytes in writes of `size`, then wait for an order */
    ORDER_UP = 'U',    /* take `amount` bytes of period `size`, answer a report, then wait */
    ORDER_ECHO = 'E',  /* send back whatever comes, from now on */
    ORDER_SCENE = 'S', /* pictures of `size` bytes, `amount` a second, and echo keys */
    ORDER_REPORT = 'R' /* the target's answer: `size` samples were wrong of `amount` bytes */
};

/* `apart` asks the target to serve this session from a process of its own, so that
 * a busy session does not slow the others down in the target instead of the proxy. */
struct order {
    uint8_t kind, apart, unused[2];
    uint32_t size;
    uint64_t amount;
};
_Static_assert(sizeof(struct order) == ORDER_BYTES, "orders travel as they lie in memory");

/* In a scene the target sends records; the first byte tells which. */
#define RECORD_PICTURE 'P'
#define RECORD_KEY 'K'
#define KEY_BYTES 16

/* The byte at a stream's `position` is `pattern[position % period]`. */
#define PATTERN_BYTES (2u << 20)
#define DOWN_PERIOD(size) (16 * (size))
#define DOWN_SIZE_MAX (PATTERN_BYTES / 16)
extern const uint8_t *pattern;
void pattern_fill(void);

/* Follows a stream of pattern bytes and compares samples: both ends of each
 * piece, and every sixteenth piece whole. */
struct check {
    uint32_t period, pieces, wrong;
    uint64_t position;
};
void check_bytes(struct check *check, const uint8_t *bytes, size_t count);

uint64_t now_nanoseconds(void);
double cpu_seconds(void);
_Noreturn void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
void allow_many_files(void);
void set_nodelay(int fd);

/* epoll, level-triggered; `events` are EPOLLIN, EPOLLOUT or both. */
void watch(int epoll, int fd, uint32_t events, void *data);
void rewatch(int epoll, int fd, uint32_t events, void *data);

/* Durations in nanoseconds; percentiles sort them. */
struct samples {
    uint64_t *values;
    size_t count, room;
};
void samples_add(struct samples *samples, uint64_t value);
double samples_percentile(struct samples *samples, double percent);

#endif
