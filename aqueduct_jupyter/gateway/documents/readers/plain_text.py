"""Bytes to text: by a byte order mark, the declared charset, UTF-8, or what the bytes look like.

The server decodes what is certain; guessing is left to the child process, because it takes time
and a library. Text is never guessed quietly: without a good guess it is refused.

Sources: Unicode 16, 23.8 (byte order marks); WHATWG Encoding, 4.2 (labels and their supersets).
"""

from __future__ import annotations

import codecs
import re
from encodings.aliases import aliases

from ..unreadable import UnreadableError

__all__ = ["decode", "decode_certain", "is_binary", "known_codec", "read"]

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    # UTF-32's mark begins with UTF-16's.
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# Only names in Python's own tables are looked up: any other would be imported as a module.
_NO_CHARSETS = frozenset(
    "base64_codec bz2_codec hex_codec idna mbcs oem punycode quopri_codec raw_unicode_escape "  # noqa: SIM905
    "rot_13 undefined unicode_escape uu_codec zlib_codec".split()
)
_WITHOUT_ALIAS = frozenset(
    "cp720 cp737 cp856 cp874 cp875 cp1006 koi8_r koi8_t koi8_u mac_arabic mac_croatian "  # noqa: SIM905
    "mac_farsi mac_romanian utf_8_sig".split()
)
_CODECS = (frozenset(aliases.values()) | _WITHOUT_ALIAS) - _NO_CHARSETS
_WEB_LABELS = {
    "iso_8859_8_i": "iso8859_8",
    "windows_874": "cp874",
    "x_gbk": "gbk",
    "x_mac_cyrillic": "mac_cyrillic",
    "x_sjis": "shift_jis",
    "x_euc_jp": "euc_jp",
    "unicode": "utf_16",
}
# Programs write the larger charset under the smaller one's name.
_SUPERSETS = {
    "latin_1": ("cp1252", "latin_1"),
    "gb2312": ("gb2312", "gb18030"),
    "gbk": ("gbk", "gb18030"),
    "shift_jis": ("shift_jis", "cp932"),
    "euc_jp": ("euc_jp", "euc_jis_2004"),
    "euc_kr": ("euc_kr", "cp949"),
    "big5": ("big5", "big5hkscs", "cp950"),
}
_MANY_BYTES = re.compile("utf|gb|jis|euc|big5|cp9[345]|johab|iso2022|hz")
_CONTROLS = re.compile(rb"[\x00-\x06\x0e-\x1a\x1c-\x1f]")
_BINARY_SAMPLE = 2**16
_DAMAGE = 0.1


def read(data: bytes, charset: str | None) -> str:
    """Decode text.

    Args:
        data: the text's bytes.
        charset: the declared charset, if any.

    Raises:
        UnreadableError: the bytes are no text, or no charset is certain enough.
    """
    text, _ = decode(data, charset)
    return text


def decode(data: bytes, charset: str | None) -> tuple[str, str]:
    """Decode text, and guess its charset if it must be; return the text and its charset.

    Raises:
        UnreadableError: the bytes are no text, or no charset is certain enough.
    """
    certain = decode_certain(data, charset)
    if certain is not None:
        return certain
    from .charsets import guess

    codec = guess(data)
    if codec is not None:
        return data.decode(codec), codec
    declared = known_codec(charset)
    if declared and not _MANY_BYTES.match(declared):
        # Every byte is one character, so only those that it leaves undefined are lost, visibly.
        return data.decode(declared, errors="replace"), declared
    raise UnreadableError("unsupported" if is_binary(data) else "charset")


def decode_certain(data: bytes, charset: str | None) -> tuple[str, str] | None:
    """Decode text whose charset is certain; return it and its charset, or None."""
    marked = next((codec for mark, codec in _MARKS if data.startswith(mark)), None)
    declared = known_codec(charset)
    supersets = _SUPERSETS.get(declared, (declared,)) if declared else ()
    for codec in (marked, *supersets, "utf_8"):
        # Zeros are in no text but that of wide charsets.
        if codec and (b"\0" not in data or "16" in codec or "32" in codec):
            try:
                return data.decode(codec).removeprefix("\ufeff"), codec
            except UnicodeDecodeError:
                continue
    return _damaged(data) if b"\0" not in data else None


def known_codec(charset: str | None) -> str | None:
    """Return Python's name of a charset, or None if it has none, or one that is no charset."""
    name = re.sub(r"[^a-z0-9]+", "_", (charset or "").lower()).strip("_")
    name = _WEB_LABELS.get(name, name)
    name = aliases.get(name, name)
    return name if name in _CODECS else None


def is_binary(data: bytes) -> bool:
    """Return whether bytes have control characters that no text has."""
    return _CONTROLS.search(data[:_BINARY_SAMPLE]) is not None


def _damaged(data: bytes) -> tuple[str, str] | None:
    """Decode UTF-8 of which some bytes were lost, such as the end; what is lost shows."""
    text = data.decode(errors="replace")
    lost = text.count("\ufffd")
    wide = sum(map(len, re.findall(r"[^\x00-\x7f]+", text))) - lost
    return (text, "utf_8") if lost and lost <= wide * _DAMAGE else None
