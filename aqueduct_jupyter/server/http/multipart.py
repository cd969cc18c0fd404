"""Multipart uploads: bytes of a form in, fields and pieces of a file out.

Small fields are kept; the handler gets the file's bytes as they arrive. python-multipart does the
parsing.

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
"""Bytes of a field other than the file."""

MAX_FIELDS = 32
LONGEST_HEADERS = 16 * 2**10


class FormReader:
    """Reads a form piece by piece.

    Args:
        content_type: the request's content type, with its boundary.

    Attributes:
        fields: the values of all fields except the file.
        filename: the file's name from the client, once its part has begun.
        media_type: the file's media type from the client, with parameters, or "".

    Raises:
        MediaTypeError: the body is not multipart/form-data.
    """

    def __init__(self, content_type: str) -> None:
        kind, options = parse_options_header(content_type)
        boundary = options.get(b"boundary")
        if kind != b"multipart/form-data" or not boundary:
            raise MediaTypeError(
                "The body is not multipart/form-data. Upload a file as a form with the fields "
                "'file' and 'purpose'."
            )
        self.fields: dict[str, str] = {}
        self.filename: str | None = None
        self.media_type = ""
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
        """Parse the next bytes of the body and return the file's part of them, if any.

        Raises:
            InvalidRequestError: the form is malformed, a field is too long, or there are two files.
        """
        try:
            self._parser.write(data)
        except FormParserError as error:
            raise _unreadable(error) from None
        pieces, self._pieces = self._pieces, []
        return pieces

    def finish(self) -> None:
        """Check that the form is complete.

        Raises:
            InvalidRequestError: it is incomplete.
        """
        if not self._is_whole:
            raise InvalidRequestError("The form is incomplete. Send it again.")

    def _begin_part(self) -> None:
        self._name: str | None = None
        self._header_name = b""
        self._header_value = b""
        self._disposition = b""
        self._type = b""
        self._value = b""

    def _add_header_name(self, data: bytes, start: int, end: int) -> None:
        self._header_name = _bounded(self._header_name + data[start:end], LONGEST_HEADERS)

    def _add_header_value(self, data: bytes, start: int, end: int) -> None:
        self._header_value = _bounded(self._header_value + data[start:end], LONGEST_HEADERS)

    def _end_header(self) -> None:
        if self._header_name.lower() == b"content-disposition":
            self._disposition = self._header_value
        elif self._header_name.lower() == b"content-type":
            self._type = self._header_value
        self._header_name = self._header_value = b""

    def _end_headers(self) -> None:
        _, options = parse_options_header(self._disposition)
        self._name = options.get(b"name", b"").decode("utf-8", "replace")
        if self._name == FILE_FIELD:
            if self.filename is not None:
                # The bytes of both would become one file.
                raise InvalidRequestError(
                    "The form has two fields named 'file'. Upload one file per request.",
                    param=FILE_FIELD,
                )
            self.filename = options.get(b"filename", b"").decode("utf-8", "replace")
            self.media_type = self._type.decode("latin-1")

    def _add_data(self, data: bytes, start: int, end: int) -> None:
        if self._name == FILE_FIELD:
            self._pieces.append(data[start:end])
        else:
            self._value = _bounded(self._value + data[start:end], LONGEST_FIELD)

    def _end_part(self) -> None:
        if self._name and self._name != FILE_FIELD and len(self.fields) < MAX_FIELDS:
            self.fields[self._name] = self._value.decode("utf-8", "replace")

    def _end(self) -> None:
        self._is_whole = True


def _bounded(value: bytes, most: int) -> bytes:
    if len(value) > most:
        raise InvalidRequestError(f"A field of the form is longer than {most} bytes.")
    return value


def _unreadable(error: FormParserError) -> InvalidRequestError:
    return InvalidRequestError(f"The form cannot be parsed: {error}.")
