"""What an upstream says of its failure: found where well-known servers put it, fit to be shown.

What the failure means is left to :mod:`.failures`. The shapes, each with a server that has it:

* ``{"error": {"message", "type", "param", "code"}}``: OpenAI; also as an event of a stream;
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
"""Bytes of the body of an error."""

DEEPEST = 5
"""How many objects and lists a sentence may lie in."""

MOST_SENTENCES = 5
"""How many faults of a list are told."""

_PLACES = ("message", "error_description", "detail", "msg", "error", "errors", "title")
"""Where a sentence may be, the likeliest first; names in any case."""

_NO_SENTENCE = re.compile(
    r"^[\[{]|^null$|<\s*[!a-z/]|traceback \(most recent|\ufffd", re.IGNORECASE
)
"""JSON that broke off, a page, a traceback, bytes that are not UTF-8."""


class Reason:
    """What was said.

    Args:
        body: the decoded JSON, or the text, of an error.
        secrets: what must not be passed on.

    Attributes:
        message: the sentence, "" where there is none to show.
        type, param, code: OpenAI's other words, None where they are not text.
        number: ``code`` where it is a whole number, such as a status inside of a stream.
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
        """Give OpenAI's envelope, with a sentence in the place of one that was not said."""
        words = {"type": self.type, "param": self.param, "code": self.code}
        return {"error": {"message": self.message or message, **words}}


def find_reason(body: bytes, content_type: str, secrets: Secrets) -> Reason:
    """Find what an error's body says; a page of HTML says nothing that can be shown.

    Args:
        body: the body.
        content_type: what it says of itself.
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
    # A secret that is cut in half is known by its beginning.
    return plain_text(secrets.blotted(text[: 4 * most]), most)


def _innermost(body: Any) -> Mapping[str, Any]:
    """Give the object with OpenAI's words."""
    if isinstance(body, list) and body:
        body = body[0]
    if not isinstance(body, Mapping):
        return {}
    inner = body.get("error")
    return inner if isinstance(inner, Mapping) else body


def _sentence(body: Any, depth: int = 0) -> str:
    if isinstance(body, str):
        return body.strip()
    if depth == DEEPEST:
        return ""
    if isinstance(body, list):
        found = (_sentence(item, depth + 1) for item in body[:MOST_SENTENCES])
        return "; ".join(sentence for sentence in found if sentence)
    if not isinstance(body, Mapping):
        return ""
    named = {name.lower(): value for name, value in body.items() if isinstance(name, str)}
    # Beside a whole error, what else stands there is about it; beside a word for one, it says more.
    places = ("error", *_PLACES) if isinstance(named.get("error"), Mapping) else _PLACES
    found = (_sentence(named[place], depth + 1) for place in places if named.get(place))
    sentence = next(filter(None, found), "")
    return f"{_where(named['loc'])}: {sentence}" if sentence and named.get("loc") else sentence


def _where(steps: Any) -> str:
    """Write the place of a fault as FastAPI tells it."""
    if not isinstance(steps, list):
        return "?"
    return ".".join(str(step)[:LONGEST_WORD] for step in steps if isinstance(step, str | int))
