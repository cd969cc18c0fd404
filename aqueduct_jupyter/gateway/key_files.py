"""The files of upstreams' keys, which are read again when they change, so no restart is needed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

__all__ = ["KeyFiles"]

_State = tuple[int, int, int] | None


class KeyFiles:
    """What the files looked like when they were last read.

    Args:
        configured: the upstreams by name, in the form of ``c.AqueductApp.upstreams``.
    """

    def __init__(self, configured: Mapping[str, Mapping[str, Any]]) -> None:
        self._paths = {
            name: Path(str(settings["api_key_file"])).expanduser()
            for name, settings in configured.items()
            if settings.get("api_key_file")
        }
        self._known = {name: _state(path) for name, path in self._paths.items()}

    def changed(self) -> list[str]:
        """Return the upstreams whose file has changed since the last call; it reads the disk.

        A file that is gone has not changed: its upstream goes on with the key that it has.
        """
        found = {name: _state(path) for name, path in self._paths.items()}
        names = [
            name
            for name, state in found.items()
            if state is not None and state != self._known[name]
        ]
        self._known |= {name: found[name] for name in names}
        return names


def _state(path: Path) -> _State:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino
