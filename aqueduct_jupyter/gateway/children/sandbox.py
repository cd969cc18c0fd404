"""The sandbox of a process that reads documents: what it may read, and that it may do nothing else.

How files are restricted is left to :mod:`.landlock`, and how system calls are to :mod:`.seccomp`;
each is used where the system has it. Both hold for good, and are put on in two steps:

* :func:`enter` comes before any library has started a thread, because Landlock holds for the
  calling thread and those that it starts. From then on the process reads its programs and its own
  folder, and writes there only: kreuzberg unpacks a library into it.
* :func:`seal` comes when all is loaded, and before the first document. From then on the process
  writes nothing, and the network, other programs and other processes are out of its reach.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

from .landlock import interface_version, restrict_files, take_writing_away
from .linux import forbid_inspection
from .seccomp import is_available, refuse_calls

__all__ = ["Confinement", "available", "enter", "seal"]

_LIBRARIES = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/usr/local/lib64")
_STORES = ("/nix/store", "/gnu/store")
"""Where NixOS and Guix keep all their libraries."""

_LOADER = ("/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d")
_DEVICES = ("/dev/null", "/dev/urandom")
# pdfium measures text in the system's fonts where a document brings none.
_FONTS = ("/usr/share/fonts", "/usr/share/X11/fonts", "/usr/local/share/fonts")
_TIMES = ("/usr/share/zoneinfo",)


@dataclass(frozen=True, slots=True)
class Confinement:
    """What keeps the processes in that read documents.

    Attributes:
        landlock: the kernel's rules for files hold.
        seccomp: the kernel refuses the network, other programs and other processes.
        memory_limit: the memory that a document takes is limited.
    """

    landlock: bool
    seccomp: bool
    memory_limit: bool


def available() -> Confinement:
    """Ask the system what it has, without using any of it."""
    return Confinement(
        landlock=interface_version() > 0,
        seccomp=is_available(),
        memory_limit=sys.platform == "linux",
    )


def enter(folder: Path) -> bool:
    """Restrict this process to the files of its programs and to its own folder.

    Args:
        folder: its own, where it may still write.

    Returns:
        Whether Landlock holds.
    """
    if sys.platform != "linux":
        return False
    forbid_inspection()
    return restrict_files(_readable(), folder)


def seal() -> bool:
    """Take away what only the start needs: writing, and the system calls for all else.

    Returns:
        Whether the filter of system calls is on.
    """
    if sys.platform != "linux":
        return False
    take_writing_away()
    return refuse_calls()


def _readable() -> set[Path]:
    places = (*_LIBRARIES, *_STORES, *_LOADER, *_DEVICES, *_FONTS, *_TIMES)
    chosen = os.environ.get("LD_LIBRARY_PATH", "").split(os.pathsep)
    return {*map(Path, places), *map(Path, filter(None, chosen)), *_python(), *_packages()}


def _python() -> set[Path]:
    """Where Python's own modules and libraries are, and packages that were installed beside it."""
    names = ("stdlib", "platstdlib", "purelib", "platlib")
    prefixes = {sys.base_prefix, sys.base_exec_prefix}
    modules = {Path(sysconfig.get_path(name)) for name in names}
    return modules | {Path(prefix, "lib") for prefix in prefixes}


def _packages() -> set[Path]:
    """Where our own package is, and all that was installed with kreuzberg."""
    found = importlib.util.find_spec("kreuzberg")
    installed = {Path(found.origin).parents[1]} if found and found.origin else set()
    return {Path(__file__).parents[2], *installed}
