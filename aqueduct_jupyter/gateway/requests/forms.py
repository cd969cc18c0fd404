"""Form bodies as JSON objects, and back: a sound for ``audio/transcriptions``.

A text field becomes a string, and a list where it comes several times. A file becomes an object
with ``filename``, ``media_type`` and ``data`` in base64, so that a policy can look at it.

Source: RFC 7578.
"""

from __future__ import annotations

from typing import Any

import httpx
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import Field, File, FormParser, parse_options_header

from ...protocol.errors import InvalidRequestError
from ..encoding import decode_base64, encode_base64

__all__ = ["decode_form", "encode_form"]

MOST_FIELDS = 100
"""Most fields of a form."""


def decode_form(body: bytes, content_type: str) -> dict[str, Any]:
    """Read a form.

    Args:
        body: the body.
        content_type: its content type, with the boundary.

    Raises:
        InvalidRequestError: it is not a valid form.
    """
    _, options = parse_options_header(content_type)
    fields: dict[str, Any] = {}
    parts: list[tuple[str, Any]] = []

    def add(name: bytes | None, value: Any) -> None:
        parts.append((_text(name), value))
        if len(parts) > MOST_FIELDS:
            raise InvalidRequestError(f"A form may have at most {MOST_FIELDS} fields.")

    def add_field(field: Field) -> None:
        add(field.field_name, _text(field.value))

    def add_file(file: File) -> None:
        file.file_object.seek(0)
        described = {
            "filename": _text(file.file_name),
            "media_type": file.content_type or "application/octet-stream",
            "data": encode_base64(file.file_object.read()),
        }
        add(file.field_name, described)

    # The body is in memory already, so no file of it is written to the disk.
    config = {"MAX_MEMORY_FILE_SIZE": len(body) + 1}
    try:
        parser = FormParser(
            "multipart/form-data",
            add_field,
            add_file,
            boundary=options.get(b"boundary", b""),
            config=config,
        )
        parser.write(body)
        parser.finalize()
    except FormParserError as error:
        raise InvalidRequestError(
            f"The body is not a valid form ({error}). Send it as multipart/form-data."
        ) from None
    if not parts:
        raise InvalidRequestError("The form has no fields. Send it as multipart/form-data.")
    for name, value in parts:
        name = name.removesuffix("[]")
        if name in fields:
            before = fields[name] if isinstance(fields[name], list) else [fields[name]]
            fields[name] = [*before, value]
        else:
            fields[name] = value
    return fields


def encode_form(fields: dict[str, Any]) -> tuple[bytes, str]:
    """Write a form; the inverse of :func:`decode_form`.

    Returns:
        The body and its content type.
    """
    texts: dict[str, Any] = {}
    files: list[tuple[str, tuple[str, bytes, str]]] = []
    for name, value in fields.items():
        if isinstance(value, dict):
            data = decode_base64(value["data"], 0)
            files.append((name, (value["filename"], data, value["media_type"])))
        elif isinstance(value, list):
            texts[f"{name}[]"] = value
        else:
            texts[name] = str(value)
    request = httpx.Request("POST", "http://upstream.invalid", data=texts, files=files)
    return request.read(), request.headers["content-type"]


def _text(value: bytes | None) -> str:
    return (value or b"").decode(errors="replace")
