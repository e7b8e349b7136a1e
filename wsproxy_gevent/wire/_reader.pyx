# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False
"""The reading half of RFC 6455 framing, compiled: the twin of `hybi_reader`.

`receive` gives the same events for the same bytes.  `take` is what the twin
has no counterpart of: it works in the caller's own buffer.  Data is unmasked
and closed up there in one pass, so that the payload of all the frames of one
read can leave in one send, whatever their sizes; only control frames become
objects.  Nothing is allocated for data.

The invariants are the twin's: every check is made at the first byte that can
fail it, and what is found depends on the bytes and never on the cuts.
"""

from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from cpython.ref cimport Py_XDECREF, PyObject
from libc.stdint cimport uint64_t
from libc.string cimport memcpy, memmove

from ..errors import ProtocolError
from .frames import INSIDE, MASK_RULES, OUTSIDE, Role, read_close
from .payload import decoders
from .session import A_FEW_PINGS, FRAMES_AT_ONCE, Close, Data, Failed, Opcode, Ping, Pong, joined

cdef extern from "xor.h" nogil:
    void wsproxy_xor(
        unsigned char *to, const unsigned char *source, size_t size,
        const unsigned char *key, unsigned phase
    )
    void wsproxy_xor_short(
        unsigned char *to, const unsigned char *source, size_t size, const unsigned char *key
    )

cdef extern from "Python.h":
    PyObject *new_bytes "PyBytes_FromStringAndSize" (const char *data, Py_ssize_t size) except NULL
    int _PyBytes_Resize(PyObject **bytes, Py_ssize_t size) except -1

cdef enum:
    FIN = 0x80
    OPCODE = 0x0F
    MASKED = 0x80
    CONTROL = 0x08
    PING = 0x09
    CLOSE = 0x08
    LONGEST_HEADER = 14
    LONGEST_CONTROL = 125
    # First bytes of messages of one frame, and the header that goes with a short one.
    WHOLE_TEXT = 0x81
    WHOLE_BINARY = 0x82
    SHORT_HEADER = 6

cdef Py_ssize_t AT_ONCE = FRAMES_AT_ONCE
cdef int FEW = A_FEW_PINGS

# Whether a first byte can stand between messages and inside of one.
cdef bint ALLOWED[2][256]
for _first in range(256):
    ALLOWED[0][_first] = not isinstance(OUTSIDE[_first], str)
    ALLOWED[1][_first] = not isinstance(INSIDE[_first], str)

