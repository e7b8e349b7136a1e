"""Streams: one connected socket each, plain or TLS, with one set of verbs.

A stream that waits holds no buffer.  One greenlet may read while another
writes; two readers, or two writers, are the caller's error.
"""

from __future__ import annotations

from typing import Protocol

from ..model import Buffer


class StreamBroken(OSError):
    """The connection broke off, or was aborted from our side."""


class StreamTimeout(StreamBroken):
    """The deadline of a call passed before it was done."""


class Stream(Protocol):
    """A two-way byte stream."""

    @property
    def tls_version(self) -> str | None:
        """Such as "TLSv1.3", or None on a plain socket."""

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
