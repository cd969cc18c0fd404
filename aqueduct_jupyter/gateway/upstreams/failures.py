"""Upstream failures as our errors: statuses, error bodies, broken connections.

Each error is also marked as retryable or not; the retry loop is in :mod:`.upstream`. The reason in
an error body is found in :mod:`.reasons`.
"""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from ...protocol.errors import (
    AqueductError,
    ContextLengthError,
    DisconnectedError,
    UpstreamAuthError,
    UpstreamError,
    UpstreamTimeoutError,
    UpstreamUnavailableError,
    error_from_envelope,
)
from ...protocol.plain_text import plain_text
from .reasons import Reason, find_reason
from .secrets import Secrets

__all__ = [
    "CONNECTION_FAILURES",
    "failure_from_event",
    "failure_from_exception",
    "failure_from_response",
    "kind_of_connection",
]

SHORT_RETRY_AFTER = 5.0
"""The longest Retry-After that is waited for here, in seconds; longer ones go to the client."""

LOGGED_CHARACTERS = 300
"""Characters of an upstream's error that are logged if it cannot be shown to the client."""

LOGGED_BYTES = 8 * LOGGED_CHARACTERS
"""Bytes of the error's body that are decoded for the log."""

_KEY_CODES = frozenset(
    {"invalid_api_key", "invalid_authentication", "authentication_error", "unauthenticated"}
)
"""Codes and types of a 403 for an invalid key: OpenAI's, Moonshot's, Anthropic's, Google's."""

_KEY_REFUSED = re.compile(
    r"(invalid|incorrect|expired|revoked|missing|wrong|unknown|no|malformed)\b[^.;,]{0,20}"
    r"\b(api[ _-]?key|(access|auth|bearer)[ _-]token|credentials?)\b"
    r"|\b(api[ _-]?key|(access|auth|bearer)[ _-]token|credentials?)\b[^.;,]{0,30}"
    r"\b(invalid|incorrect|expired|revoked|missing|not valid|not found|required|leaked|disabled"
    r"|blocked|deactivated)\b"
    r"|^\W*(invalid|expired|missing) token\W*$"
    r"|not authenticated|authentication (failed|required)",
    re.IGNORECASE,
)
"""Messages of a 403 for an invalid key, including FastAPI's message for a missing one."""

_log = logging.getLogger(__name__)

_TOO_LONG = re.compile(
    r"maximum context length|(context|prompt) .{0,40}(size|length|too long)", re.I
)

# httpx's exceptions, the most specific first. If no connection was made, no request was sent, so a
# retry is safe.
CONNECTION_FAILURES = (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError)
_TIMEOUTS = (httpx.ReadTimeout, httpx.WriteTimeout, TimeoutError)
_DISCONNECTIONS = (httpx.NetworkError, httpx.RemoteProtocolError)


def failure_from_exception(name: str, error: Exception) -> UpstreamError:
    """Convert an exception of the HTTP client.

    Args:
        name: the upstream's name; messages never contain its address.
        error: what httpx or asyncio's timeout raised.
    """
    if isinstance(error, CONNECTION_FAILURES):
        return UpstreamUnavailableError(
            f"The upstream '{name}' cannot be reached ({kind_of_connection(error)}). "
            "Try again later, or choose a model of another upstream.",
            is_retryable=True,
        )
    if isinstance(error, httpx.PoolTimeout):
        return UpstreamUnavailableError(
            f"All connections to the upstream '{name}' are in use. Try again later, or ask the "
            "operator to raise its max_connections.",
            code="connections_in_use",
            is_retryable=False,
        )
    if isinstance(error, _TIMEOUTS):
        return UpstreamTimeoutError(f"The upstream '{name}' did not answer in time.")
    if isinstance(error, _DISCONNECTIONS):
        return DisconnectedError(
            f"The upstream '{name}' closed the connection before its answer was complete."
        )
    return UpstreamError(f"The upstream '{name}' did not send a valid HTTP response.")


def kind_of_connection(error: Exception) -> str:
    """Say why no connection was made, for one of :data:`CONNECTION_FAILURES`."""
    text = str(error).lower()
    if isinstance(error, httpx.ConnectTimeout):
        return "the connection timed out"
    if isinstance(error, httpx.ProxyError):
        return "the proxy refused the connection"
    if "certificate" in text or "ssl" in text:
        return "its TLS certificate is not trusted"
    if "name or service" in text or "getaddrinfo" in text or "name resolution" in text:
        return "its host name cannot be resolved"
    return "the connection was refused"


