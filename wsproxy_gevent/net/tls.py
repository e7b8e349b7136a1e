"""TLS as a stream over a stream.

OpenSSL never sees the socket.  Ciphertext goes in and out through two memory
buffers, and this module moves it.  That is what makes two greenlets safe on
one connection: with the socket in OpenSSL's hands, an answer which the TLS
layer owes while it reads (to a KeyUpdate, say) runs into a write that is
under way and breaks the session.  Here the answer is appended behind what
was encrypted before it, and whoever holds the sending lock sends it.

Two rules follow.  Only the holder of the lock takes bytes out of the
outgoing buffer, so records leave in the order they were made.  And the
reader never waits for the lock or for the socket's other direction: a peer
that stops reading until we have read more would wait for ever.
"""

from __future__ import annotations

import ssl
from contextlib import suppress

import gevent
from gevent.lock import Semaphore

from ..errors import TlsFailed
from ..model import Buffer
from .stream import Stream, StreamBroken

# A memory buffer keeps the largest size it ever had.  It is filled in steps,
# or an idle connection would hold the memory of its busiest moment.
BUFFER_STEP = 32 * 1024

# Plaintext encrypted before it is sent on; what a full socket leaves waiting.
WRITE_STEP = 64 * 1024

# The most plaintext in one record (RFC 8446, section 5.1).
RECORD = 16 * 1024

TRUNCATED = "TLS was cut off without a close_notify: truncated"

# What OpenSSL calls the commoner failures, and what to say of them.
_CURES = {
    "UNSUPPORTED_PROTOCOL": "the peer speaks no TLS that is new enough (--ssl-version)",
    "VERSION_TOO_LOW": "the peer speaks no TLS that is new enough (--ssl-version)",
    "NO_SHARED_CIPHER": "the peer knows none of our ciphers",
    "HTTP_REQUEST": "plain HTTP came where TLS was expected",
    "WRONG_VERSION_NUMBER": "these bytes are not TLS",
    "TLSV1_ALERT_UNKNOWN_CA": "the peer does not trust our certificate",
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN": "the peer does not trust our certificate",
    "SSLV3_ALERT_BAD_CERTIFICATE": "the peer does not accept our certificate",
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": "our certificate has expired",
    "PEER_DID_NOT_RETURN_A_CERTIFICATE": "the peer showed no certificate, and one is required",
    "CERTIFICATE_VERIFY_FAILED": "the peer's certificate could not be verified",
}


