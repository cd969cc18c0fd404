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
    """Give the command that runs a Python module; ``-P`` keeps the working folder off its path."""
    return (python, "-P", "-m", module, *arguments)


def tethered_command(module: str, *arguments: str, python: str = sys.executable) -> tuple[str, ...]:
    """Give the command that runs somebody else's module so that it ends with this process."""
    return module_command(
        "aqueduct_jupyter.gateway.children.tethered", module, *arguments, python=python
    )


def without_relative_paths(variables: Mapping[str, str]) -> dict[str, str]:
    """Copy environment variables, their path lists without relative and empty entries.

    Such an entry means whatever folder a program happens to run in.
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
        folder: the child's own, which is its home and its place for temporary files.
        *more: names that it needs as well, in capitals, ``*`` standing for anything; lower-case
            twins of them (``http_proxy``) are meant, too.
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
