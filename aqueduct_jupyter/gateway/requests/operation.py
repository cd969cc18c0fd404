"""The gateway's operations as data, so that the steps that all share are written once.

The order of those steps is in :mod:`.admission`; each operation has a module of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ...protocol.chat import ChatRequest
from .stream import AnswerStream

__all__ = ["Operation"]


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of an API.

    Args:
        name: its name in logs and messages.
        path: its path below an upstream's base URL.
        read: reads and validates a request's JSON object; raises an InvalidRequestError.
        files_in: the field of a request whose parts may be files.
        stream: checks a streamed answer for its end, errors and usage.
        bridged_to: the names of operations that can answer instead.
    """

    name: str
    path: str
    read: Callable[[dict[str, Any]], ChatRequest]
    files_in: str
    stream: type[AnswerStream]
    bridged_to: tuple[str, ...] = ()
