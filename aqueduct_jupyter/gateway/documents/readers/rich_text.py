r"""Rich text (RTF): its words and tables, in the charsets of its fonts, and its Unicode.

Source: Microsoft's Rich Text Format Specification 1.9.1.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from ..unreadable import UnreadableError
from .markdown import linked, table
from .plain_text import known_codec

__all__ = ["read"]

_TOKEN = re.compile(
    rb"\\([A-Za-z]{1,32})(-?[0-9]{1,10})? ?|\\'([0-9A-Fa-f]{2})|\\([^A-Za-z])"
    rb"|([{}])|[\r\n]+|([^\\{}\r\n]+)"
)
# Charsets of fonts, by the numbers that Windows gives them.
_FONT_CODECS = {
    77: "mac_roman",
    128: "cp932",
    129: "cp949",
    130: "johab",
    134: "gbk",
    136: "big5",
    161: "cp1253",
    162: "cp1254",
    163: "cp1258",
    177: "cp1255",
    178: "cp1256",
    186: "cp1257",
    204: "cp1251",
    222: "cp874",
    238: "cp1250",
    255: "cp437",
}
_CHARSETS = {b"mac": "mac_roman", b"pc": "cp437", b"pca": "cp850"}
_TEXTS = {
    b"line": "\n",
    b"tab": "\t",
    b"emdash": "—",
    b"endash": "–",
    b"lquote": "‘",
    b"rquote": "’",
    b"ldblquote": "“",
    b"rdblquote": "”",
    b"bullet": "•",
    b"emspace": "\u2003",
    b"enspace": "\u2002",
    b"zwj": "\u200d",
    b"zwnj": "\u200c",
    b"nestcell": "; ",
    b"nestrow": "\n",
}
_SYMBOLS = {b"~": "\u00a0", b"_": "\u2011", b"-": "", b"\t": "\t"}
_HIDDEN = frozenset(
    b"fonttbl colortbl stylesheet info pict themedata colorschememapping datastore latentstyles "
    b"listtable listoverridetable rsidtbl generator xmlnstbl filetbl revtbl objdata nonshppict "
    b"header footer headerl headerr headerf footerl footerr footerf bkmkstart bkmkend atnid "
    b"atnref atrfstart atrfend fldinst mmathPr pgdsctbl nonesttables listtext pntext".split()
)
# Destinations marked as ones to be ignored, which hold words.
_KNOWN = frozenset(b"shptxt annotation atnauthor shpinst shprslt shppict background".split())
_PARAGRAPH_ENDS = (b"par", b"sect", b"page")
_DEEPEST = 1000


@dataclass(slots=True)
class _State:
    """What a group inherits and may change."""

    destination: bytes = b""
    codec: str = "cp1252"
    skipped: int = 1
    is_hidden: bool = False


def read(data: bytes, _charset: str | None) -> str:
    """Return the text of a document; tables are Markdown.

    Raises:
        UnreadableError: its groups are nested too deeply.
    """
    return _RichText(data).text()


class _RichText:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._state = _State()
        self._stack: list[_State] = []
        self._fonts: dict[int, str] = {}
        self._font = 0
        self._codec = "cp1252"
        self._bytes = bytearray()
        self._blocks: list[str] = []
        self._pieces: list[str] = []
        self._is_in_table = False
        self._cells: list[str] = []
        self._rows: list[list[str]] = []
        self._links: list[tuple[int, int, bytes]] = []
        self._instruction = bytearray()
        self._left_out = 0
        self._star = False
        self._high = 0

    def text(self) -> str:
        """Read everything."""
        for match in _TOKEN.finditer(self._data):
            word, number, code, symbol, brace, plain = match.groups()
            if word == b"bin":
                # Its bytes are a picture; they are skipped as what they look like.
                self._state.destination = b"pict"
            elif word:
                self._word(word, int(number) if number else None)
            elif code:
                self._byte(bytes([int(code, 16)]))
            elif symbol:
                self._symbol(symbol)
            elif brace:
                self._brace(brace)
            elif plain:
                self._byte(plain)
        self._is_in_table = False
        self._end_paragraph()
        return "\n\n".join(self._blocks)

    def _end_paragraph(self) -> None:
        self._flush()
        if self._is_in_table or self._cells:
            self._pieces.append("\n")
            return
        if self._rows:
            self._blocks.append(table(self._rows))
            self._rows = []
        text = "".join(self._pieces)
        self._pieces.clear()
        if text.strip():
            self._blocks.append(text)

    def _brace(self, brace: bytes) -> None:
        self._flush()
        self._left_out = 0
        if brace == b"{":
            if len(self._stack) >= _DEEPEST:
                raise UnreadableError("broken")
            self._stack.append(self._state)
            self._state = replace(self._state)
            return
        ended = self._state
        self._state = self._stack.pop() if self._stack else _State()
        if (
            ended.destination in (b"footnote", b"annotation")
            and self._state.destination != ended.destination
        ):
            self._pieces.append("]")
        if self._links and self._links[-1][0] > len(self._stack):
            _, start, target = self._links.pop()
            shown = "".join(self._pieces[start:])
            self._pieces[start:] = [linked(shown, target.decode("latin-1"))]

    def _symbol(self, symbol: bytes) -> None:
        if symbol == b"*":
            self._star = True
        elif symbol in b"\r\n":
            self._end_paragraph()
        elif symbol in _SYMBOLS:
            self._say(_SYMBOLS[symbol])
        elif symbol in b"\\{}":
            self._byte(symbol)

    def _word(self, word: bytes, number: int | None) -> None:
        is_star, self._star = self._star, False
        state = self._state
        if word == b"fldinst":
            self._instruction.clear()
            state.destination = word
        elif word == b"fldrslt":
            match = re.search(rb'HYPERLINK\s+"?([^"\s]+)', self._instruction)
            if match:
                self._flush()
                self._links.append((len(self._stack), len(self._pieces), match[1]))
        elif word in _HIDDEN or (is_star and word not in _KNOWN):
            if state.destination != b"fldinst":
                state.destination = word
        elif word in (b"footnote", b"annotation"):
            self._flush()
            state.destination = word
            self._say(" [Comment: " if word == b"annotation" else " [Note: ")
        elif word == b"u" and number is not None:
            self._unicode(number % 0x10000)
        elif word == b"uc":
            state.skipped = min(number if number is not None else 1, 16)
        elif word in (b"v", b"deleted"):
            self._flush()
            state.is_hidden = number != 0
        elif word == b"plain":
            self._flush()
            state.is_hidden = False
            state.codec = self._codec
        else:
            self._other(word, number)

    def _other(self, word: bytes, number: int | None) -> None:
        state = self._state
        if word == b"ansicpg" and number is not None:
            self._codec = state.codec = known_codec(f"cp{number}") or self._codec
        elif word in _CHARSETS:
            self._codec = state.codec = _CHARSETS[word]
        elif word == b"f" and number is not None:
            self._flush()
            self._font = number
            if state.destination != b"fonttbl":
                state.codec = self._fonts.get(number, self._codec)
        elif word == b"fcharset" and number in _FONT_CODECS:
            self._fonts[self._font] = _FONT_CODECS[number]
        elif word in _PARAGRAPH_ENDS and self._is_shown():
            self._end_paragraph()
        elif word == b"intbl":
            self._is_in_table = True
        elif word == b"pard":
            self._flush()
            self._is_in_table = False
        elif word == b"cell":
            self._flush()
            self._cells.append("".join(self._pieces))
            self._pieces.clear()
        elif word == b"row":
            self._rows.append(self._cells)
            self._cells = []
        elif word in _TEXTS:
            self._say(_TEXTS[word])

    def _unicode(self, number: int) -> None:
        self._flush()
        self._left_out = self._state.skipped
        if 0xD800 <= number < 0xDC00:
            self._high = number
            return
        if 0xDC00 <= number < 0xE000 and self._high:
            number = 0x10000 + (self._high - 0xD800) * 0x400 + number - 0xDC00
        self._high = 0
        self._say("\ufffd" if 0xD800 <= number < 0xE000 else chr(number), is_unicode=True)

    def _byte(self, data: bytes) -> None:
        if self._left_out:
            # These stand for a character that has been read as Unicode.
            left_out = min(self._left_out, len(data))
            self._left_out -= left_out
            data = data[left_out:]
        if self._state.destination == b"fldinst":
            self._instruction += data
        elif data:
            self._bytes += data

    def _say(self, text: str, *, is_unicode: bool = False) -> None:
        self._flush()
        if not is_unicode:
            self._left_out = 0
        if self._is_shown():
            self._pieces.append(text)

    def _flush(self) -> None:
        if self._bytes and self._is_shown():
            self._pieces.append(self._bytes.decode(self._state.codec, errors="replace"))
        self._bytes.clear()

    def _is_shown(self) -> bool:
        return (
            self._state.destination in (b"", b"footnote", b"annotation")
            and not self._state.is_hidden
        )
