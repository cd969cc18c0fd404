"""The error in an envelope: its status and code choose the class."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..plain_text import LONGEST_SENTENCE, LONGEST_WORD, plain_text
from .base import AqueductError
from .request import InvalidRequestError, RequestError
from .server import ServerError

__all__ = ["error_from_envelope"]


def _tree(root: type[AqueductError]) -> Iterator[type[AqueductError]]:
    yield root
    for child in root.__subclasses__():
        yield from _tree(child)


def _class_for(status: int, code: str | None) -> type[AqueductError]:
    classes = list(_tree(AqueductError))
    for candidate in classes:
        if code and candidate.default_code == code and candidate.default_status == status:
            return candidate
    if status == 400:
        return InvalidRequestError
    for candidate in classes:
        if candidate.default_status == status and candidate not in (AqueductError, RequestError):
            return candidate
    return RequestError if 400 <= status < 500 else ServerError


def error_from_envelope(
    status: int, envelope: Any, *, retry_after: float | None = None
) -> AqueductError:
    """Build the error in an envelope; its status and code choose the class.

    Args:
        status: the HTTP status of the response; 0 for an error inside a stream.
        envelope: the decoded JSON body; anything other than an envelope gives a general message.
        retry_after: seconds from the ``Retry-After`` header, or None.

    Returns:
        The error, not raised. Message, type, param and code come from the envelope if they are
        strings, and are made safe to display.
    """
    inner = envelope.get("error") if isinstance(envelope, Mapping) else None
    given: Mapping[str, Any] = inner if isinstance(inner, Mapping) else {}
    fields = {
        key: plain_text(given.get(key), LONGEST_SENTENCE if key == "message" else LONGEST_WORD)
        for key in ("message", "type", "param", "code")
    }
    code = fields["code"] or None
    if not status:
        status = next(
            (c.default_status for c in _tree(AqueductError) if c.default_code == code), 500
        )
    message = fields["message"] or f"The server answered with status {status} and no message."
    return _class_for(status, code)(
        message,
        param=fields["param"] or None,
        code=code,
        type=fields["type"] or None,
        status=status,
        retry_after=retry_after,
    )
