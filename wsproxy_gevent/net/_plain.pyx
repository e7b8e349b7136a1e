# cython: language_level=3
"""A plain socket as a stream, compiled: the twin of `stream.PlainStream`.

Waiting is what it makes cheap.  Each direction has a watcher for the
stream's life, and its callback switches into the greenlet that waits: no
timer, no event and no Python frame of ours lies between the readiness of a
descriptor and its reader.  That for reading is not even stopped before
something has come that nobody waits for.  After a short read the next one
waits without asking, for the kernel would only say that there is nothing.

All streams of a process read into one buffer.  Nobody else runs between a
read and the end of what is done with its bytes: whatever is still needed
behind a switch is copied out before it.  The GIL is kept for the same
reason; no call in here blocks.
"""

from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.errno cimport EAGAIN, EBADF, EINTR, errno

import os

from gevent import get_hub
from gevent.exceptions import BlockingSwitchOutError, ConcurrentObjectUseError
from greenlet import getcurrent, greenlet

from .leaving import has_hung_up
from .stream import FIRST_READ, LARGEST_READ, broken

cdef extern from "sys/uio.h" nogil:
    struct iovec:
        void *iov_base
        size_t iov_len

cdef extern from "sys/socket.h" nogil:
    struct msghdr:
        iovec *msg_iov
        size_t msg_iovlen
    enum:
        MSG_DONTWAIT
        MSG_NOSIGNAL
        MSG_PEEK
        SHUT_WR
    ssize_t recv(int fd, void *buffer, size_t size, int flags)
    ssize_t send(int fd, const void *buffer, size_t size, int flags)
    ssize_t sendmsg(int fd, const msghdr *message, int flags)
    int shutdown(int fd, int how)

cdef extern from *:
    """
    #include <string.h>
    #ifndef MSG_NOSIGNAL
    #define MSG_NOSIGNAL 0
    #endif
    """

cdef enum:
    READ = 1
    WRITE = 2
    # More segments than these are joined first.
    SEGMENTS = 8

assert LARGEST == LARGEST_READ

cdef unsigned char BUFFER[HEADROOM + LARGEST]
cdef object SWITCH = greenlet.switch
cdef Py_ssize_t FIRST = FIRST_READ


cdef unsigned char *shared_buffer() noexcept:
    """Room for one read, with `HEADROOM` in front; good until the next switch."""
    return BUFFER + HEADROOM


cdef bint _would_block() noexcept:
    return errno == EAGAIN


cdef object _failure(int number):
    """The `StreamBroken` of an errno, with the error that it comes from."""
    cause = OSError(number, os.strerror(number))
    failure = broken(cause)
    failure.__cause__ = cause
    return failure


cdef class CompiledStream:
    """Both kinds of stream, to those who have a buffer of their own."""

    cdef Py_ssize_t receive(self, unsigned char *buffer, Py_ssize_t size) except -1:
        """Read into the buffer, at most `size` bytes; 0 at the end.  Never switches.

        `NOTHING` if nothing has come.  Raises `StreamBroken`.
        """
        raise NotImplementedError

    cdef Py_ssize_t send_nowait(self, const unsigned char *data, Py_ssize_t size) except -1:
        """Send what can be sent at once; return how much that is.  Never switches.

        What is left, and every error, is for the `write_all` that must follow.
        """
        raise NotImplementedError

    cdef bint owes(self):
        """Whether a `write_all`, of nothing perhaps, must follow although all was taken."""
        return False

    cdef int until_readable(self) except -1:
        """Wait until there is more to read.  May switch."""
        raise NotImplementedError


cdef class PlainStream(CompiledStream):
    """A connected stream socket of gevent's, owned from here on."""

    def __init__(self, sock):
        self._sock = sock
        self._fd = sock.fileno()
        self._hub = get_hub()
        self._read_size = FIRST

    @property
    def tls_version(self):
        return None

    def hung_up(self):
        """Whether the peer sends no more, though all it sent may still lie unread."""
        return self._fd < 0 or has_hung_up(self._fd)

    @property
    def reading(self):
        return self._reader is not None

    @property
    def writing(self):
        return self._writer is not None

    def fileno(self):
        """The descriptor, or -1 after `abort`."""
        return self._fd

    # -- Reading -------------------------------------------------------------------------

    def peek_first(self):
        """Return the first byte and leave it in the kernel; b"" at the end.  May switch."""
        cdef char first
        cdef ssize_t got
        self._check_open()
        while True:
            got = recv(self._fd, &first, 1, MSG_PEEK | MSG_DONTWAIT)
            if got >= 0:
                return PyBytes_FromStringAndSize(&first, got)
            if _would_block():
                self.until_readable()
            elif errno != EINTR:
                raise _failure(errno)

    def read_some(self):
        """Return what has come, at most `LARGEST_READ` bytes.  May switch."""
        cdef Py_ssize_t got = NOTHING
        while got == NOTHING:
            if self.drained:
                self.until_readable()
            got = self.receive(BUFFER + HEADROOM, self._read_size)
        if self.drained:
            self._read_size = FIRST
        elif self._read_size < LARGEST:
            self._read_size *= 2
        return PyBytes_FromStringAndSize(<char *>BUFFER + HEADROOM, got)

    cdef Py_ssize_t receive(self, unsigned char *buffer, Py_ssize_t size) except -1:
        cdef ssize_t got
        self._check_open()
        while True:
            got = recv(self._fd, buffer, size, MSG_DONTWAIT)
            if got >= 0:
                self.drained = 0 < got < size
                self.read_count += 1
                return got
            if _would_block():
                self.drained = True
                return NOTHING
            if errno != EINTR:
                raise _failure(errno)

    # -- Writing -------------------------------------------------------------------------

    def write_all(self, *segments):
        """Write every segment, gathered into as few system calls as go.  May switch."""
        cdef Py_buffer views[SEGMENTS]
        cdef iovec parts[SEGMENTS]
        cdef int count = 0, i
        self._check_open()
        if len(segments) > SEGMENTS:
            segments = (b"".join(segments),)
        try:
            for segment in segments:
                PyObject_GetBuffer(segment, &views[count], PyBUF_SIMPLE)
                parts[count].iov_base = views[count].buf
                parts[count].iov_len = views[count].len
                count += 1
            return _write_parts(self, parts, count)
        finally:
            for i in range(count):
                PyBuffer_Release(&views[i])

    cdef Py_ssize_t send_nowait(self, const unsigned char *data, Py_ssize_t size) except -1:
        cdef ssize_t sent = send(self._fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL)
        if sent < 0:
            return 0
        self.write_count += 1
        return sent

    def finish(self):
        """Send the FIN.  Never switches.

        Raises `StreamBroken` where there is no connection any more.
        """
        self._check_open()
        if shutdown(self._fd, SHUT_WR):
            raise _failure(errno)

    def abort(self):
        """Close the socket; who waits in a verb gets `StreamBroken`.  Never switches."""
        if self._fd < 0:
            return
        self._fd = -1
        for watcher in (self._readable, self._writable):
            if watcher is not None:
                watcher.stop()
                watcher.close()
        self._readable = self._writable = None
        self._watching = False
        if self._reader is not None or self._writer is not None:
            self._hub.loop.run_callback(self._wake)
        self._sock.close()

    def _wake(self):
        """In the hub, after `abort`: those who waited find the stream closed."""
        for waiting in (self._reader, self._writer):
            if waiting is not None:
                waiting.switch()

    # -- Waiting -------------------------------------------------------------------------

    cdef int until_readable(self) except -1:
        """May switch.  Raises `StreamBroken` after an `abort`."""
        self._check_open()
        if self._reader is not None:
            raise ConcurrentObjectUseError("this stream is being read by another greenlet")
        current = getcurrent()
        self._check_greenlet(current)
        self._reader = current
        if not self._watching:
            self._watch()
        try:
            SWITCH(self._hub)
        finally:
            self._reader = None
        self.drained = False
        return self._check_open()

    cdef int _watch(self) except -1:
        if self._readable is None:
            self._readable = self._hub.loop.io(self._fd, READ)
        self._readable.start(self._can_be_read)
        self._watching = True
        return 0

    def _can_be_read(self):
        """In the hub.  Who waits nearly always waits again, so the watcher goes on."""
        if self._reader is not None:
            SWITCH(self._reader)
        elif self._watching:
            self._watching = False
            self._readable.stop()

    cdef int until_writable(self) except -1:
        """May switch.  Raises `StreamBroken` after an `abort`."""
        self._check_open()
        if self._writer is not None:
            raise ConcurrentObjectUseError("this stream is being written by another greenlet")
        if self._writable is None:
            self._writable = self._hub.loop.io(self._fd, WRITE)
        current = getcurrent()
        self._check_greenlet(current)
        self._writer = current
        self._writable.start(current.switch)
        try:
            SWITCH(self._hub)
        finally:
            self._writer = None
            if self._writable is not None:
                self._writable.stop()
        return self._check_open()

    cdef int _check_greenlet(self, current) except -1:
        if current is self._hub:
            raise BlockingSwitchOutError("a callback in the hub must not wait")
        return 0

    cdef int _check_open(self) except -1:
        if self._fd < 0:
            raise _failure(EBADF)
        return 0


cdef bint _write_parts(PlainStream stream, iovec *parts, int count) except -1:
    """Write all of them; return whether the first call took them.  May switch."""
    cdef bint whole = True
    cdef int first = 0
    cdef ssize_t sent
    cdef msghdr message
    while True:
        message = msghdr(msg_iov=parts + first, msg_iovlen=count - first)
        sent = sendmsg(stream._fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL)
        if sent >= 0:
            stream.write_count += 1
            first += _skip(parts + first, count - first, sent)
            if first == count:
                return whole
        elif errno == EINTR:
            continue
        elif not _would_block():
            raise _failure(errno)
        whole = False
        stream.until_writable()


cdef int _skip(iovec *parts, int count, size_t sent) noexcept:
    """Move behind the bytes that were sent; return how many parts are done."""
    cdef int done = 0
    while done < count and sent >= parts[done].iov_len:
        sent -= parts[done].iov_len
        done += 1
    if done < count:
        parts[done].iov_base = <char *>parts[done].iov_base + sent
        parts[done].iov_len -= sent
    return done
