# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False
"""TLS as a stream over a stream, compiled: the twin of `tls.TlsStream`.

The theory is the twin's: OpenSSL works between two memory buffers, and only
the holder of the sending lock takes ciphertext out.  What is saved here are
objects.  Ciphertext is read into one buffer that all streams share, and
plaintext is decrypted straight into that of whoever asks; neither lives
behind a switch.
"""

import ssl
from contextlib import suppress

import gevent
from cpython.buffer cimport PyBUF_READ, PyBUF_WRITE
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.memoryview cimport PyMemoryView_FromMemory
from gevent.lock import Semaphore
from libc.string cimport memcpy

from ..errors import TlsFailed
from ._plain cimport LARGEST, NOTHING, CompiledStream, PlainStream, shared_buffer
from .stream import FIRST_READ, StreamBroken
from .tls import BUFFER_STEP, RECORD, TRUNCATED, failure_of, fault_of

cdef enum:
    # What a record adds to its plaintext, at most (RFC 8446, section 5.2).
    OVERHEAD = 256

cdef unsigned char CIPHERTEXT[LARGEST]
cdef object INCOMING = PyMemoryView_FromMemory(<char *>CIPHERTEXT, LARGEST, PyBUF_WRITE)
cdef Py_ssize_t STEP = BUFFER_STEP
cdef Py_ssize_t FIRST = FIRST_READ
# A record that was begun may be finished by a read, and is to find room as well.
cdef Py_ssize_t BEGUN = RECORD + OVERHEAD
cdef object WantRead = ssl.SSLWantReadError
cdef object ZeroReturn = ssl.SSLZeroReturnError
cdef object SslError = ssl.SSLError


