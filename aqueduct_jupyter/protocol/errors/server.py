"""Errors of the server and its upstreams."""

from __future__ import annotations

from .base import AqueductError


class ServerError(AqueductError):
    """This server or an upstream is at fault."""

    default_code = "internal_error"


class UnavailableError(ServerError):
    """This server cannot do this now, but may be able to later."""

    default_status = 503
    default_code = "unavailable"


class UpstreamError(ServerError):
    """The upstream's response is not an answer."""

    default_status = 502
    default_code = "upstream_error"


class UpstreamAuthError(UpstreamError):
    """The upstream refused this server's key; only the operator can fix this."""

    default_code = "upstream_auth"


class DisconnectedError(UpstreamError):
    """The upstream disconnected in the middle of an answer."""

    default_code = "upstream_disconnected"


class UpstreamUnavailableError(UpstreamError):
    """The upstream cannot be reached or is not ready."""

    default_status = 503
    default_code = "upstream_unavailable"


class UpstreamTimeoutError(UpstreamError):
    """The upstream did not answer in time."""

    default_status = 504
    default_type = "timeout_error"
    default_code = "upstream_timeout"
