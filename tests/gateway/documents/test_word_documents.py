"""Word documents: notes, comments, lists, changes and formulas, as a person sees them."""

from __future__ import annotations

import io

import pytest
from docx import Document

from aqueduct_jupyter.gateway.documents.text import read

from . import samples

W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
M = "http://schemas.openxmlformats.org/officeDocument/2006/math"
R = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
NAMES = f'xmlns:w="{W}" xmlns:m="{M}" xmlns:r="{R}"'


def word(body: str, **parts: str) -> str:
    """The text of a document with this body, and with these parts beside it."""
    relationships = "".join(
        f'<Relationship Id="{kind}" Type="{R}/{kind}" Target="{kind}.xml"/>' for kind in parts
    )
    relationships += (
        f'<Relationship Id="out" Type="{R}/hyperlink" Target="https://x.invalid/?a=1&amp;b" '
        'TargetMode="External"/>'
    )
    space = "http://schemas.openxmlformats.org/package/2006/relationships"
    files = {
        "word/document.xml": f"<w:document {NAMES}><w:body>{body}</w:body></w:document>",
        "word/_rels/document.xml.rels": f'<Relationships xmlns="{space}">{relationships}'
        "</Relationships>",
        **{f"word/{kind}.xml": f"<w:x {NAMES}>{part}</w:x>" for kind, part in parts.items()},
    }
    return read("docx", samples.archive({name: text.encode() for name, text in files.items()}))


def p(*runs: str, properties: str = "") -> str:
    return f"<w:p><w:pPr>{properties}</w:pPr>{''.join(runs)}</w:p>"


def r(text: str, properties: str = "") -> str:
    return f'<w:r><w:rPr>{properties}</w:rPr><w:t xml:space="preserve">{text}</w:t></w:r>'


def reference(kind: str, number: int) -> str:
    return f'<w:r><w:{kind}Reference w:id="{number}"/></w:r>'


def notes(kind: str, *texts: str, first: int = 1) -> str:
    """Notes in Word's layout, whose separators have the ids -1 and 0."""
    separators = "".join(
        f'<w:{kind} w:type="{name}" w:id="{number}"><w:p><w:r><w:{name}/></w:r></w:p></w:{kind}>'
        for number, name in ((-1, "separator"), (0, "continuationSeparator"))
    )
    return separators + "".join(
        f'<w:{kind} w:id="{number}">{p(f"<w:r><w:{kind}Ref/></w:r>", r(text))}</w:{kind}>'
        for number, text in enumerate(texts, first)
    )


@pytest.mark.parametrize("first", [1, 2])
def test_all_footnotes_are_kept_with_the_labels_at_their_places(first: int) -> None:
    words = ("Alpha", "Beta", "Gamma")
    body = "".join(
        p(r(word_), reference("footnote", number), r(" tail."))
        for number, word_ in enumerate(words, first)
    )
    text = word(body, footnotes=notes("footnote", "NOTE A", "NOTE B", "NOTE C", first=first))
    assert text == (
        "Alpha[^1] tail.\n\nBeta[^2] tail.\n\nGamma[^3] tail.\n\n"
        "[^1]: NOTE A\n\n[^2]: NOTE B\n\n[^3]: NOTE C"
    )


def test_endnotes_have_labels_of_their_own() -> None:
    body = p(r("Alpha"), reference("endnote", 1), reference("footnote", 1))
    text = word(body, endnotes=notes("endnote", "the end"), footnotes=notes("footnote", "the foot"))
    assert text == "Alpha[^i][^1]\n\n[^1]: the foot\n\n[^i]: the end"


def test_comments_stand_at_their_places() -> None:
    comment = f'<w:comment w:id="7" w:author="Ada">{p(r("Why"))}{p(r("so?"))}</w:comment>'
    body = p(r("One"), reference("comment", 7), r(" two"))
    assert word(body, comments=comment) == "One [Comment by Ada: Why so?] two"


def test_changes_are_read_as_accepted() -> None:
    deleted = '<w:del w:id="1"><w:r><w:delText>old</w:delText><w:tab/></w:r></w:del>'
    inserted = f'<w:ins w:id="2">{r("new")}</w:ins>'
    moved = (
        f'<w:moveFrom w:id="3">{r("away")}</w:moveFrom><w:moveTo w:id="3">{r("here")}</w:moveTo>'
    )
    joined = p(r("first "), properties='<w:rPr><w:del w:id="4"/></w:rPr>') + p(r("second"))
    row = f"<w:tr><w:trPr><w:del/></w:trPr><w:tc>{p(r('gone'))}</w:tc></w:tr>"
    kept = f"<w:tr><w:tc>{p(r('a'))}</w:tc><w:tc>{p(r('b'))}</w:tc></w:tr>"
    body = p(deleted, inserted, moved) + joined + f"<w:tbl>{row}{kept}</w:tbl>"
    assert word(body) == "newhere\n\nfirst second\n\n| a | b |\n| --- | --- |"


