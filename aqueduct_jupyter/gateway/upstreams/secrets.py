"""An upstream's secrets: its key and address, removed from text that others wrote."""

from __future__ import annotations

import re
from dataclasses import dataclass

import httpx

from .settings import UpstreamSettings

__all__ = ["Secrets"]

SHORTEST_KEY = 8
"""Shortest key that is removed; a shorter one, such as EMPTY, may be an ordinary word."""

KNOWN_BEGINNING = 5
"""Characters of a key by which a shortened or masked copy of it is recognized."""

BLOT = "[...]"


@dataclass(frozen=True, slots=True)
class Secrets:
    """The texts that only the upstream may see.

    Args:
        key: the upstream's bearer token, or "".
        addresses: the upstream's URL, its host, and its host with the port.
    """

    key: str = ""
    addresses: tuple[str, ...] = ()

    @classmethod
    def of(cls, settings: UpstreamSettings) -> Secrets:
        """Collect the secrets in an upstream's settings."""
        key = settings.api_key.get_secret_value() if settings.api_key else ""
        url = httpx.URL(settings.base_url)
        parts = (settings.base_url, url.netloc.decode(), url.host)
        # A host without a dot, such as "model", may be an ordinary word in a sentence.
        distinct = (part for part in parts if "." in part or ":" in part)
        return cls(key if len(key) >= SHORTEST_KEY else "", tuple(distinct))

    def blotted(self, text: str) -> str:
        """Remove them from a text, including a partly masked key such as ``sk-ab***yz``."""
        for address in self.addresses:
            text = text.replace(address, BLOT)
        if not self.key:
            return text
        beginning = re.escape(self.key[:KNOWN_BEGINNING])
        masked = rf"(?<![\w-]){beginning}[\w-]*(?:[*\u2022\u2026]|\.\.)[\w*.\u2022\u2026-]*"
        return re.sub(masked, BLOT, text.replace(self.key, BLOT))
