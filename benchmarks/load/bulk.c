/* Modes `down` and `up`: as many bytes as go through.
 *
 * A session moves slices, each ordered from the target; so what was moved is
 * counted exactly, and nothing is on the way when the run is over.  Slices are
 * doubled as long as one is through in SLICE_NANOSECONDS: slow proxies end in
 * time, and fast ones do not notice the orders.
 */
#include "session.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define SLICE_FIRST_BYTES (64u << 10)
#define SLICE_MOST_BYTES (64u << 20)
#define SLICE_NANOSECONDS 200000000u
#define WRITE_MOST_BYTES (256u << 10)
#define WRITES_A_TURN 4
/* Slices ordered and not through.  Upstream there are as many as fill the proxy's
 * buffers, so that it works under the pressure of a sender that does not wait. */
#define AHEAD_DOWN 2
#define AHEAD_UP 16

struct slice {
    uint64_t pieces, left, ordered_at;
};

struct bulk {
    uint64_t pieces;               /* of the next slice */
    struct slice slices[AHEAD_UP]; /* down: the first is arriving */
    int count;
    struct check check;
    uint64_t sent, end;          /* up: bytes on the wire, of the newest slice */
    size_t owed;                 /* up: offered to TLS and not taken */
    uint8_t report[ORDER_BYTES]; /* up: as far as it has arrived */
    size_t report_have;
    bool done;
};

static int sessions_done;

static void add_slice(struct bulk *bulk)
{
    if (bulk->pieces == 0)
        bulk->pieces = SLICE_FIRST_BYTES > run.size ? SLICE_FIRST_BYTES / run.size : 1;
    bulk->slices[bulk->count++] = (struct slice){.pieces = bulk->pieces,
                                                 .left = bulk->pieces * run.size,
                                                 .ordered_at = now_nanoseconds()};
}

/* The first slice is through. */
static void drop_slice(struct bulk *bulk)
{
    const struct slice *slice = &bulk->slices[0];
    run.bytes += slice->pieces * run.size;
    run.messages += slice->pieces;
    if (now_nanoseconds() - slice->ordered_at < SLICE_NANOSECONDS
        && slice->pieces == bulk->pieces && bulk->pieces * 2 * run.size <= SLICE_MOST_BYTES)
        bulk->pieces *= 2;
    memmove(bulk->slices, bulk->slices + 1, (size_t)--bulk->count * sizeof *bulk->slices);
}

static void end_if_done(struct bulk *bulk)
{
    if (bulk->count > 0 || bulk->done || !run_is_over())
        return;
    bulk->done = true;
    run.finished = ++sessions_done == run.sessions;
}

static void opened(struct session *session)
{
    (void)session;
    run_ready();
}

/* ---- down ---- */

static void prepare_down(void)
{
    if (run.size > DOWN_SIZE_MAX)
        fail("pieces of %u bytes are too large", run.size);
}

static void order_down(struct session *session)
{
    struct bulk *bulk = session->own;
    while (bulk->count < AHEAD_DOWN && !run_is_over()) {
        add_slice(bulk);
        session_order(session, ORDER_DOWN, run.size, bulk->pieces * run.size);
    }
    session_write(session);
    end_if_done(bulk);
}

static void begin_down(void)
{
    for (int i = 0; i < run.sessions; i++) {
        struct bulk *bulk = run.all[i].own;
        bulk->check.period = DOWN_PERIOD(run.size);
        order_down(&run.all[i]);
    }
}

static void data_down(struct session *session, const uint8_t *bytes, size_t count)
{
    struct bulk *bulk = session->own;
    while (count > 0) {
        if (bulk->count == 0)
            session_wrong(session, "more bytes than were ordered");
        struct slice *slice = &bulk->slices[0];
        size_t taken = count < slice->left ? count : slice->left;
        check_bytes(&bulk->check, bytes, taken);
        if (bulk->check.wrong > 0)
            session_wrong(session, "bytes arrived that were not sent");
        slice->left -= taken;
        bytes += taken, count -= taken;
        if (slice->left > 0)
            continue;
        bulk->check.position = 0;
        drop_slice(bulk);
        order_down(session);
    }
}

/* ---- up ---- */

/* Frames made in advance, each masked with a key of its own; sent again and again. */
static uint8_t *frames;
static size_t frame_bytes, frames_bytes;
static uint32_t period;

