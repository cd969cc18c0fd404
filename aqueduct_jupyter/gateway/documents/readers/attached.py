"""What is attached to a mail: read if it can be read, and else named."""

from __future__ import annotations

from ..unread import attachment_mark
from .markdown import one_line

__all__ = ["attached_text"]

MOST_BYTES = 10 * 2**20
"""Size limit of an attachment that is read, in bytes, as for a file in a chat."""


def attached_text(name: str, media_type: str, data: bytes, *, is_deep: bool) -> str:
    """Return an attachment's name, and its text if it can be read.

    Args:
        name: its file name, or "".
        media_type: its media type with parameters, or "".
        data: its bytes.
        is_deep: whether it belongs to a mail that is attached itself; then it is only named.
    """
    shown = one_line(name) or "without a name"
    kind = one_line(media_type.partition(";")[0])
    described = f"Attachment {shown} ({f'{kind}, ' if kind else ''}{len(data):,} bytes)"
    text = "" if is_deep or len(data) > MOST_BYTES else _text(name, media_type, data)
    if not text:
        return attachment_mark(described)
    return f"[{described} begins]\n{text}\n[{described} ends]"


def _text(name: str, media_type: str, data: bytes) -> str:
    # These modules import the readers, of which this is one.
    import io

    from ..kinds import format_of
    from ..text import read
    from ..unreadable import UnreadableError
    from . import mails, outlook_mails

    try:
        found = format_of(io.BytesIO(data), name, media_type)
        if found.kind == "eml":
            return mails.message_text(data, is_attached=True).strip()
        if found.kind == "msg":
            return outlook_mails.message_text(data, is_attached=True).strip()
        return read(found.kind, data, found.charset).strip()
    except UnreadableError as error:
        if error.reason == "memory":
            raise
        return ""
