"""Streams: one connected socket each, plain or TLS, with one set of verbs.

A stream that waits holds no buffer.  One greenlet may read while another
writes; two readers, or two writers, are the caller's error.

A verb switches only when the kernel makes it wait.  Whoever loops over a
peer that is never slow has to yield of its own accord.
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Sequence
from typing import Protocol

import gevent
from gevent import socket as gsocket

from ..model import Buffer
from .clock import Deadline
from .leaving import has_hung_up

# Large reads are what makes bulk cheap, small ones what keeps a short message
# from costing a large allocation: a read that fills its buffer doubles the
# next one.
FIRST_READ = 64 * 1024
LARGEST_READ = 512 * 1024

# Of Linux (UIO_MAXIOV) and the BSDs; sendmsg takes no more segments at once.
SEGMENTS_AT_ONCE = 1024


class StreamBroken(OSError):
    """The connection broke off, or was aborted from our side."""


class StreamTimeout(StreamBroken):
    """The deadline of a call passed before it was done."""


class Stream(Protocol):
    """A two-way byte stream."""

    @property
    def read_count(self) -> int:
        """The reads that brought something, or found the end."""

    @property
    def write_count(self) -> int:
        """The writes that got something away."""

    @property
    def reading(self) -> bool:
        """Whether a greenlet waits for something to come."""

    @property
    def writing(self) -> bool:
        """Whether a greenlet waits for the peer to take something."""

    @property
    def tls_version(self) -> str | None:
        """Such as "TLSv1.3", or None on a plain socket."""

    def hung_up(self) -> bool:
        """Whether the peer sends no more, though all it sent may still lie unread.

        Also after `abort`.
        """

    def read_some(self) -> bytes:
        """Return what has come, at least one byte; b"" at the end.  May switch.

        Raises `StreamBroken` if the peer reset the connection, if it cut TLS
        off without a close_notify, or after `abort`.
        """

    def write_all(self, *segments: Buffer) -> bool:
        """Write every segment.  May switch; blocks while the peer is full.

        Returns whether the first system call took all of it.  Raises
        `StreamBroken`; how much was written is then unknown.
        """

    def finish(self) -> None:
        """Say that nothing more will be written (FIN; close_notify).  May switch."""

    def abort(self) -> None:
        """Close at once.  A greenlet waiting in a verb gets `StreamBroken`.

        May be called in any state, and again.  Never switches.
        """


class PlainStream:
    """A connected stream socket of gevent's, owned from here on."""

    __slots__ = ("_read_size", "_sock", "read_count", "reading", "write_count", "writing")

    def __init__(self, sock: gsocket.socket) -> None:
        self._sock = sock
        self._read_size = FIRST_READ
        self.read_count = self.write_count = 0
        self.reading = self.writing = False

    @property
    def tls_version(self) -> None:
        return None

    def hung_up(self) -> bool:
        """Whether the peer sends no more, though all it sent may still lie unread."""
        descriptor = self.fileno()
        return descriptor < 0 or has_hung_up(descriptor)

    def fileno(self) -> int:
        """The descriptor, or -1 after `abort`."""
        return self._sock.fileno()

    def peek_first(self) -> bytes:
        """Return the first byte and leave it in the kernel; b"" at the end.  May switch.

        Never more than one byte: a peek for the second would find the first
        still there, be woken at once and again, and freeze the hub.
        """
        try:
            return self._sock.recv(1, socket.MSG_PEEK)
        except OSError as exc:
            raise broken(exc) from exc

    def read_some(self) -> bytes:
        """Return what has come, at most `LARGEST_READ` bytes.  May switch."""
        self.reading = True
        try:
            data = self._sock.recv(self._read_size)
        except OSError as exc:
            raise broken(exc) from exc
        finally:
            self.reading = False
        self.read_count += 1
        if len(data) < self._read_size:
            self._read_size = FIRST_READ
        elif self._read_size < LARGEST_READ:
            self._read_size *= 2
        return data

    def write_all(self, *segments: Buffer) -> bool:
        """Write every segment, gathered into as few system calls as go.  May switch."""
        try:
            rest = self._send_nowait(segments)
            whole = not rest
            while rest:
                rest = self._send_waiting(rest)
        except OSError as exc:
            raise broken(exc) from exc
        return whole

    def finish(self) -> None:
        """Send the FIN.  Never switches.

        Raises `StreamBroken` where there is no connection any more.
        """
        try:
            self._sock.shutdown(socket.SHUT_WR)
        except OSError as exc:
            raise broken(exc) from exc

    def abort(self) -> None:
        """Close the socket; who waits in a verb gets `StreamBroken`.  Never switches.

        This is a plain close: the kernel goes on delivering what it has
        taken, unless bytes of the peer lie unread (it then sends a reset).
        """
        self._sock.close()

    def _send_nowait(self, segments: Sequence[Buffer]) -> Sequence[Buffer]:
        """Return what the socket did not take without waiting."""
        try:
            sent = self._sock.sendmsg(segments[:SEGMENTS_AT_ONCE], (), socket.MSG_DONTWAIT)
        except BlockingIOError:
            return segments
        self.write_count += 1
        return _behind(segments, sent)

    def _send_waiting(self, segments: Sequence[Buffer]) -> Sequence[Buffer]:
        """Return what the socket did not take as soon as it took some.  May switch."""
        self.writing = True
        try:
            sent = self._sock.sendmsg(segments[:SEGMENTS_AT_ONCE])
        finally:
            self.writing = False
        self.write_count += 1
        return _behind(segments, sent)


