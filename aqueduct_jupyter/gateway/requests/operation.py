"""What can be asked of the gateway, as data, so that the steps all share are written once.

The order of those steps is left to :mod:`.admission`, asking and answering to one module for each
operation.
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
        path: where it is below an upstream's base URL.
        read: reads and checks a request's JSON object; raises an InvalidRequestError.
        files_in: the field of a request in whose parts files may be.
        stream: judges a streamed answer: what ends it, what is an error, and where the tokens are.
        bridged_to: the names of operations that can answer in its place.
    """

    name: str
    path: str
    read: Callable[[dict[str, Any]], ChatRequest]
    files_in: str
    stream: type[AnswerStream]
    bridged_to: tuple[str, ...] = ()
