/* Mode `scene`: each session gets pictures all the time, as a console does, and a
 * key is typed in each now and then; measured is how long the key's echo takes.
 */
#include "session.h"

#include <stdlib.h>
#include <string.h>

struct scene {
    size_t left, whole; /* of the record that arrives; 0 between records */
    size_t have;
    uint8_t key[KEY_BYTES];
    bool waiting, seen;
    uint64_t typed_at, next_key;
};

static uint64_t key_period;
static int keys_on_their_way;

static void opened(struct session *session)
{
    session_order(session, ORDER_SCENE, run.size, (uint64_t)run.rate);
    session_write(session);
}

static void type_key(struct session *session)
{
    struct scene *own = session->own;
    uint8_t key[KEY_BYTES] = {RECORD_KEY};
    own->typed_at = now_nanoseconds();
    own->waiting = true;
    keys_on_their_way++;
    memcpy(key + 8, &own->typed_at, sizeof own->typed_at);
    session_say(session, key, sizeof key);
}

static void key_came_back(struct session *session)
{
    struct scene *own = session->own;
    if (!own->waiting || memcmp(own->key + 8, &own->typed_at, sizeof own->typed_at) != 0)
        session_wrong(session, "a key came back that was not typed");
    own->waiting = false;
    keys_on_their_way--;
    samples_add(&run.latency, now_nanoseconds() - own->typed_at);
}

static void record_done(struct session *session)
{
    struct scene *own = session->own;
    if (own->whole == KEY_BYTES) {
        key_came_back(session);
    } else if (run.going) {
        run.messages++;
        run.bytes += own->whole;
    } else if (!own->seen) {
        own->seen = true;
        run_ready();
    }
}

static void begin_record(struct session *session, uint8_t first)
{
    struct scene *own = session->own;
    if (first != RECORD_KEY && first != RECORD_PICTURE)
        session_wrong(session, "bytes arrived that were not sent");
    own->whole = own->left = first == RECORD_KEY ? KEY_BYTES : run.size;
    own->have = 0;
}

/* The last bytes of a picture tell whether it is whole and in place. */
static void take(struct session *session, const uint8_t *bytes, size_t count)
{
    struct scene *own = session->own;
    size_t position = own->whole - own->left;
    if (own->whole == KEY_BYTES)
        memcpy(own->key + position, bytes, count);
    else if (bytes[count - 1] != pattern[position + count - 1] && position + count > 1)
        session_wrong(session, "bytes arrived that were not sent");
    own->left -= count;
    if (own->left == 0)
        record_done(session);
}

static void data(struct session *session, const uint8_t *bytes, size_t count)
{
    struct scene *own = session->own;
    while (count > 0) {
        if (own->left == 0)
            begin_record(session, bytes[0]);
        size_t taken = count < own->left ? count : own->left;
        take(session, bytes, taken);
        bytes += taken, count -= taken;
    }
}

static void begin(void)
{
    key_period = 1000000000u;
    for (int i = 0; i < run.sessions; i++) {
        struct scene *own = run.all[i].own;
        own->next_key = run.began + (uint64_t)rand() % key_period;
    }
}

/* A session that waits for an echo types no other key.  The run ends when all are
 * back: those that take long count most. */
static int tick(void)
{
    uint64_t now = now_nanoseconds();
    if (!run.going)
        return -1;
    if (run_is_over()) {
        run.finished = keys_on_their_way == 0;
        return 1;
    }
    for (int i = 0; i < run.sessions; i++) {
        struct scene *own = run.all[i].own;
        if (own->next_key > now)
            continue;
        own->next_key += key_period;
        run.expected++;
        if (!own->waiting)
            type_key(&run.all[i]);
    }
    return 1;
}

const struct mode SCENE_MODE = {.name = "scene",
                                .own_bytes = sizeof(struct scene),
                                .opened = opened,
                                .begin = begin,
                                .tick = tick,
                                .data = data};
