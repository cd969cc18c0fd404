"""Where each API has files in a request, and how it writes a text, an image or a file there.

The files themselves are converted in :mod:`.attachments`.

Source: ``file``, ``input_file`` and ``input_image`` parts of the OpenAI API; Anthropic's
``document`` and ``image`` blocks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from ...protocol.errors import InvalidRequestError

__all__ = ["CHAT_FILES", "MESSAGES_FILES", "RESPONSES_FILES", "FileForm", "Found"]

_Part = dict[str, Any]

NOT_FETCHED = (
    "The server fetches no addresses that a client names. Upload the file to /files and send its "
    "id, or send it as base64."
)


@dataclass(frozen=True, slots=True)
class Found:
    """A part with a file.

    Args:
        place: the steps from the list of messages or items to the part.
        param: the name of the part's file, for errors.
        fields: ``file_data`` (a data URI), ``file_id`` and ``filename``; each may be missing.
    """

    place: tuple[int | str, ...]
    param: str
    fields: Mapping[str, Any]


class FileForm(Protocol):
    """The files of one API's requests."""

    def find(self, items: Sequence[_Part]) -> Iterator[Found]:
        """Yield every part with a file that this server may have to convert.

        Raises:
            InvalidRequestError: a file is to be fetched from an address.
        """
        ...

    def text(self, text: str) -> _Part:
        """Return a part with a text."""
        ...

    def image(self, media_type: str, uri: str) -> _Part:
        """Return a part with an image, which is a data URI with base64."""
        ...

    def file(self, filename: str, media_type: str, uri: str) -> _Part:
        """Return a part with a file, which is a data URI with base64."""
        ...


def _parts(
    items: Sequence[_Part], root: str, keys: Sequence[str]
) -> Iterator[tuple[tuple[int | str, ...], str, _Part]]:
    for index, item in enumerate(items):
        for key in keys:
            content = item.get(key)
            for number, part in enumerate(content if isinstance(content, list) else ()):
                if isinstance(part, dict):
                    yield (index, key, number), f"{root}[{index}].{key}[{number}]", part


class _ChatFiles:
    def find(self, items: Sequence[_Part]) -> Iterator[Found]:
        for place, param, part in _parts(items, "messages", ("content",)):
            if part.get("type") == "file":
                yield Found(place, f"{param}.file", part["file"])

    def text(self, text: str) -> _Part:
        return {"type": "text", "text": text}

    def image(self, media_type: str, uri: str) -> _Part:  # noqa: ARG002  # the URI has it
        return {"type": "image_url", "image_url": {"url": uri}}

    def file(self, filename: str, media_type: str, uri: str) -> _Part:  # noqa: ARG002  # the URI has it
        return {"type": "file", "file": {"filename": filename, "file_data": uri}}


class _ResponsesFiles:
    def find(self, items: Sequence[_Part]) -> Iterator[Found]:
        for place, param, part in _parts(items, "input", ("content", "output")):
            if part.get("type") == "input_file":
                if part.get("file_url"):
                    raise InvalidRequestError(NOT_FETCHED, param=f"{param}.file_url")
                yield Found(place, param, part)
            elif part.get("type") == "input_image" and part.get("file_id"):
                yield Found(place, param, {"file_id": part["file_id"]})

    def text(self, text: str) -> _Part:
        return {"type": "input_text", "text": text}

    def image(self, media_type: str, uri: str) -> _Part:  # noqa: ARG002  # the URI has it
        return {"type": "input_image", "image_url": uri, "detail": "auto"}

    def file(self, filename: str, media_type: str, uri: str) -> _Part:  # noqa: ARG002  # the URI has it
        return {"type": "input_file", "filename": filename, "file_data": uri}


class _MessagesFiles:
    def find(self, items: Sequence[_Part]) -> Iterator[Found]:
        for place, param, part in self._blocks(items):
            kind, source = part.get("type"), part.get("source")
            if kind not in ("document", "image") or not isinstance(source, dict):
                continue
            where = f"{param}.source"
            if source.get("type") == "url" and kind == "document":
                raise InvalidRequestError(NOT_FETCHED, param=f"{where}.url")
            if source.get("type") == "file":
                yield Found(place, where, {"file_id": source.get("file_id")})
            elif source.get("type") == "base64" and kind == "document":
                # Other images pass as they are.
                uri = f"data:{source.get('media_type')};base64,{source.get('data')}"
                title = part.get("title")
                yield Found(
                    place, where, {"file_data": uri, **({"filename": title} if title else {})}
                )

    def text(self, text: str) -> _Part:
        return {"type": "text", "text": text}

    def image(self, media_type: str, uri: str) -> _Part:
        return {"type": "image", "source": _source(media_type, uri)}

    def file(self, filename: str, media_type: str, uri: str) -> _Part:
        return {"type": "document", "title": filename, "source": _source(media_type, uri)}

    def _blocks(self, items: Sequence[_Part]) -> Iterator[tuple[tuple[int | str, ...], str, _Part]]:
        for place, param, part in _parts(items, "messages", ("content",)):
            yield place, param, part
            for inner, name, block in _parts([part], "", ("content",)):
                # A tool's result has blocks of its own.
                yield (*place, *inner[1:]), f"{param}{name.removeprefix('[0]')}", block


def _source(media_type: str, uri: str) -> _Part:
    return {"type": "base64", "media_type": media_type, "data": uri.partition(",")[2]}


CHAT_FILES: FileForm = _ChatFiles()
RESPONSES_FILES: FileForm = _ResponsesFiles()
MESSAGES_FILES: FileForm = _MessagesFiles()
