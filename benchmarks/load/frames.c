#define _GNU_SOURCE
#include "frames.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* The sample of RFC 6455, 1.3: its answer is known without computing a hash. */
#define KEY "dGhlIHNhbXBsZSBub25jZQ=="
#define ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

size_t opening_write(char *room, size_t size, int port, bool tls)
{
    return (size_t)snprintf(room, size,
                            "GET /websockify HTTP/1.1\r\n"
                            "Host: 127.0.0.1:%d\r\n"
                            "Connection: Upgrade\r\n"
                            "Upgrade: websocket\r\n"
                            "Origin: %s://127.0.0.1:%d\r\n"
                            "Sec-WebSocket-Version: 13\r\n"
                            "Sec-WebSocket-Key: " KEY "\r\n"
                            "Sec-WebSocket-Protocol: binary\r\n\r\n",
                            port, tls ? "https" : "http", port);
}

int opening_read(const char *bytes, size_t count)
{
    static const char status[] = "HTTP/1.1 101";
    size_t known = count < sizeof status - 1 ? count : sizeof status - 1;
    if (memcmp(bytes, status, known) != 0)
        return -1;
    const char *end = memmem(bytes, count, "\r\n\r\n", 4);
    if (end == NULL)
        return 0;
    static const char name[] = "\nsec-websocket-accept:";
    for (const char *at = bytes; at < end; at++) {
        if (strncasecmp(at, name, sizeof name - 1) != 0)
            continue;
        at += sizeof name - 1;
        at += strspn(at, " ");
        return memcmp(at, ACCEPT, sizeof ACCEPT - 1) == 0 ? (int)(end + 4 - bytes) : -1;
    }
    return -1;
}

size_t frame_write(uint8_t *room, int opcode, uint32_t mask, const uint8_t *payload, size_t count)
{
    size_t size = 2;
    room[0] = (uint8_t)(0x80 | opcode);
    if (count < 126) {
        room[1] = (uint8_t)(0x80 | count);
    } else if (count < 65536) {
        room[1] = 0x80 | 126;
        room[size++] = (uint8_t)(count >> 8);
        room[size++] = (uint8_t)count;
    } else {
        room[1] = 0x80 | 127;
        for (int shift = 56; shift >= 0; shift -= 8)
            room[size++] = (uint8_t)((uint64_t)count >> shift);
    }
    uint8_t *key = room + size;
    memcpy(key, &mask, 4);
    size += 4;
    for (size_t i = 0; i < count; i++)
        room[size + i] = payload[i] ^ key[i & 3];
    return size + count;
}

/* The whole header's length, as far as its first two bytes tell. */
static size_t header_length(const struct reader *reader)
{
    if (reader->have < 2)
        return 2;
    switch (reader->header[1] & 0x7f) {
    case 126:
        return 4;
    case 127:
        return 10;
    }
    return 2;
}

static bool begin_frame(struct reader *reader, size_t length)
{
    const uint8_t *header = reader->header;
    reader->opcode = header[0] & 0x0f;
    reader->left = header[1] & 0x7f;
    if (length > 2) {
        reader->left = 0;
        for (size_t i = 2; i < length; i++)
            reader->left = reader->left << 8 | header[i];
    }
    reader->have = 0;
    reader->in_frame = true;
    reader->control_have = 0;
    bool final = header[0] & 0x80;
    if ((header[0] & 0x70) != 0 || (header[1] & 0x80) != 0)
        return false; /* a reserved bit, or masked */
    if (reader->opcode >= OPCODE_CLOSE)
        return final && reader->opcode <= OPCODE_PONG && reader->left <= CONTROL_MAX;
    bool continues = reader->opcode == 0;
    bool right = reader->opcode <= OPCODE_BINARY && continues == reader->in_message;
    reader->in_message = !final;
    return right;
}

static size_t read_header(struct reader *reader, const uint8_t *bytes, size_t count,
                          enum found *found)
{
    size_t taken = 0;
    while (reader->have < header_length(reader) && taken < count)
        reader->header[reader->have++] = bytes[taken++];
    size_t length = header_length(reader);
    if (reader->have == length && !begin_frame(reader, length))
        *found = FOUND_WRONG;
    return taken;
}

size_t reader_next(struct reader *reader, const uint8_t *bytes, size_t count, enum found *found)
{
    size_t taken = 0;
    *found = FOUND_NOTHING;
    if (!reader->in_frame) {
        taken = read_header(reader, bytes, count, found);
        if (!reader->in_frame || *found == FOUND_WRONG)
            return taken;
    }
    size_t there = count - taken < reader->left ? count - taken : (size_t)reader->left;
    reader->left -= there;
    reader->in_frame = reader->left > 0;
    if (reader->opcode >= OPCODE_CLOSE) {
        memcpy(reader->control + reader->control_have, bytes + taken, there);
        reader->control_have += there;
        reader->payload = reader->control;
        reader->count = reader->control_have;
        if (!reader->in_frame)
            *found = FOUND_CONTROL;
    } else if (there > 0) {
        reader->payload = bytes + taken;
        reader->count = there;
        *found = FOUND_PAYLOAD;
    }
    return taken + there;
}
