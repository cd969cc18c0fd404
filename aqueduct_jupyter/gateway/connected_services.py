"""The services that the server's owner connected in the chat, kept in the data folder.

Each has its address in one file and its key in another of its own, which only this user can read.
What the operator configures comes first; :mod:`.model_setup` decides when a service is added.
"""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any

from ..protocol.errors import UnavailableError
from .stores.disk import make_folder

__all__ = ["ConnectedServices"]


class ConnectedServices:
    """The services in a data folder.

    Args:
        folder: the data folder; it is created when the first service is added.
    """

    def __init__(self, folder: Path) -> None:
        self._file = folder / "services.json"
        self._keys = folder / "keys"

    def read(self, notices: list[str]) -> dict[str, dict[str, Any]]:
        """Return the services in the form of ``c.AqueductApp.upstreams``.

        Args:
            notices: gets a message if the file cannot be read.
        """
        try:
            found = json.loads(self._file.read_text(encoding="utf-8"))
            return {str(name): self._settings(str(name), fields) for name, fields in found.items()}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            notices.append(
                f"The connected services in {self._file} cannot be read ({error}). Mend the file, "
                "or delete it and connect them again."
            )
            return {}

    def add(self, name: str, base_url: str, key: str) -> None:
        """Keep a service, in the place of one with the same name.

        Raises:
            UnavailableError: the files cannot be written.
        """
        try:
            make_folder(self._keys)
            if key:
                _write(self._keys / name, key, 0o400)
            else:
                (self._keys / name).unlink(missing_ok=True)
            self._write({**self._known(), name: {"base_url": base_url}})
        except OSError as error:
            raise UnavailableError(
                f"The service could not be kept in {self._file.parent}: {error.strerror or error}."
            ) from error

    def remove(self, name: str) -> bool:
        """Forget a service and its key; returns whether it was known.

        Raises:
            UnavailableError: the files cannot be written.
        """
        try:
            known = self._known()
            was_known = known.pop(name, None) is not None
            if was_known:
                self._write(known)
                (self._keys / name).unlink(missing_ok=True)
            return was_known
        except OSError as error:
            raise UnavailableError(
                f"The service could not be removed from {self._file.parent}: "
                f"{error.strerror or error}."
            ) from error

    def addresses(self) -> dict[str, str]:
        """Return the services' addresses by their names."""
        return {name: str(fields.get("base_url", "")) for name, fields in self._known().items()}

    def _settings(self, name: str, fields: dict[str, Any]) -> dict[str, Any]:
        key = self._keys / name
        more = {"api_key_file": str(key)} if key.exists() else {}
        return {"base_url": fields["base_url"], **more}

    def _known(self) -> dict[str, dict[str, Any]]:
        try:
            found = json.loads(self._file.read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def _write(self, services: dict[str, dict[str, Any]]) -> None:
        _write(self._file, json.dumps(services, indent=1), 0o600)


def _write(path: Path, text: str, mode: int) -> None:
    """Write a file that only this user can read, whole or not at all."""
    descriptor, name = tempfile.mkstemp(dir=path.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        Path(name).chmod(mode)
        Path(name).replace(path)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise
