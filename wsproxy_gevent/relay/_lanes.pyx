# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False
"""The two directions of a session, compiled, where nothing stands between the streams.

For binary frames, plain or under TLS, as long as nobody watches.  A lane
carries payload just as `pump` would, one read and one send at a time; what
is not payload it hands to the ends, which know what to do, and whatever it
cannot do at once it leaves to their own verbs.  When it returns, the next
step is the ordinary one: an end, a fault, an observer that has joined.

Read and send share one buffer with all other sessions, so between the two
nobody else runs.  Only what a full socket does not take is copied.
"""

from cpython.bytes cimport PyBytes_FromStringAndSize

from ..net._plain cimport LARGEST, NOTHING, CompiledStream, shared_buffer
from ..net._stacks cimport trim_stack
from ..wire._reader cimport Reader

from ..errors import ProxyError
from ..net.stream import FIRST_READ, StreamBroken
from .turn import SHARE_SECONDS

cdef extern from "time.h" nogil:
    struct timespec:
        long tv_sec
        long tv_nsec
    enum:
        CLOCK_MONOTONIC
    int clock_gettime(int clock, timespec *now)

cdef Py_ssize_t FIRST = FIRST_READ
cdef long long SHARE = int(SHARE_SECONDS * 1e9)

cdef enum:
    # FIN and opcode 2 (RFC 6455, section 5.2).
    BINARY_MESSAGE = 0x82


cdef long long _now() noexcept:
    """Nanoseconds of the monotonic clock."""
    cdef timespec now
    clock_gettime(CLOCK_MONOTONIC, &now)
    return now.tv_sec * 1000000000LL + now.tv_nsec


cdef class _Lane:
    """What both have in common: how much to read, and when to let others run."""

    cdef readonly unsigned long long payload_bytes
    cdef readonly unsigned long long frames
    cdef object _client
    cdef object _target
    cdef object _watch
    cdef CompiledStream _source
    cdef CompiledStream _sink
    cdef Py_ssize_t _size
    cdef long long _since
    # Whether the source has ended.
    cdef bint _over

    def __init__(self, client, target, watch):
        self._client = client
        self._target = target
        self._watch = watch
        self._size = FIRST

    def run(self):
        """Carry until the next step wants the ordinary way.  May switch."""
        raise NotImplementedError

    def run_first(self, then):
        """Carry, and call `then` with the `ProxyError` that ended it, or None.  May switch.

        For a greenlet to begin with: while it waits, no Python waits below.
        """
        error = None
        try:
            self.run()
        except ProxyError as exc:
            error = exc
        then(error)

    cdef bint _wait(self) except -1:
        """Wait for something to read; return whether it is ours to read.  May switch.

        A source that always has more never makes us wait, so when our share
        of time is spent we wait all the same: the loop sees to every socket
        that is ready before it comes back to this one.
        """
        if self._source.drained or _now() - self._since >= SHARE:
            self._source.until_readable()
            self._since = _now()
        return not self._watch.observers  # one may have joined meanwhile

    cdef Py_ssize_t _receive(self) except -1:
        """Read into the shared buffer; 0 at the end, `NOTHING` if nothing came."""
        cdef Py_ssize_t got = self._source.receive(shared_buffer(), self._size)
        if got == self._size and self._size < LARGEST:
            self._size *= 2
        return got


cdef class Upstream(_Lane):
    """Client to target: every frame of one read in one send, however many there are."""

    cdef Reader _reader

    def __init__(self, client, target, watch, source, sink, reader):
        super().__init__(client, target, watch)
        self._source, self._sink, self._reader = source, sink, reader

    def run(self):
        """Carry until the next step wants the ordinary way.  May switch.

        Raises `TargetReset`.
        """
        cdef Py_ssize_t got
        if self._over or self._client.holds:
            return
        trim_stack()
        self._since = _now()
        try:
            while self._wait():
                got = self._receive()
                if not got:
                    self._over = True
                    self._client.ended()
                    return
                if got != NOTHING and not self._take(got):
                    return
        except StreamBroken as broken:
            self._over = True
            self._client.lost(broken)

    cdef bint _take(self, Py_ssize_t got) except -1:
        """Carry what one read brought; return whether to read on.  May switch."""
        cdef Py_ssize_t start, size, sent = 0
        cdef list events = []
        cdef bytes rest = None
        size = self._reader.take(shared_buffer(), got, shared_buffer(), &start, events)
        if size:
            self.payload_bytes += size
            sent = self._sink.send_nowait(shared_buffer() + start, size)
            if sent < size or self._sink.owes():
                self._size = FIRST
                rest = PyBytes_FromStringAndSize(
                    <char *>shared_buffer() + start + sent, size - sent
                )
        # Answered before anything waits: the target may be slow to take the rest.
        if events:
            self._client.heard(events)
        if rest is not None:
            self._target.write_all(rest)
        return not (events and self._client.over)


cdef class Downstream(_Lane):
    """Target to client: what one read brings is one message, sent with its header."""

    cdef object _outbox

    def __init__(self, client, target, watch, source, sink, outbox):
        super().__init__(client, target, watch)
        self._source, self._sink, self._outbox = source, sink, outbox

    def run(self):
        """Carry until the next step wants the ordinary way.  May switch.

        Raises `TargetReset` and `ClientGone`.
        """
        cdef Py_ssize_t got
        if self._over:
            return
        self._since = _now()
        try:
            while self._wait():
                got = self._receive()
                if not got:
                    self._over = True
                    self._target.ended()
                    return
                # Behind a Close nothing is sent; the ordinary way finds out by itself.
                if not self._outbox.open:
                    return
                if got != NOTHING:
                    self._bring(got)
        except StreamBroken as broken:
            raise self._target.broke(broken) from broken

    cdef int _bring(self, Py_ssize_t got) except -1:
        """Send one message.  May switch."""
        cdef unsigned char *frame
        cdef Py_ssize_t size, sent
        self.payload_bytes += got
        if self._outbox.lock.locked():  # somebody else is in the middle of a frame
            self._client.write_all(PyBytes_FromStringAndSize(<char *>shared_buffer(), got))
            return 0
        self.frames += 1
        frame = _framed(got)
        size = shared_buffer() + got - frame
        sent = self._sink.send_nowait(frame, size)
        if sent < size or self._sink.owes():
            self._size = FIRST
            self._client.write_rest(PyBytes_FromStringAndSize(<char *>frame + sent, size - sent))
        return 0


cdef unsigned char *_framed(Py_ssize_t size) noexcept:
    """Write the header in front of what lies in the shared buffer; return where it begins."""
    cdef unsigned char *head = shared_buffer()
    cdef int i, width
    if size < 126:
        head -= 2
        head[1] = size
    else:
        width = 2 if size < 1 << 16 else 8
        head -= 2 + width
        head[1] = 126 if width == 2 else 127
        for i in range(width):
            head[2 + i] = size >> 8 * (width - 1 - i) & 0xFF
    head[0] = BINARY_MESSAGE
    return head
