"""For the relay's loop: less memory for those who wait."""

cdef void trim_stack() noexcept
