#define _GNU_SOURCE
#include "session.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#define READ_BYTES (512 << 10)
/* One TLS record a read; some reads a turn keep the turns few. */
#define TLS_READS_A_TURN 32

static uint8_t buffer[READ_BYTES];

void session_wrong(const struct session *session, const char *what)
{
    fail("session %td of mode %s: %s", session - run.all, run.mode->name, what);
}

/* The session is over and may have been started anew by the mode. */
static void failed(struct session *session, const char *why)
{
    if (run.mode->failed == NULL)
        session_wrong(session, why);
    link_close(&session->link);
    run.mode->failed(session, why);
}

void session_start(struct session *session)
{
    void *own = session->own;
    *session = (struct session){.own = own, .began = now_nanoseconds()};
    link_open(&session->link, run.port, run.tls);
    session->writing = true;
    watch(run.epoll, session->link.fd, EPOLLIN | EPOLLOUT, session);
}

static void set_writing(struct session *session, bool writing)
{
    if (writing == session->writing)
        return;
    session->writing = writing;
    rewatch(run.epoll, session->link.fd, writing ? EPOLLIN | EPOLLOUT : EPOLLIN, session);
}

/* A failed write is left to the reading side, which hears why. */
static bool flush_out(struct session *session)
{
    while (session->out_have > 0) {
        ssize_t sent = link_write(&session->link, session->out, session->out_have);
        if (sent <= 0)
            return false;
        session->out_have -= (size_t)sent;
        memmove(session->out, session->out + sent, session->out_have);
    }
    return true;
}

void session_write(struct session *session)
{
    const struct mode *mode = run.mode;
    bool waits = false;
    if (mode->between == NULL || mode->between(session))
        waits = !flush_out(session);
    if (!waits && mode->more != NULL && session->phase == OPEN)
        waits = mode->more(session);
    set_writing(session, waits);
}

static void put(struct session *session, int opcode, const void *bytes, size_t count)
{
    static uint32_t mask = 0x5bd1e995;
    if (session->out_have + count + FRAME_HEADER_MAX > OUT_MAX)
        session_wrong(session, "too much waits to be written");
    if (run.raw) {
        memcpy(session->out + session->out_have, bytes, count);
        session->out_have += count;
        return;
    }
    mask = mask * 1664525u + 1013904223u;
    session->out_have +=
        frame_write(session->out + session->out_have, opcode, mask, bytes, count);
}

void session_say(struct session *session, const void *bytes, size_t count)
{
    put(session, OPCODE_BINARY, bytes, count);
    session_write(session);
}

void session_order(struct session *session, enum order_kind kind, uint32_t size, uint64_t amount)
{
    struct order order = {
        .kind = (uint8_t)kind, .apart = run.apart, .size = size, .amount = amount};
    put(session, OPCODE_BINARY, &order, sizeof order);
}

void session_leave(struct session *session)
{
    session->phase = LEAVING;
    if (!run.raw)
        put(session, OPCODE_CLOSE, "\x03\xe8", 2);
    session_write(session);
    if (run.raw)
        link_finish(&session->link);
}

static void opened_link(struct session *session)
{
    session->phase = run.raw ? GREETED_NEXT : UPGRADING;
    if (!run.raw)
        session->out_have =
            opening_write((char *)session->out, OUT_MAX, run.port, run.tls);
    session_write(session);
}

static void secure(struct session *session)
{
    bool wants_write = false;
    int result = link_secure(&session->link, &wants_write);
    if (result == 1)
        opened_link(session);
    else if (result == LINK_LATER)
        set_writing(session, wants_write);
    else
        failed(session, "TLS handshake failed");
}

static void payload(struct session *session, const uint8_t *bytes, size_t count)
{
    if (session->phase == GREETED_NEXT) {
        if (bytes[0] != GREETING)
            session_wrong(session, "no greeting");
        session->phase = OPEN;
        run.mode->opened(session);
        bytes++, count--;
    }
    if (count > 0 && session->phase == LEAVING)
        session_wrong(session, "payload that nobody ordered");
    if (count > 0)
        run.mode->data(session, bytes, count);
}

/* NULL, or what is wrong. */
static const char *control(struct session *session)
{
    if (session->reader.opcode == OPCODE_PING) {
        put(session, OPCODE_PONG, session->reader.payload, session->reader.count);
        session_write(session);
    }
    if (session->reader.opcode == OPCODE_CLOSE) {
        session->close_heard = true;
        if (session->phase != LEAVING)
            return "the proxy closed";
    }
    return NULL;
}

static const char *frames(struct session *session, const uint8_t *bytes, size_t count)
{
    while (count > 0) {
        enum found found;
        size_t taken = reader_next(&session->reader, bytes, count, &found);
        bytes += taken, count -= taken;
        if (found == FOUND_WRONG)
            return "a frame that no server may send";
        if (found == FOUND_PAYLOAD)
            payload(session, session->reader.payload, session->reader.count);
        const char *wrong = found == FOUND_CONTROL ? control(session) : NULL;
        if (wrong != NULL)
            return wrong;
    }
    return NULL;
}

static const char *upgrade(struct session *session, const uint8_t *bytes, size_t count)
{
    size_t before = session->head_have;
    size_t room = HEAD_MAX - before, taken = count < room ? count : room;
    memcpy(session->head + before, bytes, taken);
    session->head_have += taken;
    int length = opening_read(session->head, session->head_have);
    if (length < 0)
        return "the upgrade was refused";
    if (length == 0)
        return session->head_have == HEAD_MAX ? "the answer's head is too long" : NULL;
    session->phase = GREETED_NEXT;
    size_t of_head = (size_t)length - before;
    return frames(session, bytes + of_head, count - of_head);
}

static const char *arrived(struct session *session, const uint8_t *bytes, size_t count)
{
    if (session->phase == UPGRADING)
        return upgrade(session, bytes, count);
    if (run.raw) {
        payload(session, bytes, count);
        return NULL;
    }
    return frames(session, bytes, count);
}

static void ended(struct session *session, ssize_t how)
{
    if (session->phase != LEAVING) {
        failed(session, how == LINK_END ? "the proxy ended the connection" : "connection reset");
        return;
    }
    run.resets += how != LINK_END;
    run.unanswered += !run.raw && !session->close_heard;
    link_close(&session->link);
    run.mode->gone(session);
}

static void read_some(struct session *session)
{
    for (int reads = run.tls ? TLS_READS_A_TURN : 1; reads > 0; reads--) {
        ssize_t got = link_read(&session->link, buffer, READ_BYTES);
        if (got == LINK_LATER)
            return;
        if (got <= 0) {
            ended(session, got);
            return;
        }
        const char *wrong = arrived(session, buffer, (size_t)got);
        if (wrong != NULL) {
            failed(session, wrong);
            return;
        }
    }
}

void session_event(struct session *session, uint32_t events)
{
    if (session->phase == CONNECTING) {
        if (!link_connected(&session->link)) {
            failed(session, "could not connect");
            return;
        }
        session->phase = SECURING;
        if (!run.tls)
            opened_link(session);
    }
    if (session->phase == SECURING) {
        secure(session);
        return;
    }
    if (events & EPOLLOUT)
        session_write(session);
    if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
        read_some(session);
}
