/* The load generator's clients: opens sessions through a proxy, does what the mode
 * says, and prints what it counted as one line of JSON.
 *
 *     client MODE --port N [--sessions N] [--seconds S] [--most N] [--size N] ...
 *
 * With --wait it prints `ready` when all sessions stand, begins when a line comes on
 * standard input, and after the result waits for another line with all sessions
 * still open: so that others can look at the proxy in between.
 */
#define _GNU_SOURCE
#include "session.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define EVENTS_A_TURN 64
#define AT_ONCE 32
/* Beyond the run's own time; whoever is not done then never will be. */
#define PATIENCE_SECONDS 60.0
/* Of one core; beyond it more would have gone through with a faster client. */
#define LIMITED_SHARE 0.9

struct run run = {
    .sessions = 1, .seconds = 3, .at_once = AT_ONCE, .patience = PATIENCE_SECONDS};

static const struct mode *const MODES[] = {&DOWN_MODE,  &UP_MODE,   &ASK_MODE,
                                           &SCENE_MODE, &IDLE_MODE, &CONNECT_MODE};

static const struct option OPTIONS[] = {
    {"port", required_argument, NULL, 'p'},  {"sessions", required_argument, NULL, 'n'},
    {"seconds", required_argument, NULL, 't'}, {"most", required_argument, NULL, 'm'},
    {"size", required_argument, NULL, 's'},  {"rate", required_argument, NULL, 'f'},
    {"raw", no_argument, NULL, 'r'},         {"tls", no_argument, NULL, 'S'},
    {"apart", no_argument, NULL, 'a'},       {"wait", no_argument, NULL, 'w'},
    {"patience", required_argument, NULL, 'P'},
    {NULL, 0, NULL, 0},
};

bool run_is_over(void)
{
    uint64_t done = run.bytes;
    if (run.mode == &CONNECT_MODE)
        done = run.connections;
    else if (run.mode == &ASK_MODE)
        done = run.messages;
    return (run.most > 0 && done >= run.most)
           || (double)(now_nanoseconds() - run.began) >= run.seconds * 1e9;
}

static void open_next(void)
{
    if (run.mode != &CONNECT_MODE && run.opening < run.sessions)
        session_start(&run.all[run.opening++]);
}

void run_ready(void)
{
    run.ready++;
    open_next();
}

static void wait_for_a_line(void)
{
    int byte;
    while ((byte = getchar()) != '\n')
        if (byte == EOF)
            exit(0); /* whoever started us has gone */
}

static void begin(void)
{
    if (run.wait) {
        puts("ready");
        fflush(stdout);
        wait_for_a_line();
    }
    run.going = true;
    run.cpu_began = cpu_seconds();
    run.began = now_nanoseconds();
    run.mode->begin();
}

static bool all_ready(void)
{
    return run.mode == &CONNECT_MODE || run.ready == run.sessions;
}

static void turn(void)
{
    struct epoll_event events[EVENTS_A_TURN];
    int timeout = run.mode->tick != NULL ? run.mode->tick() : -1;
    int count = epoll_wait(run.epoll, events, EVENTS_A_TURN, timeout);
    if (count < 0 && errno != EINTR)
        fail("epoll: %s", strerror(errno));
    for (int i = 0; i < count; i++)
        session_event(events[i].data.ptr, events[i].events);
}