cdef class Reader:
    """The reading half of a session without extensions."""

    def __init__(self, kind, role, *, check_text):
        self._decoders = dict(decoders(kind, check_text=check_text))
        self._server = role is Role.SERVER
        self._message = Opcode.BINARY
        self._rest = b""

    @property
    def mid_frame(self):
        return (self._held_size > 0 or self._left > 0) and not self._over

    @property
    def held_bytes(self):
        """What is kept between two reads, in bytes."""
        control = self._taken if self._left and self._first & CONTROL else 0
        return self._held_size + control + len(self._rest)

    @property
    def pending(self):
        return len(self._rest) > 0 and not self._over

    def receive(self, data):
        """As `Session.receive`."""
        cdef Py_buffer view
        cdef list events = []
        if self._rest:
            data, self._rest = self._rest + bytes(data), b""
        PyObject_GetBuffer(data, &view, PyBUF_SIMPLE)
        self._given = None if self._server else memoryview(data)
        try:
            self._read(<const unsigned char *>view.buf, view.len, events)
        except ProtocolError as error:
            self._over = True
            events.append(Failed(error.with_traceback(None)))
        finally:
            self._given = None
            PyBuffer_Release(&view)
        return events

    def payload_of(self, data):
        """As `Session.payload_of`."""
        cdef Py_buffer view
        cdef list events = []
        cdef PyObject *payload
        cdef Py_ssize_t start, size
        if not self.is_plain():
            return joined(self.receive(data))
        PyObject_GetBuffer(data, &view, PyBUF_SIMPLE)
        payload = new_bytes(NULL, view.len)
        try:
            size = self.take(
                <unsigned char *>view.buf, view.len,
                <unsigned char *>PyBytes_AS_STRING(<bytes>payload), &start, events
            )
        except:
            Py_XDECREF(payload)
            raise
        finally:
            PyBuffer_Release(&view)
        return _cut(payload, size), events

    cdef bint is_plain(self):
        """Whether data is to be handed on as it is, and none is left over."""
        return not self._decoders and not self._rest

    # -- In the caller's buffer ----------------------------------------------------------

    cdef Py_ssize_t take(
        self, const unsigned char *data, Py_ssize_t size, unsigned char *to, Py_ssize_t *start,
        list events
    ) except -1:
        """Leave the data's payload in `to`, from `start`; return its size.

        `to` has room for `size` bytes and may be `data` itself.  For readers
        that are plain.  A flood of Pings becomes the last of them, for no
        other would be answered, and several Pongs become one.
        """
        cdef Py_ssize_t at = 0, out = 0
        start[0] = 0
        self._pings = self._pongs = 0
        self._latest = None
        try:
            while at < size and not self._over:
                if not (self._left or self._held_size or self._inside):
                    at = self._skim(data, at, size, to, start, &out)
                    if at == size:
                        break
                if not self._left:
                    at += self._begin(data + at, size - at)
                    if self._held_size:
                        break
                at += self._squeeze(data, at, size, to, start, &out, events)
        except ProtocolError as error:
            self._over = True
            self._tell_latest(events)
            events.append(Failed(error.with_traceback(None)))
        self._tell_latest(events)
        return out

    cdef Py_ssize_t _skim(
        self, const unsigned char *data, Py_ssize_t at, Py_ssize_t size,
        unsigned char *to, Py_ssize_t *start, Py_ssize_t *out
    ) noexcept:
        """Take short masked messages that are all there; return where that ends.

        Streams of small messages are what framing costs most in.  These few
        lines do with such frames what the rest of this class would do.
        """
        cdef Py_ssize_t length
        if not self._server:
            return at
        while size - at >= SHORT_HEADER:
            length = data[at + 1] - MASKED
            if data[at] != WHOLE_BINARY and data[at] != WHOLE_TEXT:
                break
            if not 0 <= length <= LONGEST_CONTROL or size - at < SHORT_HEADER + length:
                break
            if not out[0] and to == data:
                start[0] = at + SHORT_HEADER
            wsproxy_xor_short(
                to + start[0] + out[0], data + at + SHORT_HEADER, length, data + at + 2
            )
            out[0] += length
            at += SHORT_HEADER + length
            self.frames += 1
        return at

    cdef Py_ssize_t _squeeze(
        self, const unsigned char *data, Py_ssize_t at, Py_ssize_t size,
        unsigned char *to, Py_ssize_t *start, Py_ssize_t *out, list events
    ) except -1:
        """Take what is there of one frame's payload; return how much that is."""
        cdef Py_ssize_t there = size - at
        if self._left < <uint64_t>there:
            there = self._left
        if self._first & CONTROL:
            if there or not self._left:
                self._control(data + at, there, events, True)
            return there
        if not out[0] and to == data:
            start[0] = at  # the first piece is not moved
        self._unmask(to + start[0] + out[0], data + at, there)
        out[0] += there
        if not self._left:
            self._inside = not self._first & FIN
        return there

    cdef void _tell_latest(self, list events):
        if self._latest is not None:
            events[:] = [event for event in events if not isinstance(event, Ping)]
            events.append(Ping(self._latest))
            self._latest = None

    # -- Event by event --------------------------------------------------------------------

    cdef int _read(self, const unsigned char *data, Py_ssize_t size, list events) except -1:
        cdef Py_ssize_t at = 0, frames = 0
        while at < size and not self._over:
            if frames >= AT_ONCE:
                self._rest = PyBytes_FromStringAndSize(<const char *>data + at, size - at)
                return 0
            if not self._left:
                at += self._begin(data + at, size - at)
                if self._held_size:
                    return 0
            at += self._piece(data, at, size, events)
            frames += 1
        return 0

    cdef Py_ssize_t _piece(
        self, const unsigned char *data, Py_ssize_t at, Py_ssize_t size, list events
    ) except -1:
        """Take what is there of one frame's payload; return how much that is."""
        cdef Py_ssize_t there = size - at
        if self._left < <uint64_t>there:
            there = self._left
        if self._left and not there:
            return 0  # its header is all that has come
        if self._first & CONTROL:
            self._control(data + at, there, events, False)
            return there
        self._deliver(self._unmasked(data, at, there), events)
        if not self._left:
            self._inside = not self._first & FIN
        return there

    cdef object _unmasked(self, const unsigned char *data, Py_ssize_t at, Py_ssize_t size):
        """A piece of payload: a fresh object, or without a mask a view of what was given."""
        cdef bytes piece
        if self._given is not None:
            self._taken += size
            self._left -= size
            return self._given[at:at + size]
        piece = PyBytes_FromStringAndSize(NULL, size)
        self._unmask(<unsigned char *>PyBytes_AS_STRING(piece), data + at, size)
        return piece

    cdef int _deliver(self, piece, list events) except -1:
        cdef bint final = self._first & FIN and not self._left
        fault = None
        decoder = self._decoders.get(self._message)
        if decoder is not None:
            piece, fault = decoder.decode(piece, final=final)
            final = final and fault is None
        if final or len(piece):
            events.append(Data(piece, self._message, bool(final)))
        if fault is not None:
            raise fault
        return 0

    # -- Headers -----------------------------------------------------------------------------

    cdef Py_ssize_t _begin(self, const unsigned char *data, Py_ssize_t size) except -1:
        """Read a header, perhaps a held one's end; return the bytes used up.

        If it is not all there yet, all are: `_held_size` says so.
        """
        cdef Py_ssize_t held = self._held_size, more, header
        if not held:
            header = self._header(data, size)
            if not header:
                memcpy(self._held, data, size)
                self._held_size = header = size
            return header
        more = min(size, LONGEST_HEADER - held)
        memcpy(self._held + held, data, more)
        header = self._header(self._held, held + more)
        self._held_size = 0 if header else held + more
        return header - held if header else more

    cdef Py_ssize_t _header(self, const unsigned char *head, Py_ssize_t have) except -1:
        """Open the frame whose header this is; return its size, 0 if not all there."""
        cdef uint64_t length = 0
        cdef Py_ssize_t size
        if not ALLOWED[self._inside][head[0]]:
            raise ProtocolError((INSIDE if self._inside else OUTSIDE)[head[0]])
        size = self._length(head, have, &length)
        if not size:
            return 0
        if self._server:
            if have < size + 4:
                return 0
            memcpy(self._key, head + size, 4)
            size += 4
        self._first, self._left, self._taken = head[0], length, 0
        if not head[0] & CONTROL:
            self.frames += 1
            if head[0] & OPCODE:
                self._message = TEXT if head[0] & OPCODE == 1 else BINARY
        return size

    cdef int _length(
        self, const unsigned char *head, Py_ssize_t have, uint64_t *length
    ) except -1:
        """The payload's length and the header's size up to there; 0 if not all there."""
        cdef int short, width, i
        if have < 2:
            return 0
        if bool(head[1] & MASKED) != self._server:
            raise ProtocolError(MASK_RULES[Role.SERVER if self._server else Role.CLIENT])
        short = head[1] & 0x7F
        length[0] = short
        if short <= LONGEST_CONTROL:
            return 2
        if head[0] & CONTROL:
            raise ProtocolError("a control frame is longer than 125 bytes")
        width = 2 if short == 126 else 8
        if width == 8 and have > 2 and head[2] & 0x80:
            raise ProtocolError("a length of 2^63 bytes or more is not allowed")
        if have < 2 + width:
            return 0
        length[0] = 0
        for i in range(width):
            length[0] = length[0] << 8 | head[2 + i]
        if length[0] < <uint64_t>(126 if width == 2 else 1 << 16):
            raise ProtocolError("a length is not in its shortest form")
        return 2 + width

    # -- Payload -----------------------------------------------------------------------------

    cdef void _unmask(
        self, unsigned char *to, const unsigned char *data, Py_ssize_t size
    ) noexcept:
        if self._server:
            wsproxy_xor(to, data, size, self._key, self._taken & 3)
        else:
            memmove(to, data, size)
        self._taken += size
        self._left -= size

    cdef int _control(
        self, const unsigned char *data, Py_ssize_t size, list events, bint merging
    ) except -1:
        cdef bytes body
        self._unmask(self._body + self._taken, data, size)
        if self._left:
            return 0
        body = PyBytes_FromStringAndSize(<const char *>self._body, self._taken)
        if self._first & OPCODE == CLOSE:
            self._tell_latest(events)
            self._end(read_close(body), events)
        elif self._first & OPCODE == PING:
            self._pings += 1
            if merging and self._pings > FEW:
                self._latest = body
            else:
                events.append(Ping(body))
        else:
            self._pongs += 1
            if not (merging and self._pongs > 1):
                events.append(Pong(body))
        return 0

    cdef int _end(self, close, list events) except -1:
        """Nothing follows a Close; a message it interrupts is given up (section 5.5.1)."""
        for decoder in self._decoders.values():
            fault = decoder.end()
            if fault is not None:
                raise fault
        self._over = True
        events.append(close)
        return 0


cdef object _cut(PyObject *fresh, Py_ssize_t size):
    """The fresh bytes object, shortened in its place."""
    _PyBytes_Resize(&fresh, size)
    whole = <object>fresh
    Py_XDECREF(fresh)
    return whole


cdef object TEXT = Opcode.TEXT
cdef object BINARY = Opcode.BINARY


def xor(data, bytes key, /):
    """XOR `data` with the repeated 4-byte key into a fresh object."""
    cdef Py_buffer view
    cdef bytes masked
    PyObject_GetBuffer(data, &view, PyBUF_SIMPLE)
    try:
        masked = PyBytes_FromStringAndSize(NULL, view.len)
        wsproxy_xor(
            <unsigned char *>PyBytes_AS_STRING(masked), <const unsigned char *>view.buf,
            view.len, <const unsigned char *>PyBytes_AS_STRING(key), 0
        )
    finally:
        PyBuffer_Release(&view)
    return masked
