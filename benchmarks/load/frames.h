/* RFC 6455 as a client speaks it: the opening, masked frames out, frames in. */
#ifndef FRAMES_H
#define FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OPCODE_BINARY 2
#define OPCODE_CLOSE 8
#define OPCODE_PING 9
#define OPCODE_PONG 10

#define FRAME_HEADER_MAX 14
#define CONTROL_MAX 125

size_t opening_write(char *room, size_t size, int port, bool tls);
/* The length of the answer's head when it is whole and right, 0 when there is more to
 * come; -1 when it is no acceptance. */
int opening_read(const char *bytes, size_t count);

/* One masked frame; returns its length. */
size_t frame_write(uint8_t *room, int opcode, uint32_t mask, const uint8_t *payload, size_t count);

/* What a reader found next: payload of a message, as far as it is there, or a whole
 * control frame, or a frame that a server must not send. */
enum found { FOUND_NOTHING, FOUND_PAYLOAD, FOUND_CONTROL, FOUND_WRONG };

struct reader {
    uint8_t header[FRAME_HEADER_MAX], have, opcode;
    bool in_frame, in_message;
    uint64_t left;
    uint8_t control[CONTROL_MAX];
    size_t control_have;
    /* What was found: */
    const uint8_t *payload;
    size_t count;
};
/* Reads up to the next find; returns how many bytes that took. */
size_t reader_next(struct reader *reader, const uint8_t *bytes, size_t count, enum found *found);

#endif