def failure_from_response(
    name: str, status: int, headers: Mapping[str, str], body: bytes, secrets: Secrets
) -> AqueductError:
    """Convert a response whose status is not 200.

    Takes time proportional to the body. What cannot be shown to the client is logged.

    Args:
        name: the upstream's name.
        status: the HTTP status.
        headers: the response's headers, with lower-case names.
        body: the response's body.
        secrets: what must not be passed on.
    """
    error = _failure(name, status, headers, body, secrets)
    error.upstream = name
    return error


def _failure(
    name: str, status: int, headers: Mapping[str, str], body: bytes, secrets: Secrets
) -> AqueductError:
    reason = find_reason(body, headers.get("content-type", ""), secrets)
    retry_after = _seconds(headers.get("retry-after"))
    if status == 401 or (status == 403 and _is_about_the_key(reason)):
        _log_unshown(name, status, reason.message, secrets)
        return UpstreamAuthError(
            f"The upstream '{name}' refused this server's key (status {status}). "
            "Ask the operator of this Jupyter server to check it.",
            is_retryable=False,
        )
    if not reason.message:
        _log_unshown(name, status, body[:LOGGED_BYTES].decode(errors="replace"), secrets)
    if 400 <= status < 500:
        error = _refusal(name, status, reason, retry_after)
        if status == 429 and retry_after is not None and _is_short(retry_after):
            error.is_retryable = True
        return error
    if status >= 500:
        return _breakdown(name, status, reason, retry_after)
    if 300 <= status < 400:
        return UpstreamError(
            f"The upstream '{name}' answered with a redirect, which is not followed because that "
            "would send the key elsewhere. Ask the operator to correct its base_url.",
            is_retryable=False,
        )
    return UpstreamError(f"The upstream '{name}' answered with the unexpected status {status}.")


def failure_from_event(name: str, event: Any, secrets: Secrets) -> AqueductError:
    """Convert an error event inside a stream.

    Args:
        name: the upstream's name.
        event: the event's decoded JSON.
        secrets: what must not be passed on.
    """
    reason = Reason(event, secrets)
    status = reason.number if reason.number and 400 <= reason.number < 600 else 502
    if status in (401, 403) or status >= 500:
        error = _refusal(name, 502, reason, None)
        error.message = f"The upstream '{name}' aborted its answer: {error.message}"
    else:
        error = _refusal(name, status, reason, None)
    error.upstream = name
    return error


def _is_about_the_key(reason: Reason) -> bool:
    codes = {reason.code, reason.type}
    return bool(codes & _KEY_CODES) or _KEY_REFUSED.search(reason.message) is not None


def _log_unshown(name: str, status: int, said: str, secrets: Secrets) -> None:
    shown = plain_text(secrets.blotted(said), LOGGED_CHARACTERS)
    if shown:
        _log.warning("The upstream '%s' answered with status %d: %s", name, status, shown)


def _refusal(name: str, status: int, reason: Reason, retry_after: float | None) -> AqueductError:
    """Keep the upstream's description of the error: message, type, param and code."""
    default = f"The upstream '{name}' refused the request (status {status}) without a reason."
    error = error_from_envelope(status, reason.envelope(default), retry_after=retry_after)
    if status == 400 and (_TOO_LONG.search(error.message) or "context" in (error.code or "")):
        return ContextLengthError(error.message, param=error.param or "messages")
    return error


def _breakdown(name: str, status: int, reason: Reason, retry_after: float | None) -> UpstreamError:
    """Return an error that blames the upstream, with its own reason if it gave one."""
    kind: type[UpstreamError] = UpstreamError
    sentence, next_step = f"The upstream '{name}' failed (status {status})", ""
    if status == 503:
        kind, next_step = UpstreamUnavailableError, " Try again later."
        sentence = f"The upstream '{name}' is not ready (status 503)"
    elif status == 504:
        kind, sentence = UpstreamTimeoutError, f"The upstream '{name}' timed out (status 504)"
    said = reason.message.rstrip(".")
    is_repeated = status in (502, 503, 504) and _is_short(retry_after)
    return kind(
        f"{sentence}{': ' + said if said else ''}.{next_step}",
        retry_after=retry_after,
        is_retryable=is_repeated or None,
    )


def _is_short(retry_after: float | None) -> bool:
    return retry_after is None or retry_after <= SHORT_RETRY_AFTER


def _seconds(retry_after: str | None) -> float | None:
    if not retry_after:
        return None
    try:
        seconds = float(retry_after)
    except ValueError:
        pass
    else:
        # Python also accepts "nan" and "inf".
        return max(0.0, seconds) if math.isfinite(seconds) else None
    try:
        moment = parsedate_to_datetime(retry_after)
    except (ValueError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, round((moment - datetime.now(UTC)).total_seconds()))
