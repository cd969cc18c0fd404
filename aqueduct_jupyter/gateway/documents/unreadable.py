"""Why a document cannot be read; :mod:`.reader` puts it into words."""

from __future__ import annotations

from typing import Literal

__all__ = ["Reason", "UnreadableError"]

Reason = Literal[
    "broken",
    "charset",
    "crash",
    "empty",
    "encrypted",
    "long",
    "memory",
    "not_as_declared",
    "old_office",
    "timeout",
    "unsupported",
]


class UnreadableError(Exception):
    """No text can be extracted from the document; ``reason`` says why."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason: Reason = reason
