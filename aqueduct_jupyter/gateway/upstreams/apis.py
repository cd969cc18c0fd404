"""Which APIs an upstream speaks: as configured, or as it answered when it was asked.

An API that is not known is tried, and a bridge is used if the upstream does not have it. The
requests decide what an API can be bridged to.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, get_args

from cachetools import TTLCache

__all__ = ["ABSENT", "API", "APIMode", "KnownAPIs"]

API = Literal["chat", "responses", "messages", "completions", "compact"]

APIMode = Literal["native", "bridge", "auto"]
"""``native``: the upstream has the API; ``bridge``: it does not; ``auto``: it is asked once."""

ABSENT = (404, 405, 501)
"""The statuses of an upstream that does not have an API."""

REMEMBERED_SECONDS = 3600.0
"""How long an answer is remembered, in seconds; an upstream may be upgraded."""

_WITHIN: Mapping[API, API] = {"compact": "responses"}
"""APIs that an upstream cannot have without another."""

_DEFAULTS: Mapping[API, APIMode] = {"chat": "native"}


class KnownAPIs:
    """The APIs of one upstream.

    Args:
        configured: the operator's settings; what is missing is ``auto``, except chat, which every
            upstream is expected to have.
    """

    def __init__(self, configured: Mapping[API, APIMode]) -> None:
        self._configured = {**_DEFAULTS, **configured}
        self._remembered: TTLCache[API, APIMode] = TTLCache(len(get_args(API)), REMEMBERED_SECONDS)

    def mode(self, api: API) -> APIMode:
        """Return how an API is used; ``auto`` if nobody knows yet."""
        mode = self._configured.get(api, "auto")
        if mode == "auto" and api in _WITHIN and self.mode(_WITHIN[api]) == "bridge":
            return "bridge"
        return self._remembered.get(api, "auto") if mode == "auto" else mode

    def remember(self, api: API, mode: APIMode) -> None:
        """Note how the upstream answered, if that was not known."""
        if self.mode(api) == "auto":
            self._remembered[api] = mode
