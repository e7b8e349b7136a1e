/* The small tools of both programs. */
#define _GNU_SOURCE
#include "load.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>

#define SAMPLE_BYTES 64

const uint8_t *pattern;

/* splitmix64: fast, and the same on both sides. */
void pattern_fill(void)
{
    size_t words = PATTERN_BYTES / 8;
    uint64_t *table = malloc(PATTERN_BYTES);
    if (table == NULL)
        fail("no memory for the pattern");
    for (size_t i = 0; i < words; i++) {
        uint64_t z = (i + 1) * 0x9e3779b97f4a7c15u;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
        table[i] = z ^ (z >> 31);
    }
    pattern = (const uint8_t *)table;
}

static void compare(struct check *check, const uint8_t *bytes, uint64_t position, size_t count)
{
    uint32_t offset = (uint32_t)(position % check->period);
    size_t first = check->period - offset < count ? check->period - offset : count;
    if (memcmp(bytes, pattern + offset, first) != 0)
        check->wrong++;
    else if (count > first && count - first <= check->period
             && memcmp(bytes + first, pattern, count - first) != 0)
        check->wrong++;
}

void check_bytes(struct check *check, const uint8_t *bytes, size_t count)
{
    if (count <= 2 * SAMPLE_BYTES || check->pieces++ % 16 == 0) {
        compare(check, bytes, check->position, count);
    } else {
        compare(check, bytes, check->position, SAMPLE_BYTES);
        compare(check, bytes + count - SAMPLE_BYTES, check->position + count - SAMPLE_BYTES,
                SAMPLE_BYTES);
    }
    check->position += count;
}

uint64_t now_nanoseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

double cpu_seconds(void)
{
    struct timespec used;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return (double)used.tv_sec + (double)used.tv_nsec / 1e9;
}

void fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    exit(1);
}

void allow_many_files(void)
{
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

void set_nodelay(int fd)
{
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

void watch(int epoll, int fd, uint32_t events, void *data)
{
    struct epoll_event event = {.events = events, .data.ptr = data};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0)
        fail("epoll: %s", strerror(errno));
}

void rewatch(int epoll, int fd, uint32_t events, void *data)
{
    struct epoll_event event = {.events = events, .data.ptr = data};
    if (epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &event) != 0)
        fail("epoll: %s", strerror(errno));
}

void samples_add(struct samples *samples, uint64_t value)
{
    if (samples->count == samples->room) {
        samples->room = samples->room ? 2 * samples->room : 4096;
        samples->values = realloc(samples->values, samples->room * sizeof *samples->values);
        if (samples->values == NULL)
            fail("no memory for samples");
    }
    samples->values[samples->count++] = value;
}

static int by_size(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
    return (a > b) - (a < b);
}

double samples_percentile(struct samples *samples, double percent)
{
    if (samples->count == 0)
        return 0;
    qsort(samples->values, samples->count, sizeof *samples->values, by_size);
    size_t rank = (size_t)(percent / 100 * (double)samples->count);
    return (double)samples->values[rank < samples->count ? rank : samples->count - 1];
}
