"""A stream over an `SSLSocket` that another server has made.

Where TLS is ours, `tls` does it better: a socket in OpenSSL's hands loses a
session whose peer renews its keys while we are in the middle of a write.  This
is for connections that come with their handshake done.
"""

from __future__ import annotations

import socket
import ssl
from contextlib import suppress

from gevent import ssl as gssl

from ..model import Buffer
from .leaving import has_hung_up
from .stream import FIRST_READ, StreamBroken

# What TLS makes one record of (RFC 8446, section 5.1): as far as a write gets
# before it is counted.
RECORD = 16384


class SslSocketStream:
    """A connected TLS socket of gevent's, owned from here on."""

    __slots__ = ("_sock", "read_count", "reading", "write_count", "writing")

    def __init__(self, sock: gssl.SSLSocket) -> None:
        self._sock = sock
        self.read_count = self.write_count = 0
        self.reading = self.writing = False

    @property
    def tls_version(self) -> str:
        return self._sock.version() or "TLS"

    @property
    def tls_object(self) -> gssl.SSLSocket:
        """What knows the peer's certificate."""
        return self._sock

    def hung_up(self) -> bool:
        """Whether the peer sends no more, though all it sent may still lie unread."""
        descriptor = self._sock.fileno()
        return descriptor < 0 or has_hung_up(descriptor)

    def read_some(self) -> bytes:
        """Return what has come, b"" at the end.  May switch."""
        self.reading = True
        try:
            data = self._sock.recv(FIRST_READ)
        except (OSError, ValueError) as exc:
            raise _broken(exc) from exc
        finally:
            self.reading = False
        self.read_count += 1
        return data

    def write_all(self, *segments: Buffer) -> bool:
        """Write every segment, joined.  May switch.

        The answer is always True: how often the socket was full is not told.
        """
        data = memoryview(segments[0] if len(segments) == 1 else b"".join(segments))
        self.writing = True
        try:
            for at in range(0, len(data), RECORD):
                self._sock.sendall(data[at : at + RECORD])
                self.write_count += 1
        except (OSError, ValueError) as exc:
            raise _broken(exc) from exc
        finally:
            self.writing = False
        return True

    def finish(self) -> None:
        """Send close_notify and the FIN.  Never switches.

        What comes from the peer afterwards is only good to be discarded.
        """
        # Without a timeout it sends the close_notify and does not wait for the
        # peer's, which is what it then complains of.
        self._sock.settimeout(0)
        with suppress(OSError, ValueError):
            self._sock.unwrap()
        try:
            self._sock.settimeout(None)
            self._sock.shutdown(socket.SHUT_WR)
        except OSError as exc:
            raise _broken(exc) from exc

    def abort(self) -> None:
        """Close the socket; who waits in a verb gets `StreamBroken`.  Never switches."""
        self._sock.close()


def _broken(exc: OSError | ValueError) -> StreamBroken:
    """A ValueError is how the socket says that its TLS is over."""
    if isinstance(exc, ssl.SSLError):
        return StreamBroken(f"TLS broke: {exc.reason or exc}")
    return StreamBroken(*exc.args)