static void prepare_up(void)
{
    uint32_t count = (1u << 20) / run.size;
    if (count == 0)
        fail("frames of %u bytes are too large", run.size);
    period = count * run.size;
    frames = malloc(period + (size_t)count * FRAME_HEADER_MAX);
    if (frames == NULL)
        fail("no memory for frames");
    for (uint32_t i = 0; i < count; i++) {
        uint32_t mask;
        if (getrandom(&mask, sizeof mask, 0) != sizeof mask)
            fail("no randomness for masks");
        const uint8_t *payload = pattern + (size_t)i * run.size;
        uint8_t *room = frames + frames_bytes;
        if (run.raw)
            memcpy(room, payload, run.size);
        size_t size = run.raw ? run.size
                              : frame_write(room, OPCODE_BINARY, mask | 1, payload, run.size);
        frames_bytes += size;
        frame_bytes = size;
    }
}

static bool between_up(const struct session *session)
{
    const struct bulk *bulk = session->own;
    return bulk->owed == 0 && bulk->sent % frame_bytes == 0;
}

/* From the sent position to the end of the frames, of the slice, or, when a small
 * message waits for its turn, of the frame. */
static size_t next_write(const struct session *session)
{
    const struct bulk *bulk = session->own;
    size_t offset = bulk->sent % frames_bytes, count = frames_bytes - offset;
    if (count > bulk->end - bulk->sent)
        count = bulk->end - bulk->sent;
    if (count > WRITE_MOST_BYTES)
        count = WRITE_MOST_BYTES;
    if (session->out_have > 0 && count > frame_bytes - bulk->sent % frame_bytes)
        count = frame_bytes - bulk->sent % frame_bytes;
    return count > bulk->owed ? count : bulk->owed;
}

static void order_up(struct session *session)
{
    struct bulk *bulk = session->own;
    add_slice(bulk);
    bulk->sent = 0;
    bulk->end = bulk->pieces * frame_bytes;
    session_order(session, ORDER_UP, period, bulk->pieces * run.size);
}

/* An order that was put before a slice is sent by `session_write`, in the next turn. */
static bool more_up(struct session *session)
{
    struct bulk *bulk = session->own;
    if (!run.going)
        return false;
    for (int writes = 0; writes < WRITES_A_TURN; writes++) {
        if (bulk->sent == bulk->end) {
            if (bulk->count == AHEAD_UP || run_is_over())
                return false;
            order_up(session);
            return true;
        }
        size_t count = next_write(session);
        ssize_t sent = link_write(&session->link, frames + bulk->sent % frames_bytes, count);
        bulk->owed = sent > 0 || !run.tls ? 0 : count;
        if (sent <= 0)
            return true;
        bulk->sent += (size_t)sent;
        if (session->out_have > 0 && between_up(session))
            return true;
    }
    return true;
}

static void begin_up(void)
{
    for (int i = 0; i < run.sessions; i++)
        session_write(&run.all[i]);
}

static void reported(struct session *session)
{
    struct bulk *bulk = session->own;
    struct order report;
    memcpy(&report, bulk->report, sizeof report);
    bulk->report_have = 0;
    if (report.kind == ORDER_REPORT && report.size > 0)
        session_wrong(session, "the target got bytes that were not sent");
    if (report.kind != ORDER_REPORT || bulk->count == 0
        || report.amount != bulk->slices[0].pieces * run.size)
        session_wrong(session, "the target got more or less bytes than were sent");
    drop_slice(bulk);
    session_write(session);
    if (bulk->sent == bulk->end)
        end_if_done(bulk);
}

static void data_up(struct session *session, const uint8_t *bytes, size_t count)
{
    struct bulk *bulk = session->own;
    for (; count > 0; bytes++, count--) {
        bulk->report[bulk->report_have++] = *bytes;
        if (bulk->report_have == ORDER_BYTES)
            reported(session);
    }
}

const struct mode DOWN_MODE = {.name = "down",
                               .own_bytes = sizeof(struct bulk),
                               .prepare = prepare_down,
                               .opened = opened,
                               .begin = begin_down,
                               .data = data_down};
const struct mode UP_MODE = {.name = "up",
                             .own_bytes = sizeof(struct bulk),
                             .prepare = prepare_up,
                             .opened = opened,
                             .begin = begin_up,
                             .more = more_up,
                             .between = between_up,
                             .data = data_up};
