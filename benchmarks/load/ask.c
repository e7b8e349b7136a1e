/* Mode `ask`: one message outstanding per session, echoed by the target.
 * Mode `idle`: sessions that have carried a message each way and then rest; at the
 * end each is asked once more, to see that it still stands.
 */
#include "session.h"

#include <stdlib.h>
#include <string.h>

#define MESSAGE_MOST 125

struct ask {
    uint64_t sent_at;
    uint32_t count;
    bool waiting;
    size_t have;
    uint8_t message[MESSAGE_MOST], answer[MESSAGE_MOST];
};

static int sessions_done;

static void prepare(void)
{
    if (run.size < 16 || run.size > MESSAGE_MOST)
        fail("a message has 16 to %d bytes", MESSAGE_MOST);
}

/* Each message differs from the last one and from those of other sessions. */
static void ask(struct session *session)
{
    struct ask *own = session->own;
    uint64_t number = (uint64_t)(session - run.all) << 32 | own->count++;
    memcpy(own->message, pattern + number % 4096, run.size);
    memcpy(own->message, &number, sizeof number);
    own->have = 0;
    own->waiting = true;
    own->sent_at = now_nanoseconds();
    session_say(session, own->message, run.size);
}

static void opened(struct session *session)
{
    session_order(session, ORDER_ECHO, 0, 0);
    ask(session);
}

/* True when the answer is whole. */
static bool answered(struct session *session, const uint8_t *bytes, size_t count)
{
    struct ask *own = session->own;
    if (!own->waiting || own->have + count > run.size)
        session_wrong(session, "more came back than was sent");
    memcpy(own->answer + own->have, bytes, count);
    own->have += count;
    if (own->have < run.size)
        return false;
    if (memcmp(own->answer, own->message, run.size) != 0)
        session_wrong(session, "the echo differs");
    own->waiting = false;
    return true;
}

static void done_one(void)
{
    run.finished = ++sessions_done == run.sessions;
}

static void data_ask(struct session *session, const uint8_t *bytes, size_t count)
{
    struct ask *own = session->own;
    if (!answered(session, bytes, count))
        return;
    if (!run.going) {
        run_ready();
        return;
    }
    run.messages++;
    run.bytes += run.size;
    samples_add(&run.latency, now_nanoseconds() - own->sent_at);
    if (run_is_over())
        done_one();
    else
        ask(session);
}

static void begin(void)
{
    for (int i = 0; i < run.sessions; i++)
        ask(&run.all[i]);
}

static void data_idle(struct session *session, const uint8_t *bytes, size_t count)
{
    if (!answered(session, bytes, count))
        return;
    if (run.going)
        done_one();
    else
        run_ready();
}

const struct mode ASK_MODE = {.name = "ask",
                              .own_bytes = sizeof(struct ask),
                              .prepare = prepare,
                              .opened = opened,
                              .begin = begin,
                              .data = data_ask};
const struct mode IDLE_MODE = {.name = "idle",
                               .own_bytes = sizeof(struct ask),
                               .prepare = prepare,
                               .opened = opened,
                               .begin = begin,
                               .data = data_idle};