static void print_result(void)
{
    double seconds = (double)(run.ended - run.began) / 1e9;
    double share = (run.cpu_ended - run.cpu_began) / seconds;
    printf("{\"mode\": \"%s\", \"seconds\": %.6f, \"bytes\": %llu, \"messages\": %llu, "
           "\"connections\": %llu, \"expected\": %llu, \"errors\": %llu, \"resets\": %llu, "
           "\"unanswered_closes\": %llu, ",
           run.mode->name, seconds, (unsigned long long)run.bytes,
           (unsigned long long)run.messages, (unsigned long long)run.connections,
           (unsigned long long)run.expected, (unsigned long long)run.errors,
           (unsigned long long)run.resets, (unsigned long long)run.unanswered);
    printf("\"first_error\": \"%s\", \"samples\": %zu, \"p50_us\": %.1f, \"p99_us\": %.1f, "
           "\"cipher\": \"%s\", \"generator_share\": %.3f, \"generator_limited\": %s}\n",
           run.first_error, run.latency.count, samples_percentile(&run.latency, 50) / 1e3,
           samples_percentile(&run.latency, 99) / 1e3,
           run.mode == &CONNECT_MODE ? "" : link_cipher(&run.all[0].link), share,
           share >= LIMITED_SHARE ? "true" : "false");
    fflush(stdout);
}

static void out_of_time(int signal)
{
    (void)signal;
    fail("mode %s: no end in sight after %.0f s; %d of %d sessions were ready, %llu bytes, "
         "%llu messages, %llu connections",
         run.mode->name, run.seconds + run.patience, run.ready, run.sessions,
         (unsigned long long)run.bytes, (unsigned long long)run.messages,
         (unsigned long long)run.connections);
}

static void read_option(int option)
{
    switch (option) {
    case 'p': run.port = atoi(optarg); return;
    case 'n': run.sessions = atoi(optarg); return;
    case 't': run.seconds = atof(optarg); return;
    case 'm': run.most = strtoull(optarg, NULL, 10); return;
    case 's': run.size = (uint32_t)strtoul(optarg, NULL, 10); return;
    case 'f': run.rate = atof(optarg); return;
    case 'P': run.patience = atof(optarg); return;
    case 'r': run.raw = true; return;
    case 'S': run.tls = true; return;
    case 'a': run.apart = true; return;
    case 'w': run.wait = true; return;
    }
    exit(2);
}

static uint32_t usual_size(void)
{
    if (run.mode == &DOWN_MODE)
        return 65536;
    if (run.mode == &UP_MODE)
        return 65000;
    return run.mode == &SCENE_MODE ? 20480 : 64;
}

static void read_command_line(int count, char **arguments)
{
    int option;
    while ((option = getopt_long(count, arguments, "", OPTIONS, NULL)) != -1)
        read_option(option);
    for (size_t i = 0; i < sizeof MODES / sizeof *MODES && optind < count; i++)
        if (strcmp(arguments[optind], MODES[i]->name) == 0)
            run.mode = MODES[i];
    if (run.mode == NULL || run.port == 0 || run.sessions < 1)
        fail("usage: client down|up|ask|scene|idle|connect --port N [--sessions N] "
             "[--seconds S] [--most N] [--size N] [--rate N] [--raw] [--tls] [--apart] [--wait] "
             "[--patience S]");
    if (run.size == 0)
        run.size = usual_size();
    if (run.rate == 0)
        run.rate = 5;
}

static void prepare(void)
{
    signal(SIGPIPE, SIG_IGN);
    signal(SIGALRM, out_of_time);
    alarm((unsigned)(run.seconds + run.patience) + 1);
    allow_many_files();
    pattern_fill();
    if (run.tls)
        link_prepare_tls();
    if (run.mode->prepare != NULL)
        run.mode->prepare();
    run.epoll = epoll_create1(EPOLL_CLOEXEC);
    run.all = calloc((size_t)run.sessions, sizeof *run.all);
    for (int i = 0; run.all != NULL && i < run.sessions; i++)
        run.all[i].own = calloc(1, run.mode->own_bytes + 1);
}

int main(int count, char **arguments)
{
    read_command_line(count, arguments);
    prepare();
    for (int i = 0; i < run.at_once; i++)
        open_next();
    while (!all_ready())
        turn();
    begin();
    while (!run.finished)
        turn();
    run.ended = now_nanoseconds();
    run.cpu_ended = cpu_seconds();
    print_result();
    if (run.wait)
        wait_for_a_line();
    return run.errors > 0;
}
