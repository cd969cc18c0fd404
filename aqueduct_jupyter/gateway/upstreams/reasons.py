"""The reason in an upstream's error: found where known servers put it, and made safe to show.

The failure is classified in :mod:`.failures`. The formats, and the servers that use them:

* ``{"error": {"message", "type", "param", "code"}}``: OpenAI, also as an event in a stream;
* ``[{"error": {...}}]``: Gemini; ``{"error": "..."}``: Ollama, text-generation-inference;
* ``{"message": ...}``: vLLM, Cohere, AWS; ``{"message": {"detail": [...]}}``: Mistral;
* ``{"detail": "..."}`` and ``{"detail": [{"loc", "msg"}]}``: FastAPI;
* ``{"errors": [...]}``: Cloudflare; ``{"title", "detail"}``: RFC 9457;
* a line of plain text: gateways and reverse proxies.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ...protocol.plain_text import LONGEST_SENTENCE, LONGEST_WORD, plain_text
from ..encoding import read_json
from .secrets import Secrets

__all__ = ["LARGEST_ERROR", "Reason", "find_reason"]

LARGEST_ERROR = 2**20
"""Size limit of an error's body, in bytes."""

MAX_DEPTH = 5
"""How many objects and lists the message may be nested in."""

MAX_SENTENCES = 5
"""How many errors of a list are shown."""

_PLACES = ("message", "error_description", "detail", "msg", "error", "errors", "title")
"""Fields that may hold the message, the likeliest first, in any letter case."""

_NO_SENTENCE = re.compile(
    r"^[\[{]|^null$|<\s*[!a-z/]|traceback \(most recent|\ufffd", re.IGNORECASE
)
"""Truncated JSON, HTML, a traceback, or bytes that are not UTF-8."""


class Reason:
    """The upstream's own description of an error.

    Args:
        body: an error's body, as decoded JSON or text.
        secrets: what must not be passed on.

    Attributes:
        message: the message, or "" if none can be shown.
        type, param, code: OpenAI's other fields; None if they are not text.
        number: ``code`` if it is an integer, such as a status inside a stream.
    """

    def __init__(self, body: Any, secrets: Secrets) -> None:
        inner = _innermost(body)
        self.message = _shown(_sentence(body), secrets, LONGEST_SENTENCE)
        self.type = _shown(inner.get("type"), secrets) or None
        self.param = _shown(inner.get("param"), secrets) or None
        self.code = _shown(inner.get("code"), secrets) or None
        number = inner.get("code")
        self.number = number if isinstance(number, int) else None

    def envelope(self, message: str) -> dict[str, dict[str, str | None]]:
        """Return OpenAI's envelope; ``message`` is used if the upstream gave none."""
        fields = {"type": self.type, "param": self.param, "code": self.code}
        return {"error": {"message": self.message or message, **fields}}


def find_reason(body: bytes, content_type: str, secrets: Secrets) -> Reason:
    """Find the reason in an error's body; HTML is ignored.

    Args:
        body: the body.
        content_type: its content type.
        secrets: what must not be passed on.
    """
    decoded = read_json(body)
    if decoded is None and "html" not in content_type.lower():
        text = body[: 4 * LONGEST_SENTENCE].decode(errors="replace").strip()
        decoded = None if _NO_SENTENCE.search(text) else text
    return Reason(decoded, secrets)


def _shown(text: object, secrets: Secrets, most: int = LONGEST_WORD) -> str:
    if not isinstance(text, str):
        return ""
    # A secret that the limit cuts in half is still recognized by its beginning.
    return plain_text(secrets.blotted(text[: 4 * most]), most)


def _innermost(body: Any) -> Mapping[str, Any]:
    """Return the object with OpenAI's fields."""
    if isinstance(body, list) and body:
        body = body[0]
    if not isinstance(body, Mapping):
        return {}
    inner = body.get("error")
    return inner if isinstance(inner, Mapping) else body


def _sentence(body: Any, depth: int = 0) -> str:
    if isinstance(body, str):
        return body.strip()
    if depth == MAX_DEPTH:
        return ""
    if isinstance(body, list):
        found = (_sentence(item, depth + 1) for item in body[:MAX_SENTENCES])
        return "; ".join(sentence for sentence in found if sentence)
    if not isinstance(body, Mapping):
        return ""
    named = {name.lower(): value for name, value in body.items() if isinstance(name, str)}
    # An error object comes before the fields beside it; an error that is only a word comes after.
    places = ("error", *_PLACES) if isinstance(named.get("error"), Mapping) else _PLACES
    found = (_sentence(named[place], depth + 1) for place in places if named.get(place))
    sentence = next(filter(None, found), "")
    return f"{_where(named['loc'])}: {sentence}" if sentence and named.get("loc") else sentence


def _where(steps: Any) -> str:
    """Format FastAPI's ``loc``, the path to an invalid field."""
    if not isinstance(steps, list):
        return "?"
    return ".".join(str(step)[:LONGEST_WORD] for step in steps if isinstance(step, str | int))
