"""Mail (EML): its head, its body, and what is attached.

Sources: RFC 5322, RFC 2045 to 2047.
"""

from __future__ import annotations

import email
import email.policy
from collections.abc import Iterator
from email.message import EmailMessage
from email.utils import collapse_rfc2231_value

from . import plain_text, web_pages
from .attached import attached_text
from .markdown import one_line

__all__ = ["message_text", "read"]

_SHOWN = ("Subject", "From", "To", "Cc", "Date")
MOST_ATTACHMENTS = 100
"""Attachments that are named; half of them would be an unusual mail."""


def read(data: bytes, _charset: str | None) -> str:
    """Return the text of a mail, with its attachments."""
    return message_text(data, is_attached=False)


def message_text(data: bytes, *, is_attached: bool) -> str:
    """Return the text of a mail; the attachments of one that is attached itself are only named."""
    message = email.message_from_bytes(data, _class=EmailMessage, policy=email.policy.default)
    head = "\n".join(_head(message))
    attachments = list(_attachments(message))
    shown = [
        attached_text(name, kind, content, is_deep=is_attached)
        for name, kind, content in attachments[:MOST_ATTACHMENTS]
    ]
    if (rest := len(attachments) - len(shown)) > 0:
        shown.append(f"[{rest} more attachments]")
    body = _body(message)
    return "\n\n".join(filter(None, [head, body, *shown])) if head or body else ""


def _head(message: EmailMessage) -> Iterator[str]:
    for name in _SHOWN:
        try:
            values = message.get_all(name, [])
        except Exception:  # noqa: S112  # the library raises anything for damaged heads
            continue
        text = one_line(", ".join(map(_decoded, values)))
        if text:
            yield f"{name}: {text}"


def _decoded(value: object) -> str:
    # Heads with bytes outside ASCII come as lone surrogates.
    raw = str(value).encode("utf-8", "surrogateescape")
    try:
        return plain_text.read(raw, None)
    except Exception:  # it is only a head
        return raw.decode(errors="replace")


def _body(message: EmailMessage) -> str:
    part = message.get_body(("plain", "html"))
    if part is None:
        return ""
    content = part.get_payload(decode=True)
    if not isinstance(content, bytes) or not content.strip():
        return ""
    charset = part.get_content_charset()
    if part.get_content_subtype() == "html":
        return web_pages.read(content, charset).strip()
    return plain_text.read(content, charset).replace("\r\n", "\n").strip()


def _attachments(message: EmailMessage) -> Iterator[tuple[str, str, bytes]]:
    for part in message.iter_attachments() if message.is_multipart() else ():
        name = part.get_filename() or ""
        kind = part.get("Content-Type", "")
        if part.get_content_maintype() == "message" and part.is_multipart():
            inner = part.get_payload(0)
            yield name or "message.eml", "message/rfc822", bytes(inner)  # type: ignore[arg-type]
            continue
        content = part.get_payload(decode=True)
        if isinstance(content, bytes):
            yield collapse_rfc2231_value(name), str(kind), content
