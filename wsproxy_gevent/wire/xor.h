/* The XOR of RFC 6455, section 5.3, moving to the left or in place. */

#ifndef WSPROXY_XOR_H
#define WSPROXY_XOR_H

#include <stdint.h>
#include <string.h>

typedef uint64_t wsproxy_lane __attribute__((vector_size(16)));

/* XOR `size` bytes from `from` to `to` with the 4-byte key, begun at `phase`.
 *
 * `to` is `from`, or lies anywhere to its left, overlapping it or not: each
 * step loads before it stores, and stores no further than it has loaded. */
static inline void wsproxy_xor(unsigned char *to, const unsigned char *from, size_t size,
                               const unsigned char *key, unsigned phase)
{
    unsigned char turned[16];
    wsproxy_lane mask, first, second;
    uint64_t eight, word;
    size_t at = 0;

    for (unsigned i = 0; i < sizeof turned; i++)
        turned[i] = key[(phase + i) & 3];
    memcpy(&mask, turned, sizeof mask);
    memcpy(&eight, turned, sizeof eight);
    for (; at + 32 <= size; at += 32) {
        memcpy(&first, from + at, 16);
        memcpy(&second, from + at + 16, 16);
        first ^= mask;
        second ^= mask;
        memcpy(to + at, &first, 16);
        memcpy(to + at + 16, &second, 16);
    }
    for (; at + 8 <= size; at += 8) {
        memcpy(&word, from + at, 8);
        word ^= eight;
        memcpy(to + at, &word, 8);
    }
    for (; at < size; at++)
        to[at] = from[at] ^ turned[at & 3];
}

/* The same for a few bytes, from the key's beginning: without what a long run gains by. */
static inline void wsproxy_xor_short(unsigned char *to, const unsigned char *from, size_t size,
                                     const unsigned char *key)
{
    unsigned char repeated[8];
    uint64_t mask, word;
    size_t at = 0;

    memcpy(repeated, key, 4);
    memcpy(repeated + 4, key, 4);
    memcpy(&mask, repeated, sizeof mask);
    for (; at + 8 <= size; at += 8) {
        memcpy(&word, from + at, 8);
        word ^= mask;
        memcpy(to + at, &word, 8);
    }
    for (; at < size; at++)
        to[at] = from[at] ^ repeated[at & 7];
}

#endif
