"""This file is the form in which a file is uploaded: multipart bytes to fields and a file's pieces.

It keeps small fields and passes the file's bytes on; where those go is left to the handler. The
parsing itself is python-multipart's.

Source: RFC 7578, multipart/form-data.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from ...protocol.errors import InvalidRequestError, MediaTypeError

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

__all__ = ["FormReader"]

FILE_FIELD = "file"
LONGEST_FIELD = 16 * 2**10
"""Bytes of a field that is not the file."""

MOST_FIELDS = 32
LONGEST_HEADERS = 16 * 2**10


class FormReader:
    """Reads a form piece by piece.

    Args:
        content_type: the request's, with its boundary.

    Attributes:
        fields: the values of all fields but the file.
        filename: the file's name as the client gave it, once its part has begun.

    Raises:
        MediaTypeError: the body is no form.
    """

    def __init__(self, content_type: str) -> None:
        kind, options = parse_options_header(content_type)
        boundary = options.get(b"boundary")
        if kind != b"multipart/form-data" or not boundary:
            raise MediaTypeError(
                "A file is uploaded as multipart/form-data with the fields 'file' and 'purpose'."
            )
        self.fields: dict[str, str] = {}
        self.filename: str | None = None
        self._pieces: list[bytes] = []
        self._is_whole = False
        self._begin_part()
        callbacks: MultipartCallbacks = {
            "on_part_begin": self._begin_part,
            "on_header_field": self._add_header_name,
            "on_header_value": self._add_header_value,
            "on_header_end": self._end_header,
            "on_headers_finished": self._end_headers,
            "on_part_data": self._add_data,
            "on_part_end": self._end_part,
            "on_end": self._end,
        }
        try:
            self._parser = MultipartParser(boundary, callbacks)
        except FormParserError as error:
            raise _unreadable(error) from None

    def feed(self, data: bytes) -> list[bytes]:
        """Take the next bytes of the body and give those of the file, maybe none.

        Raises:
            InvalidRequestError: they are no form, a field is too long, or a second file comes.
        """
        try:
            self._parser.write(data)
        except FormParserError as error:
            raise _unreadable(error) from None
        pieces, self._pieces = self._pieces, []
        return pieces

    def finish(self) -> None:
        """Check that the form has come to its end.

        Raises:
            InvalidRequestError: it stops in the middle.
        """
        if not self._is_whole:
            raise InvalidRequestError("The form stops in the middle; send it again.")

    def _begin_part(self) -> None:
        self._name: str | None = None
        self._header_name = b""
        self._header_value = b""
        self._disposition = b""
        self._value = b""

    def _add_header_name(self, data: bytes, start: int, end: int) -> None:
        self._header_name = _bounded(self._header_name + data[start:end], LONGEST_HEADERS)

    def _add_header_value(self, data: bytes, start: int, end: int) -> None:
        self._header_value = _bounded(self._header_value + data[start:end], LONGEST_HEADERS)

    def _end_header(self) -> None:
        if self._header_name.lower() == b"content-disposition":
            self._disposition = self._header_value
        self._header_name = self._header_value = b""

    def _end_headers(self) -> None:
        _, options = parse_options_header(self._disposition)
        self._name = options.get(b"name", b"").decode("utf-8", "replace")
        if self._name == FILE_FIELD:
            if self.filename is not None:
                # Their bytes would become one file.
                raise InvalidRequestError(
                    "The form has two fields called file; upload one file in each request.",
                    param=FILE_FIELD,
                )
            self.filename = options.get(b"filename", b"").decode("utf-8", "replace")

    def _add_data(self, data: bytes, start: int, end: int) -> None:
        if self._name == FILE_FIELD:
            self._pieces.append(data[start:end])
        else:
            self._value = _bounded(self._value + data[start:end], LONGEST_FIELD)

    def _end_part(self) -> None:
        if self._name and self._name != FILE_FIELD and len(self.fields) < MOST_FIELDS:
            self.fields[self._name] = self._value.decode("utf-8", "replace")

    def _end(self) -> None:
        self._is_whole = True


def _bounded(value: bytes, most: int) -> bytes:
    if len(value) > most:
        raise InvalidRequestError(f"A field of the form is longer than {most} bytes.")
    return value


def _unreadable(error: FormParserError) -> InvalidRequestError:
    return InvalidRequestError(f"The form could not be read: {error}.")
