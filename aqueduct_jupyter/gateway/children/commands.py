"""Commands that run Python modules, and the environment that a child gets."""

from __future__ import annotations

import os
import site
import sys
from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import Path

__all__ = ["environment", "module_command", "tethered_command", "without_relative_paths"]

_PATHS = ("PATH", "LD_LIBRARY_PATH", "PYTHONPATH")
_SETTINGS = ("LANG", "LC_ALL", "LC_CTYPE", "PYTHONNOUSERSITE", "SYSTEMROOT")
_HOMES = ("HOME", "USERPROFILE", "TMPDIR", "TEMP", "TMP")


def module_command(module: str, *arguments: str, python: str = sys.executable) -> tuple[str, ...]:
    """Return the command that runs a module; ``-P`` keeps the working folder off its path."""
    return (python, "-P", "-m", module, *arguments)


def tethered_command(module: str, *arguments: str, python: str = sys.executable) -> tuple[str, ...]:
    """Return the command that runs a third party's module so that it ends with this process.

    ``-u`` is for SIGTERM: a Jupyter server's handler writes to the log before it stops the server.
    If the signal comes while the log is being written, a buffer refuses the second write, and the
    server runs on.
    """
    tethered = "aqueduct_jupyter.gateway.children.tethered"
    command = module_command(tethered, module, *arguments, python=python)
    return (*command[:2], "-u", *command[2:])


def without_relative_paths(variables: Mapping[str, str]) -> dict[str, str]:
    """Copy environment variables, without relative and empty entries in path lists.

    Such an entry means the folder in which a program happens to run.
    """
    cleaned = dict(variables)
    for name in _PATHS:
        entries = cleaned.pop(name, "").split(os.pathsep)
        if absolute := [entry for entry in entries if Path(entry).is_absolute()]:
            cleaned[name] = os.pathsep.join(absolute)
    return cleaned


def environment(folder: Path, *more: str) -> dict[str, str]:
    """Make a child's environment: what a Python program needs to run, and nothing else.

    Args:
        folder: the child's own folder, which becomes its home and holds its temporary files.
        *more: further names that it needs, in capitals, with ``*`` as a wildcard; lower-case
            variants (``http_proxy``) are included.
    """
    wanted = (*_PATHS, *_SETTINGS, *more)
    kept = {
        name: value
        for name, value in os.environ.items()
        if any(fnmatchcase(name.upper(), pattern) for pattern in wanted)
    }
    own = dict.fromkeys(_HOMES, str(folder))
    # With another home, packages installed with "pip install --user" would not be found.
    return {"PYTHONUSERBASE": site.getuserbase(), **own, **without_relative_paths(kept)}
