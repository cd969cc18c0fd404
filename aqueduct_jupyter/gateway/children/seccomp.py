"""seccomp: system calls that the Linux kernel refuses to all threads of this process.

:mod:`.sandbox` installs the filter. It allows a program to compute, to read files and to start
threads. It refuses the network, other programs and processes, changes to files, and calls that only
administrators and debuggers need. Calls that are newer than this list fail with ENOSYS, for which
libraries are prepared.

Sources: seccomp(2) for the filter and classic BPF, <linux/audit.h> for the machines, and
<asm/unistd_64.h> (x86_64) and <asm-generic/unistd.h> (aarch64) for the calls' numbers.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from .linux import deny_new_privileges, system_call
from .refused_calls import REFUSED_CALLS

__all__ = ["is_available", "refuse_calls"]

_SET_MODE_FILTER, _GET_ACTION_AVAIL, _ALL_THREADS = 1, 2, 1
_ALLOW, _ERRNO, _KILL = 0x7FFF0000, 0x00050000, 0x80000000
_REFUSE, _UNKNOWN = _ERRNO | errno.EPERM, _ERRNO | errno.ENOSYS

# Classic BPF: load a word; jump if equal, not less, or any bit set; return. A filter sees the
# call's number, the machine, the instruction pointer, and six arguments of eight bytes.
_LOAD, _IF_EQUAL, _IF_NOT_LESS, _IF_BITS, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _MACHINE, _ARGUMENTS, _ARGUMENT_BYTES = 0, 4, 16, 8

_OTHER_INTERFACE = 0x40000000
"""Set in the call numbers of x32, the second system call interface of x86_64."""

_FIRST_UNKNOWN = 463
"""The number after the newest call that was reviewed (mseal, Linux 6.10)."""

_THREAD = 0x10000
"""CLONE_THREAD: the call starts a thread, which ends with this process."""

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC

_Instruction = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class _Machine:
    """A processor: its number in <linux/audit.h>, its column in the table, its call numbers."""

    audit: int
    column: int
    seccomp: int
    clone: int
    kill: int
    tgkill: int
    prlimit64: int
    openat: int
    open: int | None = None


_CLONE3, _OPENAT2 = 435, 437

_MACHINES = {
    "x86_64": _Machine(0xC000003E, 0, 317, 56, 62, 234, 302, 257, open=2),
    "aarch64": _Machine(0xC00000B7, 1, 277, 220, 129, 131, 261, 56),
}


def is_available() -> bool:
    """Return whether the system supports such filters, on a machine whose calls are known here."""
    machine = _this_machine()
    if machine is None:
        return False
    action = struct.pack("=I", _ERRNO)
    return system_call(machine.seccomp, _GET_ACTION_AVAIL, 0, action) == 0


def refuse_calls() -> bool:
    """Install the filter, permanently, in all threads of this process and those that they start.

    Returns:
        Whether it is in force.
    """
    machine = _this_machine()
    if machine is None or not is_available():
        return False
    return _install(machine, _program(machine, os.getpid()))


def _install(machine: _Machine, instructions: Sequence[_Instruction]) -> bool:
    code = ctypes.create_string_buffer(
        b"".join(struct.pack("=HBBI", *instruction) for instruction in instructions)
    )
    program = struct.pack("HP", len(instructions), ctypes.addressof(code))
    deny_new_privileges()
    return system_call(machine.seccomp, _SET_MODE_FILTER, _ALL_THREADS, program) == 0


def _this_machine() -> _Machine | None:
    # A 32-bit Python on a 64-bit machine uses other call numbers.
    is_known = sys.platform == "linux" and sys.maxsize > 2**32 and sys.byteorder == "little"
    return _MACHINES.get(platform.machine()) if is_known else None


def _program(machine: _Machine, process_id: int) -> list[_Instruction]:
    refused = [numbers[machine.column] for numbers in REFUSED_CALLS.values()]
    return [
        (_LOAD, 0, 0, _MACHINE),
        (_IF_EQUAL, 1, 0, machine.audit),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER),
        *_answered(_IF_NOT_LESS, _OTHER_INTERFACE, _REFUSE),
        *_answered(_IF_NOT_LESS, _FIRST_UNKNOWN, _UNKNOWN),
        # Their arguments are in memory, which filters cannot read; libraries work without them.
        *_answered(_IF_EQUAL, _CLONE3, _UNKNOWN),
        *_answered(_IF_EQUAL, _OPENAT2, _UNKNOWN),
        *[step for number in refused for step in _answered(_IF_EQUAL, number, _REFUSE)],
        *_allowed_if(machine.clone, 0, _IF_BITS, _THREAD),
        *_allowed_if(machine.kill, 0, _IF_EQUAL, process_id),
        *_allowed_if(machine.tgkill, 0, _IF_EQUAL, process_id),
        *_allowed_if(machine.prlimit64, 0, _IF_EQUAL, 0),
        *_refused_if(machine.openat, 2, _WRITING),
        *_refused_if(machine.open, 1, _WRITING),
        (_RETURN, 0, 0, _ALLOW),
    ]


def _answered(test: int, value: int | None, answer: int) -> list[_Instruction]:
    if value is None:
        return []
    return [(test, 0, 1, value), (_RETURN, 0, 0, answer)]


def _allowed_if(call: int, argument: int, test: int, value: int) -> list[_Instruction]:
    return [
        (_IF_EQUAL, 0, 4, call),
        (_LOAD, 0, 0, _ARGUMENTS + argument * _ARGUMENT_BYTES),
        (test, 1, 0, value),
        (_RETURN, 0, 0, _REFUSE),
        (_RETURN, 0, 0, _ALLOW),
    ]


def _refused_if(call: int | None, argument: int, bits: int) -> list[_Instruction]:
    if call is None:
        return []
    return [
        (_IF_EQUAL, 0, 4, call),
        (_LOAD, 0, 0, _ARGUMENTS + argument * _ARGUMENT_BYTES),
        (_IF_BITS, 0, 1, bits),
        (_RETURN, 0, 0, _REFUSE),
        (_RETURN, 0, 0, _ALLOW),
    ]