def _behind(segments: Sequence[Buffer], sent: int) -> Sequence[Buffer]:
    """What comes behind the first `sent` bytes, without a copy."""
    for index, segment in enumerate(segments):
        if sent < len(segment):
            return [memoryview(segment)[sent:], *segments[index + 1 :]]
        sent -= len(segment)
    return ()


def broken(exc: OSError) -> StreamBroken:
    """The `StreamBroken` that says what a socket's own error said."""
    return StreamBroken(*exc.args)


# TCP options by name, for not every system has each; seconds.  Keepalive finds
# the peer that vanished while nothing was said.  TCP_USER_TIMEOUT, which would
# sooner find the one that vanished owing us an answer, is not set: Linux also
# counts the time in which a living peer just does not read, and a session
# that is stalled must not be lost for it.
_TCP_OPTIONS = tuple(
    (getattr(socket, name), value)
    for name, value in (
        ("TCP_NODELAY", 1),
        ("TCP_KEEPIDLE", 60),
        ("TCP_KEEPINTVL", 10),
        ("TCP_KEEPCNT", 6),
    )
    if hasattr(socket, name)
)

# Whether an accepted socket has the options of the one that listens.
INHERITED = sys.platform == "linux"


def tune(sock: gsocket.socket) -> None:
    """Set what each of our connections wants of TCP; nothing on other sockets.

    Raises `StreamBroken` if the connection is gone already.
    """
    if sock.family not in (socket.AF_INET, socket.AF_INET6):
        return
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in _TCP_OPTIONS:
            sock.setsockopt(socket.IPPROTO_TCP, option, value)
    except OSError as exc:
        raise broken(exc) from exc


def linger(stream: Stream, *, per_read: float, total: float) -> None:
    """Read and discard until the peer ends, then close.  May switch.

    To be called after `finish`: a socket that is closed over unread bytes
    sends a reset, which overtakes and kills what was written last (RFC 9112,
    section 9.6).  Each read has `per_read` seconds, all of them `total`; a
    peer that takes longer, or breaks off, is closed just the same.
    """
    deadline = Deadline(total)
    try:
        while _read_before(deadline, per_read, stream):
            # A peer that sends without pause would otherwise never let the
            # hub see to its deadline.
            gevent.sleep(0)
    except StreamBroken:
        pass
    finally:
        stream.abort()


def _read_before(deadline: Deadline, seconds: float, stream: Stream) -> bytes:
    """May switch."""
    with Deadline(min(seconds, deadline.left)).enforce(_too_long):
        return stream.read_some()


def _too_long() -> StreamTimeout:
    return StreamTimeout("the peer took too long")
