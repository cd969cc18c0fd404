"""OpenDocument files: text, sheets and slides with what is shown of them."""

from __future__ import annotations

from aqueduct_jupyter.gateway.documents.text import read

from . import samples

SPACES = " ".join(
    f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
    for name in ("office", "text", "table", "style", "presentation")
)
SPACES += ' xmlns:draw="urn:oasis:names:tc:opendocument:xmlns:drawing:1.0"'
SPACES += ' xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xlink="http://www.w3.org/1999/xlink"'


def opened(kind: str, body: str, styles: str = "") -> str:
    content = (
        f"<office:document-content {SPACES}><office:automatic-styles>{styles}"
        f"</office:automatic-styles><office:body><office:{kind}>{body}</office:{kind}>"
        "</office:body></office:document-content>"
    )
    name = b"application/vnd.oasis.opendocument." + kind.encode()
    return read("odf", samples.archive({"mimetype": name, "content.xml": content.encode()}))


def test_spaces_tabs_and_line_breaks() -> None:
    text = 'end<text:s text:c="3"/>spaces<text:tab/>tab<text:line-break/>line\n  wrapped'
    assert opened("text", f"<text:p>{text}</text:p>") == "end   spaces\ttab\nline wrapped"


def test_cells_have_paragraphs() -> None:
    body = (
        "<text:p>before</text:p><table:table><table:table-row><table:table-cell><text:p>a</text:p>"
        "<text:p>a2</text:p></table:table-cell><table:table-cell><text:p>b</text:p>"
        "</table:table-cell></table:table-row></table:table>"
    )
    assert opened("text", body) == "before\n\n| a<br>a2 | b |\n| --- | --- |"


def test_notes_comments_links_and_changes() -> None:
    note = (
        '<text:note text:note-class="footnote"><text:note-citation>1</text:note-citation>'
        "<text:note-body><text:p>the note</text:p></text:note-body></text:note>"
    )
    comment = (
        "<office:annotation><dc:creator>Ada</dc:creator><text:p>why</text:p></office:annotation>"
    )
    deleted = (
        "<text:tracked-changes><text:changed-region><text:deletion><text:p>gone</text:p>"
        "</text:deletion></text:changed-region></text:tracked-changes>"
    )
    link = '<text:a xlink:href="https://x.invalid">link</text:a>'
    assert opened("text", f"{deleted}<text:p>A{note} b{comment} {link}</text:p>") == (
        "A[^1] b [Comment by Ada: why] [link](https://x.invalid)\n\n[^1]: the note"
    )


def test_headings_and_lists() -> None:
    styles = (
        '<text:list-style style:name="L"><text:list-level-style-number text:level="1" '
        'style:num-format="1"/></text:list-style>'
    )
    item = "<text:list-item><text:p>{}</text:p>{}</text:list-item>"
    inner = f"<text:list>{item.format('deep', '')}</text:list>"
    items = item.format("one", inner) + item.format("two", "")
    body = f'<text:list text:style-name="L">{items}</text:list>'
    head = '<text:h text:outline-level="2">Head</text:h>'
    assert opened("text", head + body, styles) == "## Head\n\n1. one\n  - deep\n2. two"


def test_a_sheet_shows_values_formulas_and_that_it_is_hidden() -> None:
    styles = (
        '<style:style style:name="H" style:family="table"><style:table-properties '
        'table:display="false"/></style:style>'
    )
    rows = (
        "<table:table-row><table:table-cell><text:p>50 %</text:p></table:table-cell>"
        '<table:table-cell table:formula="of:=SUM([.A1:.A9])"><text:p>3</text:p></table:table-cell>'
        '<table:table-cell table:number-columns-repeated="16000"/></table:table-row>'
        '<table:table-row table:number-rows-repeated="1048575"><table:table-cell/>'
        "</table:table-row>"
    )
    body = f'<table:table table:name="Sum" table:style-name="H">{rows}</table:table>'
    assert opened("spreadsheet", body, styles) == (
        "## Sheet: Sum (hidden)\n\n|  | A | B |\n| --- | --- | --- |\n"
        "| 1 | 50 % | 3 (=SUM(A1:A9)) |"
    )


def test_slides_have_titles_and_notes() -> None:
    frame = (
        '<draw:frame presentation:class="{}"><draw:text-box><text:p>{}</text:p></draw:text-box>'
        "</draw:frame>"
    )
    notes = f"<presentation:notes>{frame.format('notes', 'said')}</presentation:notes>"
    frames = frame.format("outline", "point") + frame.format("title", "Title")
    page = f"<draw:page>{frames}{notes}</draw:page>"
    assert opened("presentation", page) == "## Slide 1: Title\n\npoint\n\nNotes: said"
