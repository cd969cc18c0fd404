"""Citations of web pages in a text, which chat and Responses write almost alike.

Other annotations, such as those of files that only their service knows, are left out.

Source: ``ChatCompletionMessage.annotations`` and ``UrlCitationBody`` of the OpenAI API.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ..chunks import read_tokens
from ..items import Citation
from .reading import as_word

__all__ = ["chat_annotations", "read_citations", "responses_annotation"]

_KIND = "url_citation"


def read_citations(annotations: Any, item: int) -> Iterator[Citation]:
    """Read the annotations of a text in either API; ``item`` is the text's index."""
    for annotation in annotations if isinstance(annotations, list) else ():
        if not isinstance(annotation, Mapping) or annotation.get("type") != _KIND:
            continue
        inner = annotation.get(_KIND)
        fields = inner if isinstance(inner, Mapping) else annotation
        if url := as_word(fields.get("url")):
            places = (read_tokens(fields.get(name)) or 0 for name in ("start_index", "end_index"))
            yield Citation(item, url, as_word(fields.get("title")), *places)


def responses_annotation(citation: Citation) -> dict[str, Any]:
    """Write a citation as an annotation of ``output_text``."""
    return {"type": _KIND, **_fields(citation)}


def chat_annotations(citations: Iterable[Citation]) -> list[dict[str, Any]]:
    """Write citations as the annotations of a message."""
    return [{"type": _KIND, _KIND: _fields(citation)} for citation in citations]


def _fields(citation: Citation) -> dict[str, Any]:
    return {
        "start_index": citation.start,
        "end_index": citation.end,
        "url": citation.url,
        "title": citation.title,
    }
