"""Landlock: Linux kernel rules by which a process restricts its own access to files and TCP.

The caller chooses the files. See landlock(7) for the rules: they can only be tightened, they apply
to the calling thread and what it starts, and they do not restrict reading a file's name, size, mode
or owner.

Source of the numbers: landlock(7), landlock_create_ruleset(2), <linux/landlock.h>. The system calls
have the same numbers on all machines that Python supports, except Alpha.
"""

from __future__ import annotations

import os
import stat
import struct
import sys
from collections.abc import Iterable
from pathlib import Path

from .linux import deny_new_privileges, system_call

__all__ = ["interface_version", "restrict_files", "take_writing_away"]

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_VERSION_FLAG = 1
_PATH_BENEATH = 1

_WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 1, 1 << 2, 1 << 3
_REMOVE_DIR, _REMOVE_FILE, _MAKE_DIR, _MAKE_REG = 1 << 4, 1 << 5, 1 << 7, 1 << 8
_TRUNCATE = 1 << 14
_OF_FILES = _WRITE_FILE | _READ_FILE | _TRUNCATE
_READ = _READ_FILE | _READ_DIR
_WRITE = _WRITE_FILE | _TRUNCATE | _REMOVE_DIR | _REMOVE_FILE | _MAKE_DIR | _MAKE_REG

_FILE_RIGHTS = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 5: (1 << 16) - 1}
"""All rights over files, by the interface version that added the last of them."""

_TCP_VERSION, _BIND_AND_CONNECT = 4, 3
_SCOPE_VERSION, _ABSTRACT_SOCKETS_AND_SIGNALS = 6, 3


def interface_version() -> int:
    """Return the system's version of Landlock; 0 if it has none or does not allow it."""
    if sys.platform != "linux":
        return 0
    return max(0, system_call(_CREATE_RULESET, None, 0, _VERSION_FLAG))


def restrict_files(readable: Iterable[Path], writable: Path) -> bool:
    """Allow this thread, and those that it starts, to read these paths and to write to one.

    As far as the system's version supports it, nothing can be executed, no TCP port can be bound or
    connected, and no signal can be sent to a process outside.

    Args:
        readable: folders with their contents, and files; missing ones are skipped.
        writable: a folder, which can also be read.

    Returns:
        Whether the rules are in force.
    """
    version = interface_version()
    if not version:
        return False
    handled = _handled(version)
    tcp = _BIND_AND_CONNECT if version >= _TCP_VERSION else 0
    scopes = _ABSTRACT_SOCKETS_AND_SIGNALS if version >= _SCOPE_VERSION else 0
    allowed = [*((path, _READ) for path in readable), (writable, _READ | _WRITE)]
    return _restrict(struct.pack("QQQ", handled, tcp, scopes), handled, allowed)


def take_writing_away() -> bool:
    """Forbid this thread, and those that it starts, to write anywhere.

    Returns:
        Whether the rule is in force.
    """
    version = interface_version()
    if not version:
        return False
    handled = _handled(version) & ~_READ
    return _restrict(struct.pack("QQQ", handled, 0, 0), handled, [])


def _handled(version: int) -> int:
    return _FILE_RIGHTS[max(known for known in _FILE_RIGHTS if known <= version)]


def _restrict(attributes: bytes, handled: int, allowed: Iterable[tuple[Path, int]]) -> bool:
    # An older kernel accepts attributes that it does not know if they are zero.
    ruleset = system_call(_CREATE_RULESET, attributes, len(attributes), 0)
    if ruleset < 0:
        return False
    try:
        for path, rights in allowed:
            _allow(ruleset, path, rights & handled)
        deny_new_privileges()
        return system_call(_RESTRICT_SELF, ruleset, 0) == 0
    finally:
        os.close(ruleset)


def _allow(ruleset: int, path: Path, rights: int) -> None:
    """Add a rule for a path; one that cannot be opened needs none."""
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        if not stat.S_ISDIR(os.fstat(place).st_mode):
            rights &= _OF_FILES
        rule = struct.pack("=Qi", rights, place)
        system_call(_ADD_RULE, ruleset, _PATH_BENEATH, rule, 0)
    finally:
        os.close(place)
