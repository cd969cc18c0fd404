"""The base of the error tree."""

from __future__ import annotations

import math
import re
from typing import ClassVar

__all__ = ["AqueductError"]

_SAYS_WHEN = re.compile(r"\b(?:in|after) \d", re.IGNORECASE)


class AqueductError(Exception):
    """The base of all errors raised on purpose; each class sets the defaults for its kind.

    Args:
        message: what is wrong, where, and what to do next; one or two sentences for a person.
        param: the field at fault, such as ``messages[0].role``, or None.
        code: a short, stable identifier for programs; the class has a default.
        type: the envelope's type; the class has a default.
        status: the HTTP status; the class has a default.
        retry_after: seconds to wait before trying again, or None.
        is_retryable: False tells clients not to retry automatically (``x-should-retry``); None
            leaves the choice to them.
    """

    default_status: ClassVar[int] = 500
    default_type: ClassVar[str] = "server_error"
    default_code: ClassVar[str | None] = None

    def __init__(
        self,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        type: str | None = None,
        status: int | None = None,
        retry_after: float | None = None,
        is_retryable: bool | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        self.code = code or self.default_code
        self.type = type or self.default_type
        self.status = status or self.default_status
        self.retry_after = retry_after
        self.is_retryable = is_retryable
        self.more_headers: dict[str, str] = {}
        """Headers to send with this error, such as the rest of a budget."""
        self.upstream: str | None = None
        """The upstream that refused or failed, if one did and this process asked it."""
        self.request_id: str | None = None
        """The server's id of the request, if known, for finding it in the server's log."""

    def envelope(self) -> dict[str, dict[str, str | None]]:
        """Return this error as a JSON object for a client, with OpenAI's four keys."""
        return {
            "error": {
                "message": self.message,
                "type": self.type,
                "param": self.param,
                "code": self.code,
            }
        }

    def told(self) -> str:
        """Return the message for a person who sees no headers: who refused, and when to try again.

        A message that names the upstream, or a time, is not made longer.
        """
        message = self.message
        if self.upstream is not None and f"'{self.upstream}'" not in message:
            message = f"The upstream '{self.upstream}' refused: {message}"
        if self.retry_after and not _SAYS_WHEN.search(message):
            message = message.removesuffix(" Try again later.").rstrip(". ")
            message = f"{message}. Try again in {_span(self.retry_after)}."
        return message

    def headers(self) -> dict[str, str]:
        """Return the HTTP headers that belong to this error."""
        headers = dict(self.more_headers)
        if self.retry_after is not None:
            # RFC 9110 requires whole seconds; rounded up, so that no client comes back too early.
            headers["Retry-After"] = str(math.ceil(self.retry_after))
        if self.is_retryable is not None:
            headers["x-should-retry"] = "true" if self.is_retryable else "false"
        return headers


def _span(seconds: float) -> str:
    """Write seconds in the largest unit that is not too coarse; rounded up."""
    for unit, size in (("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{math.ceil(seconds / size)} {unit}"
    return f"{math.ceil(seconds)} s"
