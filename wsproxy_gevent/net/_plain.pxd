"""What the relay's loop uses of a stream without a detour through Python."""

# The room in front of a read, for the header of the frame that it becomes.
cdef enum:
    HEADROOM = 16
    LARGEST = 512 * 1024
    # What `receive` returns when nothing has come.
    NOTHING = -2


cdef class CompiledStream:
    """Both kinds of stream, to those who have a buffer of their own."""

    # Whether the last read took all there was, so that the next one waits.
    cdef bint drained

    cdef Py_ssize_t receive(self, unsigned char *buffer, Py_ssize_t size) except -1
    cdef Py_ssize_t send_nowait(self, const unsigned char *data, Py_ssize_t size) except -1
    cdef bint owes(self)
    cdef int until_readable(self) except -1


cdef class PlainStream(CompiledStream):
    cdef readonly unsigned long long read_count
    cdef readonly unsigned long long write_count
    cdef object _sock
    cdef object _hub
    cdef int _fd
    cdef Py_ssize_t _read_size
    # Kept for the stream's life, from their first use on.
    cdef object _readable
    cdef object _writable
    # Whether the one for reading is active.
    cdef bint _watching
    # The greenlets that wait, if any do.
    cdef object _reader
    cdef object _writer

    cdef int until_writable(self) except -1
    cdef int _watch(self) except -1
    cdef int _check_open(self) except -1
    cdef int _check_greenlet(self, current) except -1


cdef unsigned char *shared_buffer() noexcept
