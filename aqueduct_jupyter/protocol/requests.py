"""What the requests of all APIs have in common: a JSON object that names a model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

__all__ = ["APIRequest"]


@dataclass(frozen=True, slots=True)
class APIRequest:
    """A checked request; ``body`` is the client's own JSON object."""

    body: dict[str, Any]

    @property
    def model(self) -> str | None:
        """The model's name as the client wrote it; None means the default."""
        return self.body.get("model") or None

    @property
    def is_stream(self) -> bool:
        """Whether the client asked for a stream of events."""
        return bool(self.body.get("stream"))
