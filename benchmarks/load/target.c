/* The service behind the proxy: `target PORT` on 127.0.0.1, until it is killed.
 *
 * One process, one epoll.  What it does in a session is ordered by the client
 * (see load.h).  A session with output that the socket would not take is not
 * read: that keeps the order of bytes and is all the buffering there is.
 */
#define _GNU_SOURCE
#include "load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define SMALL_BYTES 4096
#define READ_BYTES (512 << 10)
#define WRITES_A_TURN 16

/* Bytes were wrong, which the client has been told: the rest is swallowed. */
#define SPOILT ORDER_REPORT

struct session {
    int fd;
    uint8_t doing; /* an order_kind; 0 while waiting for an order */
    bool writing;  /* watched for EPOLLOUT instead of EPOLLIN */
    uint8_t order_bytes[ORDER_BYTES];
    size_t order_have;
    struct order order;
    uint64_t left; /* bytes of the order still to come or go */
    struct check check;
    const uint8_t *out; /* not yet taken by the socket */
    size_t out_left;
    uint8_t small[SMALL_BYTES]; /* what `out` points to, unless it is the pattern */
    uint64_t next_picture;
    struct session *next_scene, *previous_scene;
};

static int epoll;
static int listener;
static uint8_t buffer[READ_BYTES];
static uint8_t *picture;
static struct session *scenes;

static void forget_scene(struct session *session)
{
    if (session->previous_scene != NULL)
        session->previous_scene->next_scene = session->next_scene;
    else if (scenes == session)
        scenes = session->next_scene;
    if (session->next_scene != NULL)
        session->next_scene->previous_scene = session->previous_scene;
}

static void end(struct session *session)
{
    if (listener < 0)
        exit(0); /* the one session of a process apart */
    forget_scene(session);
    close(session->fd);
    free(session);
}

/* False when the session has ended. */
static bool flush(struct session *session)
{
    while (session->out_left > 0) {
        ssize_t sent = send(session->fd, session->out, session->out_left, MSG_NOSIGNAL);
        if (sent < 0 && errno == EAGAIN)
            break;
        if (sent < 0) {
            end(session);
            return false;
        }
        session->out += sent;
        session->out_left -= (size_t)sent;
    }
    return true;
}

static bool send_small(struct session *session, const void *bytes, size_t count)
{
    if (count > SMALL_BYTES || session->out_left > 0)
        fail("the client sent %zu bytes ahead of an answer", count);
    memcpy(session->small, bytes, count);
    session->out = session->small;
    session->out_left = count;
    return flush(session);
}

/* Writes of `order.size` bytes: a piece is not joined with the next one. */
static bool send_down(struct session *session)
{
    for (int writes = 0; session->left > 0 && writes < WRITES_A_TURN; writes++) {
        uint64_t position = session->order.amount - session->left;
        size_t piece = session->order.size < session->left ? session->order.size : session->left;
        session->out = pattern + position % DOWN_PERIOD(session->order.size);
        session->out_left = piece;
        session->left -= piece;
        if (!flush(session))
            return false;
        if (session->out_left > 0)
            return true;
    }
    if (session->left == 0)
        session->doing = 0;
    return true;
}

static bool report(struct session *session)
{
    struct order answer = {
        .kind = ORDER_REPORT, .size = session->check.wrong, .amount = session->order.amount};
    session->doing = session->check.wrong > 0 ? SPOILT : 0;
    return send_small(session, &answer, sizeof answer);
}

/* A scene's pictures begin at a moment of its own, so that they do not come in volleys. */
static void begin_scene(struct session *session)
{
    if (picture == NULL) {
        picture = malloc(PATTERN_BYTES);
        if (picture == NULL)
            fail("no memory for a picture");
        memcpy(picture, pattern, PATTERN_BYTES);
        picture[0] = RECORD_PICTURE;
    }
    uint64_t period = 1000000000u / session->order.amount;
    session->next_picture = now_nanoseconds() + (uint64_t)rand() % period;
    session->next_scene = scenes;
    if (scenes != NULL)
        scenes->previous_scene = session;
    scenes = session;
}

static bool carry_out(struct session *session);
_Noreturn static void serve_forever(void);

/* The child keeps this session alone; the parent forgets it.  Returns in the parent. */
static void move_apart(struct session *session)
{
    pid_t child = fork();
    if (child < 0)
        fail("fork: %s", strerror(errno));
    if (child > 0) {
        epoll_ctl(epoll, EPOLL_CTL_DEL, session->fd, NULL);
        end(session);
        return;
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    unsigned fd = (unsigned)session->fd;
    close_range(3, fd - 1, 0);
    close_range(fd + 1, ~0u, 0);
    listener = -1;
    scenes = NULL;
    epoll = epoll_create1(EPOLL_CLOEXEC);
    carry_out(session);
    session->writing = session->out_left > 0 || session->doing == ORDER_DOWN;
    watch(epoll, session->fd, session->writing ? EPOLLOUT : EPOLLIN, session);
    serve_forever();
}

static bool carry_out(struct session *session)
{
    switch (session->order.kind) {
    case ORDER_DOWN:
        return send_down(session);
    case ORDER_UP:
    case ORDER_ECHO:
        return true;
    case ORDER_SCENE:
        begin_scene(session);
        return true;
    }
    return false; /* `is_sound` knows no other */
}

static bool is_sound(const struct order *order)
{
    switch (order->kind) {
    case ORDER_DOWN:
        return order->size > 0 && order->size <= DOWN_SIZE_MAX;
    case ORDER_UP:
        return order->size > 0 && order->size <= PATTERN_BYTES;
    case ORDER_SCENE:
        return order->size > 0 && order->size <= PATTERN_BYTES && order->amount > 0;
    }
    return order->kind == ORDER_ECHO;
}

static bool obey(struct session *session)
{
    memcpy(&session->order, session->order_bytes, ORDER_BYTES);
    session->order_have = 0;
    const struct order *order = &session->order;
    if (!is_sound(order)) {
        session->check.wrong = 1; /* it is no order, but something out of place */
        return report(session);
    }
    session->doing = order->kind;
    session->left = order->amount;
    session->check = (struct check){.period = order->size};
    if (order->apart && listener >= 0) {
        move_apart(session);
        return false;
    }
    return carry_out(session);
}

/* Takes what it can of the bytes, returns how many; -1 when the session has ended. */
static ssize_t take(struct session *session, const uint8_t *bytes, size_t count)
{
    if (session->doing == ORDER_ECHO || session->doing == ORDER_SCENE)
        return send_small(session, bytes, count) ? (ssize_t)count : -1;
    if (session->doing == SPOILT)
        return (ssize_t)count;
    if (session->doing == ORDER_UP) {
        size_t taken = count < session->left ? count : session->left;
        check_bytes(&session->check, bytes, taken);
        session->left -= taken;
        bool over = session->left == 0 || session->check.wrong > 0;
        if (over && !report(session))
            return -1;
        return (ssize_t)taken;
    }
    size_t missing = ORDER_BYTES - session->order_have;
    size_t taken = count < missing ? count : missing;
    memcpy(session->order_bytes + session->order_have, bytes, taken);
    session->order_have += taken;
    if (session->order_have == ORDER_BYTES && !obey(session))
        return -1;
    return (ssize_t)taken;
}

/* No more is read than can be acted upon at once: an answer fits into `small`, and
 * an order that comes behind a download stays in the socket until that is done. */
static size_t room(const struct session *session)
{
    if (session->doing == ORDER_UP || session->doing == SPOILT)
        return READ_BYTES;
    return session->doing == 0 ? ORDER_BYTES - session->order_have : SMALL_BYTES;
}

static void readable(struct session *session)
{
    ssize_t got = recv(session->fd, buffer, room(session), 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0) {
        end(session);
        return;
    }
    size_t done = 0;
    while (done < (size_t)got) {
        ssize_t taken = take(session, buffer + done, (size_t)got - done);
        if (taken < 0)
            return;
        done += (size_t)taken;
    }
    bool writing = session->out_left > 0 || session->doing == ORDER_DOWN;
    if (writing != session->writing) {
        session->writing = writing;
        rewatch(epoll, session->fd, writing ? EPOLLOUT : EPOLLIN, session);
    }
}

static void writable(struct session *session)
{
    if (!flush(session))
        return;
    if (session->out_left == 0 && session->doing == ORDER_DOWN && !send_down(session))
        return;
    if (session->out_left == 0 && session->doing != ORDER_DOWN) {
        session->writing = false;
        rewatch(epoll, session->fd, EPOLLIN, session);
    }
}

static void accept_all(void)
{
    for (;;) {
        int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0 && errno == ECONNABORTED)
            continue;
        if (fd < 0 && errno != EAGAIN)
            fail("accept: %s", strerror(errno));
        if (fd < 0)
            return;
        set_nodelay(fd);
        struct session *session = calloc(1, sizeof *session);
        if (session == NULL)
            fail("no memory for a session");
        session->fd = fd;
        watch(epoll, fd, EPOLLIN, session);
        send_small(session, &(char){GREETING}, 1);
    }
}

/* A picture that finds the last one still on its way is left out, as a VNC server
 * would; the client counts what it got.  Returns milliseconds to the next one. */
static int send_pictures(void)
{
    uint64_t now = now_nanoseconds(), soonest = UINT64_MAX;
    for (struct session *session = scenes, *next; session != NULL; session = next) {
        next = session->next_scene;
        if (session->next_picture <= now) {
            session->next_picture += 1000000000u / session->order.amount;
            if (session->out_left == 0) {
                session->out = picture;
                session->out_left = session->order.size;
                if (!flush(session))
                    continue;
                if (session->out_left > 0 && !session->writing) {
                    session->writing = true;
                    rewatch(epoll, session->fd, EPOLLOUT, session);
                }
            }
        }
        if (session->next_picture < soonest)
            soonest = session->next_picture;
    }
    if (scenes == NULL)
        return -1;
    return soonest <= now ? 0 : (int)((soonest - now) / 1000000 + 1);
}

_Noreturn static void serve_forever(void)
{
    struct epoll_event events[64];
    for (;;) {
        int count = epoll_wait(epoll, events, 64, send_pictures());
        for (int i = 0; i < count; i++) {
            struct session *session = events[i].data.ptr;
            if (session == NULL)
                accept_all();
            else if (session->writing)
                writable(session);
            else
                readable(session);
        }
    }
}

static int listen_on(int port)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, (struct sockaddr *)&address, sizeof address) != 0 || listen(fd, 4096) != 0)
        fail("port %d: %s", port, strerror(errno));
    return fd;
}

int main(int count, char **arguments)
{
    if (count != 2)
        fail("usage: target PORT");
    signal(SIGCHLD, SIG_IGN);
    allow_many_files();
    pattern_fill();
    listener = listen_on(atoi(arguments[1]));
    epoll = epoll_create1(EPOLL_CLOEXEC);
    watch(epoll, listener, EPOLLIN, NULL);
    serve_forever();
}
