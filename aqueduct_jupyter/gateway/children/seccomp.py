"""seccomp: system calls that the Linux kernel refuses to this process, in all of its threads.

When the filter is put on is left to :mod:`.sandbox`. It lets a program compute, read what it may
open, and start threads; it refuses the network, other programs and processes, changes to files, and
what only administrators and debuggers need. A call that is newer than this list does not exist for
the program, which is what libraries are prepared for.

Sources: seccomp(2) for the filter and its classic BPF, <linux/audit.h> for the machines, and
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

__all__ = ["is_available", "refuse_calls"]

_SET_MODE_FILTER, _GET_ACTION_AVAIL, _ALL_THREADS = 1, 2, 1
_ALLOW, _ERRNO, _KILL = 0x7FFF0000, 0x00050000, 0x80000000
_REFUSE, _UNKNOWN = _ERRNO | errno.EPERM, _ERRNO | errno.ENOSYS

# Classic BPF: load a word; jump if equal, not less, or any bit set; return. The call comes as
# its number, the machine, the instruction's address, and six arguments of eight bytes.
_LOAD, _IF_EQUAL, _IF_NOT_LESS, _IF_BITS, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _MACHINE, _ARGUMENTS, _ARGUMENT_BYTES = 0, 4, 16, 8

_OTHER_INTERFACE = 0x40000000
"""Added to the numbers of x32, x86_64's second set of calls."""

_FIRST_UNKNOWN = 463
"""The call after the newest one that was looked at (mseal, Linux 6.10)."""

_THREAD = 0x10000
"""CLONE_THREAD: what is started is a thread, and ends with this process."""

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC

_Instruction = tuple[int, int, int, int]

# Two numbers for each call: x86_64's, and aarch64's where it has the call.
_REFUSED: dict[str, tuple[int, int | None]] = {
    # The network.
    "socket": (41, 198),
    "socketpair": (53, 199),
    "connect": (42, 203),
    "bind": (49, 200),
    "listen": (50, 201),
    "accept": (43, 202),
    "accept4": (288, 242),
    # Other programs.
    "execve": (59, 221),
    "execveat": (322, 281),
    "fork": (57, None),
    "vfork": (58, None),
    "unshare": (272, 97),
    "setns": (308, 268),
    # Other processes.
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "kcmp": (312, 272),
    "pidfd_open": (434, 434),
    "pidfd_getfd": (438, 438),
    "pidfd_send_signal": (424, 424),
    "process_madvise": (440, 440),
    "process_mrelease": (448, 448),
    "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240),
    "tkill": (200, 130),
    "setpriority": (141, 140),
    "sched_setscheduler": (144, 119),
    "sched_setparam": (142, 118),
    "sched_setattr": (314, 274),
    "sched_setaffinity": (203, 122),
    "ioprio_set": (251, 30),
    "migrate_pages": (256, 238),
    "move_pages": (279, 239),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "shmget": (29, 194),
    "shmat": (30, 196),
    "shmctl": (31, 195),
    "msgget": (68, 186),
    "msgsnd": (69, 189),
    "msgrcv": (70, 188),
    "msgctl": (71, 187),
    "semget": (64, 190),
    "semop": (65, 193),
    "semtimedop": (220, 192),
    "semctl": (66, 191),
    "mq_open": (240, 180),
    "mq_unlink": (241, 181),
    # Changes to files; Landlock does not cover their modes, owners and times.
    "chmod": (90, None),
    "fchmod": (91, 52),
    "fchmodat": (268, 53),
    "fchmodat2": (452, 452),
    "chown": (92, None),
    "fchown": (93, 55),
    "lchown": (94, None),
    "fchownat": (260, 54),
    "utime": (132, None),
    "utimes": (235, None),
    "utimensat": (280, 88),
    "futimesat": (261, None),
    "setxattr": (188, 5),
    "lsetxattr": (189, 6),
    "fsetxattr": (190, 7),
    "removexattr": (197, 14),
    "lremovexattr": (198, 15),
    "fremovexattr": (199, 16),
    "truncate": (76, 45),
    "creat": (85, None),
    "mkdir": (83, None),
    "mkdirat": (258, 34),
    "rmdir": (84, None),
    "unlink": (87, None),
    "unlinkat": (263, 35),
    "rename": (82, None),
    "renameat": (264, 38),
    "renameat2": (316, 276),
    "link": (86, None),
    "linkat": (265, 37),
    "symlink": (88, None),
    "symlinkat": (266, 36),
    "mknod": (133, None),
    "mknodat": (259, 33),
    # What watches files, or finds them past their folders.
    "inotify_init": (253, None),
    "inotify_init1": (294, 26),
    "inotify_add_watch": (254, 27),
    "fanotify_init": (300, 262),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    # The kernel's own doors, through which most of its faults were reached.
    "bpf": (321, 280),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "keyctl": (250, 219),
    "add_key": (248, 217),
    "request_key": (249, 218),
    # What an administrator needs; the server may run as one, in a container.
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "reboot": (169, 142),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "acct": (163, 89),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "adjtimex": (159, 171),
    "clock_adjtime": (305, 266),
    "sethostname": (170, 161),
    "setdomainname": (171, 162),
    "personality": (135, 92),
    "syslog": (103, 116),
    "iopl": (172, None),
    "ioperm": (173, None),
    "modify_ldt": (154, None),
    "setuid": (105, 146),
    "setgid": (106, 144),
    "setreuid": (113, 145),
    "setregid": (114, 143),
    "setgroups": (116, 159),
    "setresuid": (117, 147),
    "setresgid": (119, 149),
    "setfsuid": (122, 151),
    "setfsgid": (123, 152),
    "capset": (126, 91),
}


@dataclass(frozen=True, slots=True)
class _Machine:
    """A kind of processor: its name in <linux/audit.h>, its place in the table, its own calls."""

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
    """Ask whether this system has such filters, on a machine whose calls are known here."""
    machine = _this_machine()
    if machine is None:
        return False
    action = struct.pack("=I", _ERRNO)
    return system_call(machine.seccomp, _GET_ACTION_AVAIL, 0, action) == 0


def refuse_calls() -> bool:
    """Put the filter on every thread of this process, and on those that it starts, for good.

    Returns:
        Whether it is on.
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
    # A 32-bit Python on a 64-bit machine makes other calls.
    is_known = sys.platform == "linux" and sys.maxsize > 2**32 and sys.byteorder == "little"
    return _MACHINES.get(platform.machine()) if is_known else None


def _program(machine: _Machine, process_id: int) -> list[_Instruction]:
    refused = [numbers[machine.column] for numbers in _REFUSED.values()]
    return [
        (_LOAD, 0, 0, _MACHINE),
        (_IF_EQUAL, 1, 0, machine.audit),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER),
        *_answered(_IF_NOT_LESS, _OTHER_INTERFACE, _REFUSE),
        *_answered(_IF_NOT_LESS, _FIRST_UNKNOWN, _UNKNOWN),
        # Their arguments lie in memory, where no filter sees them; libraries do without them.
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
