"""The services that the server's owner connected in the chat, kept in the data folder.

Each has its address in one file and its key in another of its own, which only this user can read.
A damaged list is never overwritten: the next service that is connected moves it aside, as
:mod:`.stores.damage` does with databases. What the operator configures comes first;
:mod:`.model_setup` decides when a service is added.
"""

from __future__ import annotations

import logging
import os
import tempfile
from pathlib import Path
from threading import Lock
from typing import Any

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from ..protocol.errors import UnavailableError
from ..protocol.model_setup import ServiceName
from .stores.damage import identity_of, set_aside
from .stores.disk import make_folder

__all__ = ["ConnectedServices"]

_log = logging.getLogger(__name__)


class _Service(BaseModel):
    """A service, as it is kept; what a later release adds to it stays."""

    model_config = ConfigDict(extra="allow", strict=True)

    base_url: str


_SERVICES = TypeAdapter(dict[ServiceName, _Service])


class _DamagedError(Exception):
    """The list of services cannot be read; the message says why."""


class ConnectedServices:
    """The services in a data folder.

    Args:
        folder: the data folder; it is created when the first service is added.
        notices: gets a message if the list of services cannot be read, or was moved aside.
    """

    def __init__(self, folder: Path, notices: list[str]) -> None:
        self._file = folder / "services.json"
        self._keys = folder / "keys"
        self._notices = notices
        self._damage = ""
        self._changing = Lock()

    def read(self) -> dict[str, dict[str, Any]]:
        """Return the services in the form of ``c.AqueductApp.upstreams``; none if damaged."""
        try:
            return {name: self._settings(name, kept) for name, kept in self._known().items()}
        except _DamagedError as error:
            self._say(self._cannot_be_read(error))
            return {}

    def add(self, name: str, base_url: str, key: str) -> None:
        """Keep a service, in the place of one with the same name.

        Raises:
            UnavailableError: the files cannot be written, or a damaged list is in the way again.
        """
        try:
            with self._changing:
                make_folder(self._keys)
                known = self._known_or_aside()
                if key:
                    _write(self._keys / name, key, 0o400)
                else:
                    (self._keys / name).unlink(missing_ok=True)
                self._write({**known, name: _Service(base_url=base_url)})
        except _DamagedError as error:
            raise UnavailableError(self._cannot_be_read(error)) from error
        except OSError as error:
            raise UnavailableError(
                f"The service could not be kept in {self._file.parent}: {error.strerror or error}."
            ) from error

    def remove(self, name: str) -> bool:
        """Forget a service and its key; returns whether it was known.

        Raises:
            UnavailableError: the list of services is damaged, or the files cannot be written.
        """
        try:
            with self._changing:
                known = self._known()
                was_known = known.pop(name, None) is not None
                if was_known:
                    self._write(known)
                    (self._keys / name).unlink(missing_ok=True)
                return was_known
        except _DamagedError as error:
            raise UnavailableError(self._cannot_be_read(error)) from error
        except OSError as error:
            raise UnavailableError(
                f"The service could not be removed from {self._file.parent}: "
                f"{error.strerror or error}."
            ) from error

    def addresses(self) -> dict[str, str]:
        """Return the services' addresses by their names; none if they are damaged."""
        try:
            return {name: service.base_url for name, service in self._known().items()}
        except _DamagedError:
            return {}

    def _settings(self, name: str, service: _Service) -> dict[str, Any]:
        key = self._keys / name
        more = {"api_key_file": str(key)} if key.exists() else {}
        return {"base_url": service.base_url, **more}

    def _known(self) -> dict[str, _Service]:
        """Return the services.

        Raises:
            _DamagedError: the file is there, but it cannot be read.
        """
        try:
            return _SERVICES.validate_json(self._file.read_bytes())
        except FileNotFoundError:
            return {}
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False)[0]
            raise _DamagedError(": ".join([*map(str, first["loc"]), first["msg"]])) from error
        except OSError as error:
            raise _DamagedError(error.strerror or str(error)) from error

    def _known_or_aside(self) -> dict[str, _Service]:
        """Return the services; if the file is damaged, it is moved aside, and there are none.

        Raises:
            OSError: it cannot be moved.
            _DamagedError: so is the list that another server has put in its place.
        """
        identity = identity_of(self._file)
        try:
            return self._known()
        except _DamagedError as error:
            aside = set_aside(self._file, identity)
            if aside is None:  # Another server has moved it, and may have begun a new one.
                return self._known()
            notice = (
                f"The list of connected services was damaged ({error}). It was moved to "
                f"{aside}, and a new one was started. Connect the other services again."
            )
            _log.error("%s", notice)
            self._say(notice)
            return {}

    def _cannot_be_read(self, error: _DamagedError) -> str:
        return (
            f"The connected services in {self._file} cannot be read ({error}). Repair the file and "
            "restart the server, or connect the services again, which moves the damaged file aside."
        )

    def _say(self, notice: str) -> None:
        """Tell the operator of the damage, in the place of what was said of it before."""
        if self._damage in self._notices:
            self._notices.remove(self._damage)
        self._damage = notice
        self._notices.append(notice)

    def _write(self, services: dict[str, _Service]) -> None:
        _write(self._file, _SERVICES.dump_json(services, indent=1).decode(), 0o600)


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
