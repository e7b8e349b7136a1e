"""What the relay's loop uses of the reader without a detour through Python."""

from libc.stdint cimport uint64_t


cdef class Reader:
    # Data frames whose header has been read.
    cdef readonly unsigned long long frames
    cdef bint _over
    cdef bint _inside
    cdef bint _server
    cdef dict _decoders
    cdef object _message
    cdef bytes _rest
    # Of a header that is cut in two.
    cdef unsigned char _held[14]
    cdef Py_ssize_t _held_size
    # The open frame: its first byte, the bytes of payload still to come and
    # those that have been, its key, and its body if it is a control.
    cdef unsigned char _first
    cdef uint64_t _left
    cdef uint64_t _taken
    cdef unsigned char _key[4]
    cdef unsigned char _body[125]
    # Of one `take`: how many came, and the latest of a flood.
    cdef int _pings
    cdef int _pongs
    cdef bytes _latest

    # What `receive` was given, while it runs, if payload can be cut from it.
    cdef object _given

    cdef Py_ssize_t take(
        self, const unsigned char *data, Py_ssize_t size, unsigned char *to, Py_ssize_t *start,
        list events
    ) except -1
    cdef bint is_plain(self)
    cdef Py_ssize_t _skim(
        self, const unsigned char *data, Py_ssize_t at, Py_ssize_t size,
        unsigned char *to, Py_ssize_t *start, Py_ssize_t *out
    ) noexcept
    cdef Py_ssize_t _squeeze(
        self, const unsigned char *data, Py_ssize_t at, Py_ssize_t size,
        unsigned char *to, Py_ssize_t *start, Py_ssize_t *out, list events
    ) except -1
    cdef void _tell_latest(self, list events)
    cdef int _read(self, const unsigned char *data, Py_ssize_t size, list events) except -1
    cdef Py_ssize_t _piece(
        self, const unsigned char *data, Py_ssize_t at, Py_ssize_t size, list events
    ) except -1
    cdef object _unmasked(self, const unsigned char *data, Py_ssize_t at, Py_ssize_t size)
    cdef int _deliver(self, piece, list events) except -1
    cdef Py_ssize_t _begin(self, const unsigned char *data, Py_ssize_t size) except -1
    cdef Py_ssize_t _header(self, const unsigned char *head, Py_ssize_t have) except -1
    cdef int _length(
        self, const unsigned char *head, Py_ssize_t have, uint64_t *length
    ) except -1
    cdef void _unmask(
        self, unsigned char *to, const unsigned char *data, Py_ssize_t size
    ) noexcept
    cdef int _control(
        self, const unsigned char *data, Py_ssize_t size, list events, bint merging
    ) except -1
    cdef int _end(self, close, list events) except -1