def test_lists_are_numbered_as_word_numbers_them() -> None:
    levels = "".join(
        f'<w:lvl w:ilvl="{level}"><w:start w:val="1"/><w:numFmt w:val="{form}"/>'
        f'<w:lvlText w:val="{text}"/></w:lvl>'
        for level, form, text in ((0, "decimal", "%1."), (1, "lowerLetter", "%1.%2)"))
    )
    numbering = (
        f'<w:abstractNum w:abstractNumId="5">{levels}</w:abstractNum>'
        '<w:num w:numId="1"><w:abstractNumId w:val="5"/></w:num>'
        '<w:num w:numId="2"><w:abstractNumId w:val="5"/><w:lvlOverride w:ilvl="0">'
        '<w:startOverride w:val="4"/></w:lvlOverride></w:num>'
    )

    def item(text: str, level: int = 0, list_id: int = 1) -> str:
        number = f'<w:numPr><w:ilvl w:val="{level}"/><w:numId w:val="{list_id}"/></w:numPr>'
        return p(r(text), properties=number)

    body = item("one") + item("a", 1) + item("b", 1) + item("two") + item("c", 1)
    body += p(r("between")) + item("three") + item("four", list_id=2)
    assert word(body, numbering=numbering) == (
        "1. one\n  1.a) a\n  1.b) b\n2. two\n  2.a) c\n\nbetween\n\n3. three\n4. four"
    )


def test_a_cell_may_have_several_paragraphs_and_cells_may_be_merged() -> None:
    def cell(content: str, properties: str = "") -> str:
        return f"<w:tc><w:tcPr>{properties}</w:tcPr>{content}</w:tc>"

    rows = [
        cell(p(r("a")) + p(r("a2"))) + cell(p(r("x|y")), '<w:gridSpan w:val="2"/>'),
        cell(p(r("b")), '<w:vMerge w:val="restart"/>') + cell(p(r("c"))) + cell(p(r("d"))),
        cell(p(r("no")), "<w:vMerge/>") + cell(p(r("e"))) + cell(p()),
    ]
    grid = "".join(f"<w:tr>{row}</w:tr>" for row in rows)
    assert word(f"<w:tbl>{grid}</w:tbl>") == (
        "| a<br>a2 | x\\|y |  |\n| --- | --- | --- |\n| b | c | d |\n|  | e |  |"
    )


def test_characters_links_fields_and_boxes() -> None:
    link = f'<w:hyperlink r:id="out">{r("a link")}</w:hyperlink>'
    characters = "<w:r><w:t>a</w:t><w:tab/><w:t>b</w:t><w:br/><w:t>c</w:t><w:noBreakHyphen/></w:r>"
    assert word(p(characters, r(" R&amp;D 5 &lt; 7 "), link)) == (
        "a\tb\nc\u2011 R&D 5 < 7 [a link](https://x.invalid/?a=1&b)"
    )
    field = (
        '<w:r><w:fldChar w:fldCharType="begin"/></w:r><w:r><w:instrText> HYPERLINK "http://y" '
        '</w:instrText></w:r><w:r><w:fldChar w:fldCharType="separate"/></w:r>'
        f'{r("shown")}<w:r><w:fldChar w:fldCharType="end"/></w:r>'
    )
    assert word(p(r("A "), field, r("."))) == "A [shown](http://y)."
    assert (
        word(p(r("10"), r("6", '<w:vertAlign w:val="superscript"/>'), r(" hid", "<w:vanish/>")))
        == "10⁶"
    )
    box = f"<w:r><w:pict><w:txbxContent>{p(r('boxed'))}</w:txbxContent></w:pict></w:r>"
    assert word(p(r("before"), box)) == "before\n\n[Text box: boxed]"


def test_formulas_are_readable() -> None:
    def m(text: str) -> str:
        return f"<m:r><m:t>{text}</m:t></m:r>"

    square = f"<m:sSup><m:e>{m('b')}</m:e><m:sup>{m('2')}</m:sup></m:sSup>"
    root = f"<m:rad><m:deg/><m:e>{square}{m('-4ac')}</m:e></m:rad>"
    fraction = f"<m:f><m:num>{m('-b±')}{root}</m:num><m:den>{m('2a')}</m:den></m:f>"
    assert word(p(r("x is "), f"<m:oMath>{m('x=')}{fraction}</m:oMath>")) == (
        "x is x=(-b±√(b^2-4ac))/2a"
    )
    total = (
        f'<m:nary><m:naryPr><m:chr m:val="∑"/></m:naryPr><m:sub>{m("i=1")}</m:sub>'
        f"<m:sup>{m('n')}</m:sup><m:e>{m('i')}</m:e></m:nary>"
    )
    assert word(p(f"<m:oMath>{total}</m:oMath>")) == "∑_(i=1)^n i"


def test_headings_and_what_stands_on_every_page() -> None:
    document = Document()
    document.add_heading("Chapter", 1)
    document.add_paragraph("Words")
    section = document.add_section()
    for one in (document.sections[0], section):
        one.header.is_linked_to_previous = False
        one.header.paragraphs[0].text = "Head of the page"
    document.sections[0].footer.paragraphs[0].text = "17"
    file = io.BytesIO()
    document.save(file)
    assert read("docx", file.getvalue()) == "[Header: Head of the page]\n\n# Chapter\n\nWords"
