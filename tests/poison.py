"""A hostile upstream's words: a payload in every string of every object that it can send.

The objects are walked, so a field that is added to them is poisoned without being named here. Only
the answer's own text is left as it is: that it is harmless is tested elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from html.parser import HTMLParser
from typing import Any

__all__ = ["MARK", "OBJECTS", "Page", "all_fields", "each_field", "payload"]

MARK = "poison"
"""Stands in all that a payload could bring into a page."""

ANSWER = "Hi"
"""The text of the answer, which no payload takes the place of."""

_COMPLETION: dict[str, Any] = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "real-name",
    "system_fingerprint": "fp_1",
    "service_tier": "default",
    "provider": "somebody",
    "choices": [
        {
            "index": 0,
            "message": {
                "role": "assistant",
                "content": ANSWER,
                "refusal": "no",
                "tool_calls": [
                    {
                        "id": "call_1",
                        "type": "function",
                        "function": {"name": "f", "arguments": "{}"},
                    }
                ],
                "annotations": [
                    {"type": "url_citation", "url_citation": {"url": "u", "title": "t"}}
                ],
            },
            "finish_reason": "stop",
            "native_finish_reason": "stop",
        }
    ],
    "usage": {"prompt_tokens": 3, "completion_tokens": 2, "cost_details": {"currency": "USD"}},
}
_CHUNK: dict[str, Any] = {
    **{key: value for key, value in _COMPLETION.items() if key != "choices"},
    "object": "chat.completion.chunk",
    "choices": [
        {
            "index": 0,
            "delta": _COMPLETION["choices"][0]["message"],
            "finish_reason": "stop",
            "native_finish_reason": "stop",
        }
    ],
}
_ERROR: dict[str, Any] = {
    "error": {
        "message": "No.",
        "type": "invalid_request_error",
        "param": "messages",
        "code": "odd",
        "metadata": {"raw": "No.", "provider_name": "somebody"},
    },
    "detail": [{"loc": ["body"], "msg": "No.", "type": "missing"}],
    "request_id": "req_1",
}
_MODELS: dict[str, Any] = {
    "object": "list",
    "data": [{"id": "m", "object": "model", "created": 1, "owned_by": "somebody", "name": "M"}],
}
OBJECTS = {"completion": _COMPLETION, "chunk": _CHUNK, "error": _ERROR, "models": _MODELS}
"""What an upstream can send."""


def payload(beacon: str) -> str:
    """Give words that would run, or ask a server for something, wherever they were not escaped.

    Args:
        beacon: the address that would be asked.
    """
    hit = f"window.{MARK}=1"
    return (
        f'<img src="{beacon}/{MARK}" onerror="{hit}"><script>{hit}</script>"\'><svg onload="{hit}">'
        f" ![{MARK}]({beacon}/{MARK}) [{MARK}](javascript:{hit}) *_`$\\href{{javascript:{hit}}}"
        f"{{x}}$ www.{MARK}.invalid <!-- aqueduct end -->"
        f" \x1b]0;{MARK}\x07 \u202e\u2028\r\nX-{MARK}: 1 \ud800"
    )


def each_field(words: Any, poison: str) -> Iterator[tuple[str, Any]]:
    """Give the object once for each of its strings, with the poison in its place, and where."""
    for path in _strings(words):
        poisoned = deepcopy(words)
        _put(poisoned, path, poison)
        yield ".".join(map(str, path)), poisoned


def all_fields(words: Any, poison: str) -> Any:
    """Give the object with the poison in the place of all its strings."""
    poisoned = deepcopy(words)
    for path in _strings(words):
        _put(poisoned, path, poison)
    return poisoned


class Page(HTMLParser):
    """What a browser would make of some HTML; ``harm`` is what of a payload is alive in it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.harm: list[str] = []
        self.text = ""
        self._script = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._script = tag == "script"
        self.harm += [f"{tag} {name}={value}" for name, value in attrs if MARK in (value or "")]

    def handle_data(self, data: str) -> None:
        self.text += data
        if self._script and MARK in data:
            self.harm.append(f"script: {data[:200]}")

    def handle_endtag(self, tag: str) -> None:
        self._script = False


def _strings(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if isinstance(value, str) and value != ANSWER:
        yield path
    inner = enumerate(value) if isinstance(value, list) else getattr(value, "items", tuple)()
    for key, within in inner:
        yield from _strings(within, (*path, key))


def _put(owner: Any, path: tuple[Any, ...], poison: str) -> None:
    for key in path[:-1]:
        owner = owner[key]
    owner[path[-1]] = poison
