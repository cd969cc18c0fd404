"""Data URIs, in which the chat API sends files, and the parts that the Messages API sends instead.

Source: RFC 2397. A file may be megabytes: it is copied once, because the two forms differ.
"""

from __future__ import annotations

from ..errors import InvalidRequestError

__all__ = ["data_uri", "is_data_uri", "split_data_uri"]

LONGEST_HEAD = 1024
"""Most characters before the comma of a data URI."""


def data_uri(media_type: str, base64: str) -> str:
    """Return the data URI of a file."""
    return f"data:{media_type};base64,{base64}"


def is_data_uri(url: str) -> bool:
    """Whether an address holds the file itself."""
    return url[:5].lower() == "data:"


def split_data_uri(uri: str, param: str) -> tuple[str, str]:
    """Return the media type and the base64 of a data URI.

    Raises:
        InvalidRequestError: it is not a data URI with base64.
    """
    comma = uri.find(",", 0, LONGEST_HEAD)
    head = uri[: max(comma, 0)]
    if not is_data_uri(head) or not head.lower().endswith(";base64"):
        raise InvalidRequestError(
            f"{param} must be a data URI with base64, such as 'data:application/pdf;base64,JVBE'.",
            param=param,
        )
    return head[len("data:") : -len(";base64")], uri[comma + 1 :]
