/* A client's session from connect to close, whatever the mode does in it.
 *
 * A session is raw bytes or a WebSocket, over TCP or TLS; to a mode they look the
 * same.  Whatever is not as it should be ends the program with a message, but in a
 * mode that counts failures itself (`failed`).
 */
#ifndef SESSION_H
#define SESSION_H

#include "frames.h"
#include "link.h"
#include "load.h"

enum phase { CONNECTING, SECURING, UPGRADING, GREETED_NEXT, OPEN, LEAVING };

#define HEAD_MAX 1024
#define OUT_MAX 1024

struct session {
    struct link link;
    enum phase phase;
    bool writing;      /* watched for EPOLLOUT, too */
    bool close_heard;  /* the proxy's Close frame, after ours */
    char head[HEAD_MAX];
    size_t head_have;
    uint8_t out[OUT_MAX]; /* small messages that wait for the socket */
    size_t out_have;
    struct reader reader;
    void *own; /* the mode's, `own_bytes` of zeros at the start */
    uint64_t began;
};

struct mode {
    const char *name;
    size_t own_bytes;
    void (*prepare)(void);                        /* once, before all */
    void (*opened)(struct session *session);      /* the greeting came */
    void (*data)(struct session *session, const uint8_t *bytes, size_t count);
    bool (*more)(struct session *session);        /* writes bulk; true to be called when writable */
    bool (*between)(const struct session *session); /* may a small message go out now? */
    void (*begin)(void);                          /* all sessions are ready: go */
    int (*tick)(void);                            /* each turn; milliseconds to the next */
    void (*gone)(struct session *session);        /* closed as we wanted it */
    void (*failed)(struct session *session, const char *why);
};
extern const struct mode DOWN_MODE, UP_MODE, ASK_MODE, SCENE_MODE, IDLE_MODE, CONNECT_MODE;

/* What was asked for, and what came of it. */
struct run {
    int port, sessions, at_once;
    bool raw, tls, apart, wait;
    double seconds, patience;
    uint64_t most;     /* bytes, messages or connections, as the mode counts */
    uint32_t size;     /* of a frame, a piece, a message or a picture */
    double rate;       /* of pictures, keys */
    const struct mode *mode;

    int epoll;
    struct session *all;
    int opening, ready;
    bool going, finished;
    uint64_t began, ended;
    double cpu_began, cpu_ended;

    uint64_t bytes, messages, connections, expected;
    uint64_t errors, resets, unanswered;
    char first_error[128];
    struct samples latency;
};
extern struct run run;

/* The time or the amount of the run is used up. */
bool run_is_over(void);
/* Ready for `begin`. */
void run_ready(void);

void session_start(struct session *session);
void session_event(struct session *session, uint32_t events);
/* A message in one frame, of at most CONTROL_MAX bytes or so. */
void session_say(struct session *session, const void *bytes, size_t count);
void session_order(struct session *session, enum order_kind kind, uint32_t size, uint64_t amount);
/* Writes what waits, then the mode's bulk, as far as the socket takes it. */
void session_write(struct session *session);
/* Close frame, or the end of the raw stream; `gone` follows when the proxy has closed. */
void session_leave(struct session *session);
_Noreturn void session_wrong(const struct session *session, const char *what);

#endif
