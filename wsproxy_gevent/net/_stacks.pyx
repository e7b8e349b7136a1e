# cython: language_level=3
"""Keep the stacks of greenlets that have ended for those that begin.

The interpreter gives each greenlet a chunk of memory for its Python frames,
asks the kernel for it when the greenlet starts and returns it at the end:
two system calls and a fault per page, for each of the few greenlets that a
connection takes.  Here some chunks stay with us instead, and what a greenlet
that waits does not need of its own goes back.

The interpreter's arenas come and go by the same two calls, and are passed
through; they differ in size.  Both calls are made under the GIL.
"""

cdef extern from "Python.h":
    ctypedef struct PyObjectArenaAllocator:
        void *ctx
        void *(*alloc)(void *ctx, size_t size) noexcept
        void (*free)(void *ctx, void *block, size_t size) noexcept
    void PyObject_GetArenaAllocator(PyObjectArenaAllocator *allocator)
    void PyObject_SetArenaAllocator(PyObjectArenaAllocator *allocator)

cdef extern from *:
    """
    #include <stdint.h>
    #include <sys/mman.h>
    #include <unistd.h>

    /* Give back the pages behind the frames that are on the stack now. */
    static void wsproxy_trim_stack(void)
    {
    #if defined(MADV_DONTNEED) && PY_VERSION_HEX >= 0x030B0000 && PY_VERSION_HEX < 0x030F0000
        PyThreadState *state = PyThreadState_Get();
        uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
        uintptr_t from = ((uintptr_t)state->datastack_top + page - 1) & ~(page - 1);
        uintptr_t to = (uintptr_t)state->datastack_limit & ~(page - 1);

        if (state->datastack_chunk != NULL && from < to)
            madvise((void *)from, to - from, MADV_DONTNEED);
    #endif
    }
    """
    void wsproxy_trim_stack() noexcept

cdef enum:
    # DATA_STACK_CHUNK_SIZE of the interpreter.  Were it another one day, all
    # would be passed through.
    CHUNK = 16 * 1024
    # A megabyte: what a burst of connections may leave behind.
    MOST = 64

cdef PyObjectArenaAllocator OURS
cdef PyObjectArenaAllocator ORIGINAL
cdef void *KEPT[MOST]
cdef int COUNT = 0
cdef bint KEEPING = False


cdef void *_alloc(void *ctx, size_t size) noexcept:
    global COUNT
    if size == CHUNK and COUNT:
        COUNT -= 1
        return KEPT[COUNT]
    return ORIGINAL.alloc(ORIGINAL.ctx, size)


cdef void _free(void *ctx, void *block, size_t size) noexcept:
    global COUNT
    if size == CHUNK and COUNT < MOST:
        KEPT[COUNT] = block
        COUNT += 1
    else:
        ORIGINAL.free(ORIGINAL.ctx, block, size)


def keep():
    """Begin to keep chunks."""
    global KEEPING
    if not KEEPING:
        KEEPING = True
        PyObject_GetArenaAllocator(&ORIGINAL)
        OURS.ctx, OURS.alloc, OURS.free = NULL, _alloc, _free
        PyObject_SetArenaAllocator(&OURS)


def let_go():
    """Return what is kept, and keep no more."""
    global KEEPING, COUNT
    if KEEPING:
        KEEPING = False
        PyObject_SetArenaAllocator(&ORIGINAL)
        while COUNT:
            COUNT -= 1
            ORIGINAL.free(ORIGINAL.ctx, KEPT[COUNT], CHUNK)


cdef void trim_stack() noexcept:
    """Keep no more of this greenlet's stack than its frames take.

    For one that has done what is deep and will now wait for long: a
    handshake's frames touch pages that a session has no use for.
    """
    wsproxy_trim_stack()


def kept():
    """How many chunks lie ready."""
    return COUNT
