"""Linux system calls for which Python has no function.

:mod:`.landlock`, :mod:`.seccomp` and :mod:`.sandbox` use them.

Source of the numbers: prctl(2), <linux/prctl.h>.
"""

from __future__ import annotations

import ctypes

__all__ = ["deny_new_privileges", "forbid_inspection", "system_call"]

_SET_DUMPABLE, _SET_NO_NEW_PRIVS = 4, 38


def system_call(number: int, *arguments: int | bytes | ctypes.Array[ctypes.c_char] | None) -> int:
    """Make a system call.

    Args:
        number: the call's number on this machine.
        *arguments: integers; for pointers, bytes, buffers or None.

    Returns:
        The kernel's result; -1 if it refuses.
    """
    library = ctypes.CDLL(None)
    library.syscall.restype = ctypes.c_long
    wide = [ctypes.c_long(value) if isinstance(value, int) else value for value in arguments]
    return int(library.syscall(ctypes.c_long(number), *wide))


def deny_new_privileges() -> None:
    """Prevent programs that this process runs from gaining rights; Landlock and seccomp need it."""
    _control_process(_SET_NO_NEW_PRIVS, 1)


def forbid_inspection() -> None:
    """Prevent this user's other processes from reading this one's memory and environment."""
    _control_process(_SET_DUMPABLE, 0)


def _control_process(option: int, value: int) -> None:
    nothing = ctypes.c_ulong(0)
    ctypes.CDLL(None).prctl(option, ctypes.c_ulong(value), nothing, nothing, nothing)
