"""This file is what went wrong upstream, in our words: statuses, error bodies, broken connections.

When a failure is tried again is decided here too, as a mark on the error; the loop that obeys the
mark is in :mod:`.upstream`.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from ..protocol.errors import (
    AqueductError,
    ContextLengthError,
    DisconnectedError,
    UpstreamAuthError,
    UpstreamError,
    UpstreamTimeoutError,
    UpstreamUnavailableError,
    error_from_envelope,
)

__all__ = ["failure_from_event", "failure_from_exception", "failure_from_response", "read_json"]

SHORT_RETRY_AFTER = 5.0
"""Seconds: up to this long a Retry-After is waited for here; a longer one is the client's."""

LONGEST_MESSAGE = 2000
"""Characters of an upstream's message that are passed on."""

LONGEST_WORD = 200
"""Characters of its type, param and code that are."""

_TOO_LONG = re.compile(
    r"maximum context length|(context|prompt) .{0,40}(size|length|too long)", re.I
)

# What httpx raises, most special first, and our error for it. A connection that could not be made
# has carried no request, so trying again is safe.
_CONNECTION_FAILURES = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
)
_TIMEOUTS = (httpx.ReadTimeout, httpx.WriteTimeout, TimeoutError)
_DISCONNECTIONS = (httpx.NetworkError, httpx.RemoteProtocolError)


def read_json(text: bytes | str) -> Any:
    """Decode what an upstream sent as JSON; None where it is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def failure_from_exception(name: str, error: Exception) -> UpstreamError:
    """Say in our words what an exception of the HTTP client means.

    Args:
        name: the upstream's name; its address is never said.
        error: what httpx or asyncio's timeout raised.
    """
    if isinstance(error, _CONNECTION_FAILURES):
        return UpstreamUnavailableError(
            f"The upstream '{name}' cannot be reached ({_kind_of_connection(error)}). "
            "Try again later, or choose a model of another upstream.",
            is_retryable=True,
        )
    if isinstance(error, _TIMEOUTS):
        return UpstreamTimeoutError(f"The upstream '{name}' did not answer in time.")
    if isinstance(error, _DISCONNECTIONS):
        return DisconnectedError(f"The upstream '{name}' closed the connection before its answer.")
    return UpstreamError(f"The upstream '{name}' sent something that is no HTTP answer.")


def _kind_of_connection(error: Exception) -> str:
    text = str(error).lower()
    if isinstance(error, httpx.ConnectTimeout):
        return "no connection in time"
    if isinstance(error, httpx.PoolTimeout):
        return "all connections are in use"
    if isinstance(error, httpx.ProxyError):
        return "the proxy refused"
    if "certificate" in text or "ssl" in text:
        return "its TLS certificate is not trusted"
    if "name or service" in text or "getaddrinfo" in text or "name resolution" in text:
        return "its name is not known"
    return "the connection was refused"


def failure_from_response(
    name: str, status: int, headers: Mapping[str, str], body: bytes, secrets: tuple[str, ...]
) -> AqueductError:
    """Say in our words what an answer with another status than 200 means.

    Args:
        name: the upstream's name.
        status: the HTTP status.
        headers: the response's headers, by lower-case name.
        body: the response's body.
        secrets: texts (the key, the address) that must not be passed on.
    """
    if status in (401, 403):
        return UpstreamAuthError(
            f"The upstream '{name}' refused this server's key (status {status}). "
            "The operator of this Jupyter server has to check it."
        )
    retry_after = _seconds(headers.get("retry-after"))
    is_short = retry_after is None or retry_after <= SHORT_RETRY_AFTER
    if 400 <= status < 500:
        error = _refusal(name, status, read_json(body), secrets, retry_after)
        if status == 429 and retry_after is not None and is_short:
            error.is_retryable = True
        return error
    if status in (503, 504):
        kind: type[UpstreamError] = UpstreamUnavailableError
        sentence = f"The upstream '{name}' is not ready (status 503). Try again later."
        if status == 504:
            kind = UpstreamTimeoutError
            sentence = f"The upstream '{name}' ran out of time (status 504)."
        return kind(sentence, retry_after=retry_after, is_retryable=is_short or None)
    if status >= 500:
        message = f"The upstream '{name}' failed (status {status})."
        return UpstreamError(message, is_retryable=(status == 502 and is_short) or None)
    if 300 <= status < 400:
        return UpstreamError(
            f"The upstream '{name}' answered with a redirect, which is not followed because the "
            "key would go with it. The operator has to correct its base_url."
        )
    return UpstreamError(f"The upstream '{name}' answered with the unexpected status {status}.")


def failure_from_event(name: str, event: Any, secrets: tuple[str, ...]) -> AqueductError:
    """Say in our words what an error event inside a stream means.

    Args:
        name: the upstream's name.
        event: the event's decoded JSON.
        secrets: texts that must not be passed on.
    """
    inner = event.get("error") if isinstance(event, Mapping) else None
    code = inner.get("code") if isinstance(inner, Mapping) else None
    status = code if isinstance(code, int) and 400 <= code < 600 else 502
    if status in (401, 403) or status >= 500:
        error = _refusal(name, 502, event, secrets, None)
        error.message = f"The upstream '{name}' broke off its answer: {error.message}"
        return error
    return _refusal(name, status, event, secrets, None)


def _refusal(
    name: str, status: int, body: Any, secrets: tuple[str, ...], retry_after: float | None
) -> AqueductError:
    """Keep what the upstream says of the request: message, type, param and code."""
    said = {key: value for key, value in _words(body).items() if isinstance(value, str)}
    # Words stand in a line of the log, and must not look like several.
    words = {
        key: "".join(filter(str.isprintable, _clean(value, secrets, LONGEST_WORD)))
        for key, value in said.items()
    }
    message = said.get("message") or f"The upstream '{name}' refused the request."
    message = words["message"] = _clean(message, secrets, LONGEST_MESSAGE)
    error = error_from_envelope(status, {"error": words}, retry_after=retry_after)
    if status == 400 and (_TOO_LONG.search(message) or "context" in (error.code or "")):
        return ContextLengthError(error.message, param=error.param or "messages")
    return error


def _clean(text: str, secrets: tuple[str, ...], longest: int) -> str:
    for secret in secrets:
        text = text.replace(secret, "[...]")
    # Half a character, such as "\ud800" in JSON, can be written nowhere, the ledger included.
    return text[:longest].encode(errors="replace").decode()


def _words(body: Any) -> dict[str, Any]:
    """Find the message in the several shapes that servers give their errors."""
    if not isinstance(body, Mapping):
        return {}
    inner = body.get("error", body)
    if isinstance(inner, str):
        return {"message": inner}
    if not isinstance(inner, Mapping):
        return {}
    words = dict(inner)
    if not isinstance(words.get("message"), str):
        detail = body.get("detail")
        words["message"] = detail if isinstance(detail, str) else None
    return words


def _seconds(retry_after: str | None) -> float | None:
    if not retry_after:
        return None
    try:
        seconds = float(retry_after)
    except ValueError:
        pass
    else:
        # "nan" and "inf" are numbers to Python, and no time to wait.
        return max(0.0, seconds) if math.isfinite(seconds) else None
    try:
        moment = parsedate_to_datetime(retry_after)
    except (ValueError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, round((moment - datetime.now(UTC)).total_seconds()))
