"""The two things that only Linux's prctl(2) can do, and only a C call reaches."""

from __future__ import annotations

import ctypes
import os
from typing import Final

_PR_SET_NAME: Final = 15
_PR_SET_NO_NEW_PRIVS: Final = 38

# TASK_COMM_LEN is 16, the final NUL included.
_NAME_BYTES: Final = 15


def set_process_name(name: str) -> None:
    """What `ps` and `pgrep -x` call us: without it, every script is python.

    Cut to the 15 bytes that the kernel keeps.  Where there is no prctl the
    process keeps the interpreter's name.
    """
    _prctl(_PR_SET_NAME, ctypes.c_char_p(os.fsencode(name)[:_NAME_BYTES]))


def forbid_new_privileges() -> bool:
    """From now on no program we execute gains any, setuid or not; False if impossible."""
    return _prctl(_PR_SET_NO_NEW_PRIVS, ctypes.c_ulong(1))


def _prctl(option: int, argument: object) -> bool:
    # The one call into C; the kernel wants the unused arguments to be zero.
    zero = ctypes.c_ulong(0)
    try:
        return bool(ctypes.CDLL(None).prctl(option, argument, zero, zero, zero) == 0)
    except (AttributeError, OSError):
        return False