cdef class TlsStream(CompiledStream):
    """One side of a TLS connection, server or client; owns the stream below."""

    cdef object _lower
    cdef PlainStream _plain
    cdef object _incoming
    cdef object _outgoing
    cdef readonly object _tls
    cdef object _sending
    # Ciphertext that a full socket has left, in front of what is in `_outgoing`.
    cdef bytes _left
    cdef object _fault
    cdef bint _ended
    # Plaintext that came with the end of the handshake.
    cdef bytes _early
    cdef Py_ssize_t _read_size

    def __init__(self, lower, context, *, server_side, server_hostname=None):
        self._lower = lower
        self._plain = lower if isinstance(lower, PlainStream) else None
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context.wrap_bio(
            self._incoming,
            self._outgoing,
            server_side=server_side,
            server_hostname=server_hostname,
        )
        self._sending = Semaphore()
        self._left = self._early = b""
        self._read_size = FIRST

    @classmethod
    def accept(cls, lower, context, first=b""):
        """Shake hands as the server.  May switch; the caller sets the deadline."""
        cdef TlsStream stream = cls(lower, context, server_side=True)
        stream._handshake(first)
        return stream

    @classmethod
    def connect(cls, lower, context, *, server_hostname=None, first=b""):
        """Shake hands as the client; otherwise like `accept`.  May switch."""
        cdef TlsStream stream = cls(
            lower, context, server_side=False, server_hostname=server_hostname
        )
        stream._handshake(first)
        return stream

    @property
    def tls_version(self):
        return self._tls.version()

    @property
    def tls_object(self):
        """What knows the peer's certificate."""
        return self._tls

    def hung_up(self):
        return self._lower.hung_up()

    @property
    def read_count(self):
        return self._lower.read_count

    @property
    def write_count(self):
        return self._lower.write_count

    @property
    def reading(self):
        return self._lower.reading

    @property
    def writing(self):
        return self._lower.writing

    # -- The handshake ---------------------------------------------------------------------

    def _handshake(self, first):
        """May switch."""
        try:
            self._agree(first)
        except SslError as exc:
            with suppress(StreamBroken):
                self._flush()  # the alert that tells the peer why
            raise failure_of(exc) from exc
        except StreamBroken as exc:
            raise TlsFailed("the connection broke in the TLS handshake", detail=str(exc)) from exc

    def _agree(self, received):
        """May switch."""
        self._incoming.write(received)
        while not self._agreed():
            self._flush()
            received = self._lower.read_some()
            if not received:
                raise TlsFailed("the peer left in the middle of the TLS handshake")
            self._incoming.write(received)
        self._flush()
        self._decrypt_early()

    def _decrypt_early(self):
        """What came in the same packet as the peer's Finished.  Never switches."""
        cdef Py_ssize_t got
        pieces = []
        while got := self._decrypt(shared_buffer(), LARGEST):
            pieces.append(PyBytes_FromStringAndSize(<char *>shared_buffer(), got))
        self._early = b"".join(pieces)
        self._answer()

    def _agreed(self):
        try:
            self._tls.do_handshake()
        except WantRead:
            return False
        return True

    # -- In ----------------------------------------------------------------------------------

    def read_some(self):
        """Return all the plaintext of what has come.  May switch."""
        cdef Py_ssize_t got = NOTHING
        while got == NOTHING:
            if self.drained:
                self.until_readable()
            got = self.receive(shared_buffer(), self._read_size)
        if self.drained:
            self._read_size = FIRST
        elif self._read_size < LARGEST:
            self._read_size *= 2
        return PyBytes_FromStringAndSize(<char *>shared_buffer(), got)

    cdef Py_ssize_t receive(self, unsigned char *buffer, Py_ssize_t size) except -1:
        """No more ciphertext is read than finds room in the buffer, so none stays undecrypted."""
        cdef Py_ssize_t got = 0, came
        if self._early:
            got = min(size, PyBytes_GET_SIZE(self._early))
            memcpy(buffer, PyBytes_AS_STRING(self._early), got)
            self._early = self._early[got:]
        while not got and not self._ended:
            if self._fault is not None:
                raise self._fault
            came = self._read_lower(size - BEGUN)
            if came == NOTHING:
                return NOTHING
            if not came:
                raise StreamBroken(TRUNCATED)
            got = self._take(came, buffer, size)
        return got

    cdef Py_ssize_t _read_lower(self, Py_ssize_t size) except -1:
        """Read ciphertext into the buffer that is there for it.

        May switch where the stream below is not a compiled one.
        """
        cdef Py_ssize_t came
        if self._plain is not None:
            came = self._plain.receive(CIPHERTEXT, size)
            self.drained = self._plain.drained
            return came
        data = self._lower.read_some()
        came = len(data)
        INCOMING[:came] = data
        return came

    cdef Py_ssize_t _take(
        self, Py_ssize_t came, unsigned char *buffer, Py_ssize_t size
    ) except -1:
        """Decrypt what came, to the last whole record; return how much plaintext that is."""
        cdef Py_ssize_t at = 0, got = 0
        while at < came:
            self._incoming.write(INCOMING[at:min(at + STEP, came)])
            at += STEP
            got += self._decrypt(buffer + got, size - got)
        self._answer()
        return got

    cdef Py_ssize_t _decrypt(self, unsigned char *buffer, Py_ssize_t size) except -1:
        """A fault is kept, so that what came before it is read before it."""
        cdef Py_ssize_t got = 0, more
        try:
            # Whole records are taken out of OpenSSL, so it holds none of which
            # the memory buffer does not know.
            while got < size and not self._ended and self._incoming.pending:
                more = self._tls.read(
                    size - got,
                    PyMemoryView_FromMemory(<char *>buffer + got, size - got, PyBUF_WRITE),
                )
                got += more
                self._ended = not more
        except WantRead:
            pass
        except ZeroReturn:
            self._ended = True
        except SslError as exc:
            self._fault = fault_of(exc)
        return got

    cdef int until_readable(self) except -1:
        """May switch.  What has been decrypted, or found out, needs no waiting for."""
        if self._early or self._ended or self._fault is not None or self._plain is None:
            return 0
        self._plain.until_readable()
        self.drained = False
        return 0

    cdef int _answer(self) except -1:
        """See that what the TLS layer owes is sent, but not by the reader.  Never switches."""
        if self._outgoing.pending and not self._sending.locked():
            gevent.spawn(self._send_answers)
        return 0

    def _send_answers(self):
        """A greenlet begins here; whoever uses the stream will see what broke it.  May switch."""
        with suppress(StreamBroken), self._sending:
            self._flush()

    # -- Out ---------------------------------------------------------------------------------

    cdef Py_ssize_t send_nowait(self, const unsigned char *data, Py_ssize_t size) except -1:
        cdef Py_ssize_t taken = 0, step, sent
        cdef bytes records
        if self._plain is None or self._left or self._sending.locked():
            return 0
        while taken < size and not self._left:
            step = min(size - taken, STEP)
            try:
                self._tls.write(PyMemoryView_FromMemory(<char *>data + taken, step, PyBUF_READ))
            except SslError:
                return taken  # the next write finds it again
            taken += step
            records = self._outgoing.read()
            sent = self._plain.send_nowait(
                <const unsigned char *>PyBytes_AS_STRING(records), PyBytes_GET_SIZE(records)
            )
            self._left = records[sent:]
        return taken

    cdef bint owes(self):
        return bool(self._left)

    def write_all(self, *segments):
        """Encrypt and send; the answer is about the ciphertext.  May switch."""
        cdef Py_ssize_t start
        whole = True
        view = memoryview(segments[0] if len(segments) == 1 else b"".join(segments))
        with self._sending:
            self._flush()
            for start in range(0, len(view), STEP):
                try:
                    self._tls.write(view[start:start + STEP])
                except SslError as exc:
                    raise fault_of(exc) from exc
                whole = self._lower.write_all(self._outgoing.read()) and whole
            self._flush()
        return whole

    def _flush(self):
        """Send all that waits.  May switch; for the lock's holder only."""
        if self._left:
            left, self._left = self._left, b""
            self._lower.write_all(left)
        while self._outgoing.pending:
            self._lower.write_all(self._outgoing.read())

    def finish(self):
        """Send close_notify, then the FIN of the stream below.  May switch."""
        with self._sending:
            # It asks for the peer's close_notify too, and stumbles over data
            # instead; but none was left undecrypted.
            with suppress(SslError):
                self._tls.unwrap()
            self._flush()
        self._lower.finish()

    def abort(self):
        """Close the stream below, without a close_notify.  Never switches."""
        self._lower.abort()
