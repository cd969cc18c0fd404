"""The sandbox of a process that reads documents: it may read what it needs, and nothing else.

Files are restricted in :mod:`.landlock`, and system calls in :mod:`.seccomp`, if the system
supports it. Both are permanent, and are applied in two steps:

* Call :func:`enter` before any library starts a thread, because Landlock applies to the calling
  thread and those that it starts. After it, the process can read its programs and its own folder,
  and write only to that folder: kreuzberg unpacks a library into it.
* Call :func:`seal` when everything is loaded, before the first document. After it, the process
  cannot write, or reach the network, other programs and other processes.
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
"""The folders of all libraries on NixOS and Guix."""

_LOADER = ("/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d")
_DEVICES = ("/dev/null", "/dev/urandom")
# pdfium measures text with the system's fonts if a document embeds none.
_FONTS = ("/usr/share/fonts", "/usr/share/X11/fonts", "/usr/local/share/fonts")
_TIMES = ("/usr/share/zoneinfo",)
# The packages that the readers import; each may be installed in another place.
_READERS = (
    *("charset_normalizer", "kreuzberg", "olefile", "pypdfium2", "pypdfium2_raw"),
    "python_calamine",
)


@dataclass(frozen=True, slots=True)
class Confinement:
    """How the processes that read documents are confined.

    Attributes:
        landlock: whether file access is restricted.
        seccomp: whether the network, other programs and other processes are blocked.
        memory_limit: whether the memory for a document is limited.
    """

    landlock: bool
    seccomp: bool
    memory_limit: bool


def available() -> Confinement:
    """Return what the system supports, without using any of it."""
    return Confinement(
        landlock=interface_version() > 0,
        seccomp=is_available(),
        memory_limit=sys.platform == "linux",
    )


def enter(folder: Path) -> bool:
    """Restrict this process to the files of its programs and to its own folder.

    Args:
        folder: its own folder, to which it may still write.

    Returns:
        Whether Landlock is in force.
    """
    if sys.platform != "linux":
        return False
    forbid_inspection()
    return restrict_files(_readable(), folder)


def seal() -> bool:
    """Forbid writing, and all system calls that reading documents does not need.

    Returns:
        Whether the system call filter is in force.
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
    """Return the folders of Python's own modules and libraries, and of its site packages."""
    names = ("stdlib", "platstdlib", "purelib", "platlib")
    prefixes = {sys.base_prefix, sys.base_exec_prefix}
    modules = {Path(sysconfig.get_path(name)) for name in names}
    return modules | {Path(prefix, "lib") for prefix in prefixes}


def _packages() -> set[Path]:
    """Return the folders of our own package, and of what reads documents and is beside it."""
    found = [importlib.util.find_spec(name) for name in _READERS]
    installed = {Path(one.origin).parents[1] for one in found if one and one.origin}
    return {Path(__file__).parents[2], *installed}