class TlsStream:
    """One side of a TLS connection, server or client; owns the stream below.

    Made by `accept` or `connect`, which return when the handshake is done.
    """

    __slots__ = (
        "_ended",
        "_fault",
        "_incoming",
        "_lower",
        "_outgoing",
        "_plain",
        "_sending",
        "_tls",
    )

    def __init__(
        self,
        lower: Stream,
        context: ssl.SSLContext,
        *,
        server_side: bool,
        server_hostname: str | None = None,
    ) -> None:
        self._lower = lower
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context.wrap_bio(
            self._incoming,
            self._outgoing,
            server_side=server_side,
            server_hostname=server_hostname,
        )
        self._sending = Semaphore()
        self._plain: list[bytes] = []
        self._ended = False
        self._fault: StreamBroken | None = None

    @classmethod
    def accept(cls, lower: Stream, context: ssl.SSLContext, first: bytes = b"") -> TlsStream:
        """Shake hands as the server.  May switch; the caller sets the deadline.

        `first` is ciphertext that has been read from `lower` already.
        Raises `TlsFailed`; closing `lower` is then left to the caller.
        """
        stream = cls(lower, context, server_side=True)
        stream._handshake(first)
        return stream

    @classmethod
    def connect(
        cls,
        lower: Stream,
        context: ssl.SSLContext,
        *,
        server_hostname: str | None = None,
        first: bytes = b"",
    ) -> TlsStream:
        """Shake hands as the client; otherwise like `accept`.  May switch.

        `server_hostname` is what the certificate is checked against and what
        SNI names.
        """
        stream = cls(lower, context, server_side=False, server_hostname=server_hostname)
        stream._handshake(first)
        return stream

    @property
    def tls_version(self) -> str | None:
        return self._tls.version()

    @property
    def tls_object(self) -> ssl.SSLObject:
        """What knows the peer's certificate."""
        return self._tls

    def hung_up(self) -> bool:
        return self._lower.hung_up()

    @property
    def read_count(self) -> int:
        return self._lower.read_count

    @property
    def write_count(self) -> int:
        return self._lower.write_count

    @property
    def reading(self) -> bool:
        return self._lower.reading

    @property
    def writing(self) -> bool:
        return self._lower.writing

    def read_some(self) -> bytes:
        """Return all the plaintext of what has come.  May switch."""
        while True:
            plain, self._plain = b"".join(self._plain), []
            if plain or self._ended:
                return plain
            if self._fault is not None:
                raise self._fault
            received = self._lower.read_some()
            if not received:
                raise StreamBroken(TRUNCATED)
            self._take(received)

    def write_all(self, *segments: Buffer) -> bool:
        """Encrypt and send; the answer is about the ciphertext.  May switch.

        Segments are joined, for each record costs more than the copy of a
        short one.
        """
        view = memoryview(segments[0] if len(segments) == 1 else b"".join(segments))
        whole = True
        with self._sending:
            for start in range(0, len(view), WRITE_STEP):
                records = self._encrypt(view[start : start + WRITE_STEP])
                whole = self._lower.write_all(*records) and whole
            self._flush()
        return whole

    def finish(self) -> None:
        """Send close_notify, then the FIN of the stream below.  May switch.

        Reading goes on until the peer's own close_notify (RFC 8446, section 6.1).
        """
        with self._sending:
            # It asks for the peer's close_notify too, and stumbles over data
            # instead; but `_take` has left none undecrypted.
            with suppress(ssl.SSLError):
                self._tls.unwrap()
            self._flush()
        self._lower.finish()

    def abort(self) -> None:
        """Close the stream below, without a close_notify.  Never switches."""
        self._lower.abort()

    # -- The handshake -----------------------------------------------------------

    def _handshake(self, first: bytes) -> None:
        """May switch."""
        try:
            self._agree(first)
        except ssl.SSLError as exc:
            with suppress(StreamBroken):
                self._flush()  # the alert that tells the peer why
            raise failure_of(exc) from exc
        except StreamBroken as exc:
            raise TlsFailed("the connection broke in the TLS handshake", detail=str(exc)) from exc

    def _agree(self, received: bytes) -> None:
        """May switch."""
        self._incoming.write(received)
        while not self._agreed():
            self._flush()
            received = self._lower.read_some()
            if not received:
                raise TlsFailed("the peer left in the middle of the TLS handshake")
            self._incoming.write(received)
        self._flush()
        self._take(b"")  # what came in the same packet as the peer's Finished

    def _agreed(self) -> bool:
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        return True

    # -- In ------------------------------------------------------------------------

    def _take(self, received: bytes) -> None:
        """Decrypt what came, to the last whole record.  Never switches.

        Between two calls no whole record lies undecrypted.  A fault is kept,
        so that what came before it is read before it.
        """
        view = memoryview(received)
        try:
            self._decrypt()
            for start in range(0, len(view), BUFFER_STEP):
                self._incoming.write(view[start : start + BUFFER_STEP])
                self._decrypt()
        except ssl.SSLError as exc:
            self._fault = fault_of(exc)
        self._answer()

    def _decrypt(self) -> None:
        try:
            while not self._ended and (data := self._tls.read(RECORD)):
                self._plain.append(data)
            self._ended = True
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            self._ended = True

    def _answer(self) -> None:
        """See that what the TLS layer owes is sent, but not by the reader.  Never switches."""
        # A holder of the lock looks once more before it lets go, and nothing
        # switches between that look and the release.
        if self._outgoing.pending and not self._sending.locked():
            gevent.spawn(self._send_answers)

    def _send_answers(self) -> None:
        """A greenlet begins here; whoever uses the stream will see what broke it.  May switch."""
        with suppress(StreamBroken), self._sending:
            self._flush()

    # -- Out -----------------------------------------------------------------------

    def _encrypt(self, plain: memoryview) -> list[bytes]:
        """Records for all of `plain`, behind whatever waits already.  Never switches."""
        records = []
        try:
            while plain:
                plain = plain[self._tls.write(plain[:BUFFER_STEP]) :]
                records.append(self._outgoing.read())
        except ssl.SSLError as exc:
            raise fault_of(exc) from exc
        return records

    def _flush(self) -> None:
        """Send all that waits.  May switch; for the lock's holder only."""
        while self._outgoing.pending:
            self._lower.write_all(self._outgoing.read())


def fault_of(exc: ssl.SSLError) -> StreamBroken:
    fault = StreamBroken(f"TLS broke: {exc.reason or exc}")
    fault.__cause__ = exc
    return fault


def failure_of(exc: ssl.SSLError) -> TlsFailed:
    reason = _CURES.get(exc.reason or "", "the TLS handshake failed")
    return TlsFailed(reason, detail=str(exc))
