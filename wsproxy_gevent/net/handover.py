"""Closing a shared port so that nobody who came is turned away.

Where several processes listen on one port (SO_REUSEPORT) each has a queue of
its own, and the connections that wait in the queue of one that closes are
reset; the kernel passes them on only where an administrator says so
(net.ipv4.tcp_migrate_req).  So first no new one is let in: a filter drops
SYNs, whose senders repeat them a second later and then find another process.
Then all that has come is accepted, and only then the socket is closed.
"""

from __future__ import annotations

import ctypes
import select
import socket
import struct
import sys
from contextlib import suppress

from gevent import monkey

# asm-generic/socket.h; the module `socket` does not have it.
SO_ATTACH_FILTER = 26

# linux/bpf_common.h, as (code, jump if true, jump if false, operand).  What
# the filter of a TCP socket sees begins with the TCP header, whose octet 13
# has the SYN bit (RFC 9293, section 3.1).
_DROP_SYNS = (
    (0x30, 0, 0, 13),  # ldb [13]
    (0x45, 0, 1, 0x02),  # jset SYN
    (0x06, 0, 0, 0),  # ret 0: drop
    (0x06, 0, 0, 0xFFFF_FFFF),  # ret -1: keep
)


def refuse_newcomers(listener: socket.socket) -> bool:
    """Let no new connection into the queue; False where that cannot be had."""
    if not sys.platform.startswith("linux") or listener.family == socket.AF_UNIX:
        return False
    code = b"".join(struct.pack("HBBI", *step) for step in _DROP_SYNS)
    kept = ctypes.create_string_buffer(code, len(code))  # the kernel copies it at once
    program = struct.pack("HP", len(_DROP_SYNS), ctypes.addressof(kept))
    with suppress(OSError):
        listener.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, program)
        return True
    return False


def has_queue(listener: socket.socket) -> bool:
    """Whether somebody waits to be accepted.  Never switches."""
    poll = monkey.get_original("select", "poll")()
    poll.register(listener.fileno(), select.POLLIN)
    return bool(poll.poll(0))
