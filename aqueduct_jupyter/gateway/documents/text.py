"""Bytes of a known format to text.

The format is determined in :mod:`.kinds`. All except text and notebooks are read in the child
process, see :mod:`.worker`. kreuzberg is imported only here, and only when a document needs it.
"""

from __future__ import annotations

import codecs
import html
import io
import json
import re
import zipfile
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from kreuzberg import ExtractionResult

__all__ = ["MAX_TEXT_BYTES", "Kind", "Reason", "UnreadableError", "read"]

MAX_TEXT_BYTES = 16 * 2**20
"""Maximum length of a document's text; every model's context is far smaller."""

MAX_OUTPUT_CHARACTERS = 4000
"""Characters that are kept of each output of a notebook's cell."""

Kind = Literal["text", "notebook", "html", "pdf", "docx", "pptx", "xlsx", "odt", "rtf"]
Reason = Literal[
    "broken",
    "crash",
    "empty",
    "encrypted",
    "long",
    "memory",
    "old_office",
    "timeout",
    "unsupported",
]


class UnreadableError(Exception):
    """No text can be extracted from the document; ``reason`` says why."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason: Reason = reason


def read(kind: Kind, data: bytes, charset: str | None = None) -> str:
    """Extract the text of a document.

    Args:
        kind: the document's kind.
        data: the whole document.
        charset: the encoding of text that is not UTF-8; None if unknown, and then text must be
            UTF-8.

    Raises:
        UnreadableError: no text can be extracted.
    """
    try:
        text = _READERS[kind](data, charset)
    except MemoryError as error:
        raise UnreadableError("memory") from error
    except UnreadableError:
        raise
    except Exception as error:
        # A damaged document can make a parser raise anything.
        raise UnreadableError(_reason(str(error))) from error
    if not text.strip():
        raise UnreadableError("empty")
    if len(text) > MAX_TEXT_BYTES:
        raise UnreadableError("long")
    return text


_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    # UTF-32's mark begins with UTF-16's.
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# Some of Python's codecs are not charsets, and some are slow, so only these are looked up.
_CHARSET = re.compile(
    r"(utf-?(8|16|32)(-?[lb]e)?|(us-)?ascii|iso-?8859-\d+|latin-?\d|windows-\d+|cp\d+|koi8-[ru]"
    r"|shift_jis|euc-(jp|kr)|gb(k|2312|18030)|big5)",
    re.IGNORECASE,
)
_DATA_URI = re.compile(r"data:[\w.+-]+/[\w.+-]+;base64,[A-Za-z0-9+/=]+")


def _read_text(data: bytes, charset: str | None) -> str:
    mark = next((codec for mark, codec in _BYTE_ORDER_MARKS if data.startswith(mark)), None)
    try:
        if mark:
            return data.decode(mark)
        if b"\0" not in data:
            return data.decode()
    except UnicodeDecodeError:
        if charset:
            return data.decode(_known(charset), errors="replace")
    raise UnreadableError("unsupported")


def _known(charset: str) -> str:
    try:
        return codecs.lookup(charset).name if _CHARSET.fullmatch(charset) else "cp1252"
    except LookupError:
        return "cp1252"


_TERMINAL_COLOUR = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


def _read_notebook(data: bytes, charset: str | None) -> str:
    notebook = json.loads(_read_text(data, charset))
    language = notebook.get("metadata", {}).get("language_info", {}).get("name", "")
    parts = [_cell_text(cell, language) for cell in notebook["cells"]]
    return _DATA_URI.sub("data:", "\n\n".join(part for part in parts if part.strip()))


def _cell_text(cell: dict[str, Any], language: str) -> str:
    source = "".join(cell["source"])
    if cell["cell_type"] != "code" or not source.strip():
        return source
    outputs = [_output_text(output) for output in cell.get("outputs", [])]
    shown = [_fenced(_shortened(text)) for text in outputs if text.strip()]
    return "\n".join([_fenced(source, language), *(f"Output:\n{text}" for text in shown)])


def _output_text(output: dict[str, Any]) -> str:
    if output["output_type"] == "stream":
        text = "".join(output["text"])
    elif output["output_type"] == "error":
        text = f"{output['ename']}: {output['evalue']}"
    else:
        data = output.get("data", {})
        kinds = ("text/plain", "text/markdown", "text/latex")
        text = next(("".join(data[kind]) for kind in kinds if kind in data), "")
    return _TERMINAL_COLOUR.sub("", text).rstrip()


def _shortened(text: str) -> str:
    rest = len(text) - MAX_OUTPUT_CHARACTERS
    return f"{text[:MAX_OUTPUT_CHARACTERS]}\n[{rest} more characters]" if rest > 0 else text


def _fenced(text: str, language: str = "") -> str:
    fence = "`" * max([3, *(len(run) + 1 for run in re.findall("`{3,}", text))])
    return f"{fence}{language}\n{text}\n{fence}"


_OFFICE = "application/vnd.openxmlformats-officedocument."
_MEDIA_TYPES: dict[Kind, str] = {
    "html": "text/html",
    "pdf": "application/pdf",
    "docx": f"{_OFFICE}wordprocessingml.document",
    "pptx": f"{_OFFICE}presentationml.presentation",
    "xlsx": f"{_OFFICE}spreadsheetml.sheet",
    "odt": "application/vnd.oasis.opendocument.text",
    "rtf": "application/rtf",
}
# A bar stays escaped, because it would end a table cell.
_ESCAPED = re.compile(r"\\([!-/:-@\[-`{}~])")
# Soft hyphens at line ends come from pdfium as U+0002 or U+FFFE.
_PDF_CHARACTERS = str.maketrans({"\r": None, "\x02": "-", "\ufffe": "-", "\0": None, "\f": "\n"})


def _extract(kind: Kind, data: bytes, output: str) -> ExtractionResult:
    import kreuzberg

    config = kreuzberg.ExtractionConfig(
        use_cache=False,
        disable_ocr=True,  # type: ignore[call-arg]  # there, but not in kreuzberg's stubs
        enable_quality_processing=False,
        postprocessor=kreuzberg.PostProcessorConfig(enabled=False),
        concurrency=kreuzberg.ConcurrencyConfig(max_threads=1),
        pages=kreuzberg.PageConfig(extract_pages=True) if kind == "pdf" else None,
        output_format=output,
    )
    return kreuzberg.extract_bytes_sync(data, _MEDIA_TYPES[kind], config)


def _reason(complaint: str) -> Reason:
    if "password" in complaint or "encrypted" in complaint:
        return "encrypted"
    # EAGAIN and ENOMEM: a thread could not be started, or memory could not be allocated.
    is_memory = "(os error 11)" in complaint or "(os error 12)" in complaint
    return "memory" if is_memory else "broken"


def _read_pdf(data: bytes, _charset: str | None) -> str:
    # The pages hold the text from pdfium. The result's own content is unreliable: kreuzberg 4.10
    # drops text between < and > from it, and repeats a page that looks like a table.
    pages = _extract("pdf", data, "plain").pages or []
    texts = {page["page_number"]: page["content"].translate(_PDF_CHARACTERS) for page in pages}
    filled = {number: text.strip() for number, text in texts.items() if text.strip()}
    if len(texts) == 1:
        return "".join(filled.values())
    return "\n\n".join(f"[Page {number}]\n{text}" for number, text in filled.items())


def _read_html(data: bytes, charset: str | None) -> str:
    # kreuzberg decodes every page as UTF-8, and turns the head into broken front matter.
    declared = re.search(rb"charset\s*=\s*[\"']?([\w-]+)", data[:4096])
    page = _read_text(data, charset or (declared[1].decode() if declared else "cp1252"))
    title = re.search(r"<title[^<>]*>([^<]*)", page, re.IGNORECASE)
    text = _extract("html", _without_head(page).encode(errors="replace"), "markdown").content
    text = _DATA_URI.sub("data:", text)
    return f"{html.unescape(title[1]).strip()}\n\n{text}" if title and text.strip() else text


def _without_head(page: str) -> str:
    head = re.search(r"<head[\s>]", page, re.IGNORECASE)
    rest = page[head.end() :] if head else ""
    end = re.search(r"</head\s*>|(?=<body[\s>])", rest, re.IGNORECASE)
    return page[: head.start()] + rest[end.end() :] if head and end else page


def _read_slides(data: bytes, _charset: str | None) -> str:
    # Markdown output would lack the speaker's notes.
    return _extract("pptx", data, "plain").content


def _read_as_markdown(kind: Kind) -> Callable[[bytes, str | None], str]:
    return lambda data, _charset: _ESCAPED.sub(r"\1", _extract(kind, data, "markdown").content)


# kreuzberg 4.10 deletes these from a Word document: "R&D" becomes "RD", "5 < 7" becomes "5 7"
# (https://github.com/xberg-io/xberg/issues/1242). Unicode noncharacters stand in for them.
_STAND_INS = {character: chr(0xFDD0 + place) for place, character in enumerate("&<>\"'\t\n")}
_TAB, _BREAK = _STAND_INS["\t"], _STAND_INS["\n"]
_REFERENCE = re.compile(rb"&(?:amp|lt|gt|quot|apos|#\d{1,7}|#x[0-9A-Fa-f]{1,6});")


def _read_word_document(data: bytes, _charset: str | None) -> str:
    text = _extract("docx", _prepared(data), "markdown").content
    # A line break would end a table row.
    text = re.sub(r"^\|.*", lambda row: row[0].replace(_BREAK, " "), text, flags=re.MULTILINE)
    characters = str.maketrans({stand_in: real for real, stand_in in _STAND_INS.items()})
    return _ESCAPED.sub(r"\1", text).translate(characters)


def _prepared(data: bytes) -> bytes:
    prepared = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(prepared, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            is_text = name.startswith("word/") and name.endswith(".xml")
            new.writestr(name, _with_stand_ins(content) if is_text else content)
    return prepared.getvalue()


def _with_stand_ins(content: bytes) -> bytes:
    content = _REFERENCE.sub(_stand_in, content)
    # Tab stops have attributes; tabs do not.
    content = content.replace(b"<w:tab/>", f"<w:t>{_TAB}</w:t>".encode())
    return content.replace(b"<w:br/>", f"<w:t>{_BREAK}</w:t>".encode())


def _stand_in(reference: re.Match[bytes]) -> bytes:
    character = html.unescape(reference[0].decode())
    return _STAND_INS.get(character, character).encode()


_READERS: dict[Kind, Callable[[bytes, str | None], str]] = {
    "text": _read_text,
    "notebook": _read_notebook,
    "html": _read_html,
    "pdf": _read_pdf,
    "docx": _read_word_document,
    "pptx": _read_slides,
    "xlsx": _read_as_markdown("xlsx"),
    "odt": _read_as_markdown("odt"),
    "rtf": _read_as_markdown("rtf"),
}
