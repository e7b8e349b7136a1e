/* Mode `connect`: connect, handshake, the greeting, close, and again; `at_once` at a
 * time.  A connection counts when the proxy has closed it, too.  Failures are counted,
 * and the run fails at its end, or when there are too many.
 */
#include "session.h"

#include <stdio.h>

#define ERRORS_MOST 100

static uint64_t started;
static int resting;

static void next(struct session *session)
{
    bool over = run_is_over() || (run.most > 0 && started >= run.most);
    if (over) {
        run.finished = ++resting == run.sessions;
        return;
    }
    started++;
    session_start(session);
}

static void begin(void)
{
    for (int i = 0; i < run.sessions; i++)
        next(&run.all[i]);
}

static void gone(struct session *session)
{
    run.connections++;
    samples_add(&run.latency, now_nanoseconds() - session->began);
    next(session);
}

static void failed(struct session *session, const char *why)
{
    if (run.errors++ == 0)
        snprintf(run.first_error, sizeof run.first_error, "%s", why);
    if (run.errors == ERRORS_MOST)
        session_wrong(session, why);
    next(session);
}

static void data(struct session *session, const uint8_t *bytes, size_t count)
{
    (void)bytes, (void)count;
    session_wrong(session, "payload that nobody ordered");
}

const struct mode CONNECT_MODE = {
    .name = "connect", .opened = session_leave, .begin = begin, .data = data, .gone = gone,
    .failed = failed};
