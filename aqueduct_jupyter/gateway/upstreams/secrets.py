"""What must not be passed on: an upstream's key and its address, blotted out of foreign text."""

from __future__ import annotations

import re
from dataclasses import dataclass

import httpx

from .settings import UpstreamSettings

__all__ = ["Secrets"]

SHORTEST_KEY = 8
"""Characters from which a key is blotted out; a shorter one, such as EMPTY, may be any word."""

KNOWN_BEGINNING = 5
"""Characters of a key by which a shortened or starred copy of it is known."""

BLOT = "[...]"


@dataclass(frozen=True, slots=True)
class Secrets:
    """The texts that nobody but the upstream may see.

    Args:
        key: sent as its bearer token; "" where it takes none.
        addresses: its address, as a whole and in parts.
    """

    key: str = ""
    addresses: tuple[str, ...] = ()

    @classmethod
    def of(cls, settings: UpstreamSettings) -> Secrets:
        """Give those of one upstream's settings."""
        key = settings.api_key.get_secret_value() if settings.api_key else ""
        url = httpx.URL(settings.base_url)
        parts = (settings.base_url, url.netloc.decode(), url.host)
        # A host of one word, such as "model", may be any word of a sentence.
        told = (part for part in parts if "." in part or ":" in part)
        return cls(key if len(key) >= SHORTEST_KEY else "", tuple(told))

    def blotted(self, text: str) -> str:
        """Give a text without them, and without a key that is repeated in part: ``sk-ab***yz``."""
        for address in self.addresses:
            text = text.replace(address, BLOT)
        if not self.key:
            return text
        beginning = re.escape(self.key[:KNOWN_BEGINNING])
        masked = rf"(?<![\w-]){beginning}[\w-]*(?:[*\u2022\u2026]|\.\.)[\w*.\u2022\u2026-]*"
        return re.sub(masked, BLOT, text.replace(self.key, BLOT))
