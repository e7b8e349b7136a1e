"""The faults that the proxy is put through: what is done, and what must come of it.

Each has a number.  A test that bears `@pytest.mark.fault(NUMBER)` shows one;
`make faults` runs them all and writes what it measured into docs/faults.md.
Deadlines are scaled down by settings where the text names long ones.
"""

from __future__ import annotations

# Number: (what is done, what must come of it).
FAULTS = {
    1: ("the target's port is closed", "Close 1011 that says so in under a second, or 502"),
    2: ("the target drops what knocks", "Close 1011 when `--dial-timeout` is over; nothing left"),
    3: ("IPv6 silent, IPv4 good", "connected in under 600 ms"),
    4: ("DNS hangs for 50 dials", "dials to addresses take under 50 ms; each hanging one ends"),
    5: ("the target speaks, then ends", "every byte, then Close 1000"),
    6: ("the target speaks, then resets", "a prefix, then Close 1011"),
    7: ("a client sends and closes, the target reads slowly", "all arrives, then FIN and no RST"),
    8: ("the same, and the target speaks meanwhile", "all arrives, then FIN and no RST"),
    9: ("the target ends its half, the client still sends", "the target gets what is sent"),
    10: ("the client resets inside a frame", "the target's side ends in a second, no traceback"),
    11: (
        "an idle client, or target, vanishes",
        "noticed by keepalive, within 2 times its idle time",
    ),
    12: (
        "a client, or target, vanishes with data under way",
        "noticed when the kernel gives up; who lives and does not read is kept",
    ),
    13: ("a client does not read, the target floods", "under 640 KiB of ours a session"),
    14: ("the target does not read for long", "the session lives, pings or not"),
    15: ("a byte a packet, both legs, both ways", "the same bytes; 32 KiB of head under 50 ms"),
    16: ("2 s of delay, 1 s of jitter", "nobody is taken for dead"),
    17: ("10 KiB/s", "no loss, no hoard"),
    18: ("a client's FIN comes 30 s late", "closed at the lingering limit, descriptor free"),
    19: ("slowloris: a request in drips, thousands", "each cut in time; others connect fast"),
    20: ("TLS hellos that stop in the middle", "each cut in time"),
    21: ("connections that say nothing", "each cut in time, under 15 KiB each"),
    22: ("more clients than descriptors", "no busy loop, a line a second at most, recovers"),
    23: ("no descriptor at dial, at a record, at a page", "that one is told; nobody else hurt"),
    24: ("the disk is full while recording", "the session lives, the record still parses"),
    25: ("the records' directory goes, or hides a link", "refused; nothing written outside"),
    26: ("SIGTERM with hundreds of sessions", "all told 1001, what was accepted arrives"),
    27: ("a second SIGTERM, or SIGINT", "over within a second"),
    28: ("hundreds of reloads under load, half of them bad", "nobody dropped, nothing failed"),
    29: ("a certificate swapped, then SIGHUP", "the next handshake has it, sessions live"),
    30: ("a worker is killed", "the others' sessions live, another takes its place"),
    31: ("SIGSTOP for 20 s, SIGCONT", "sessions go on, none taken for dead"),
    32: ("a wrapped command that dies at once, each time", "backed off, no zombies, no load"),
    33: ("a login hook or plugin raises, hangs, talks nonsense", "denied, others unhurt"),
    34: ("a token API errs, floods, redirects, drips", "denied in time, little of it read"),
    35: ("the clock jumps a day, back or forth", "nobody is disconnected"),
    36: ("a frame of 2^63-1 bytes; one of 2^63", "carried as it comes; Close 1002"),
    37: ("ten million empty fragments", "memory flat, others answered"),
    38: ("a million pings, pongs unread", "pongs are not hoarded"),
    39: ("a deflate bomb of a GiB", "Close 1009, memory flat"),
    40: ("Autobahn's suite", "none failed"),
    41: ("invalid requests and upgrades", "each its status, connection closed"),
    42: ("a second request behind a refused upgrade", "never answered"),
    43: ("every kind of Origin with every kind of Host", "as the table says"),
    44: ("handshakes at once, each with its own token", "each reaches its own target"),
    45: ("paths and tokens that climb", "nothing outside is opened"),
    46: ("signed tokens forged or odd", "all denied"),
    47: ("connections come and go by the hundred a second", "descriptors and memory as before"),
    48: ("random tampering with both legs of many sessions", "a prefix, or the whole if orderly"),
    49: ("packets lost, doubled and out of order", "no loss, only time"),
    50: ("a target over TLS is cut without close_notify", "Close 1011, no orderly end"),
}
