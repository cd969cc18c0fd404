"""The charset of text that does not say it: guessed where only one fits, and else never."""

from __future__ import annotations

import os
import time

import pytest

from aqueduct_jupyter.gateway.documents.readers.charsets import guess
from aqueduct_jupyter.gateway.documents.readers.plain_text import known_codec

# What it says is: artificial intelligence is a part of computer science, in many words.
TEXTS = {
    "人工智能是计算机科学的一个分支，它企图了解智能的实质，并生产出一种新的智能机器。": (
        "gb18030",
    ),
    "人工智慧亦稱機器智慧，指由人製造出來的機器所表現出來的智慧。": ("big5",),
    "人工知能とは、計算という概念とコンピュータという道具を用いて知能を研究する": (
        "shift_jis",
        "euc_jp",
    ),
    "인공지능은 인간의 학습능력, 추론능력, 지각능력을 인공적으로 구현하려는": ("euc_kr",),
    "Искусственный интеллект, свойство систем выполнять творческие функции, которые считаются "
    "прерогативой человека": ("cp1251", "koi8_r", "iso8859_5", "cp866"),
    "Η τεχνητή νοημοσύνη είναι ο κλάδος της πληροφορικής που ασχολείται με τη σχεδίαση και την "
    "υλοποίηση συστημάτων": ("cp1253", "iso8859_7"),
    "בינה מלאכותית היא ענף של מדעי המחשב העוסק ביכולתם של מחשבים לפעול באופן המציג יכולות": (
        "cp1255",
        "iso8859_8",
    ),
    "الذكاء الاصطناعي هو سلوك وخصائص معينة تتسم بها البرامج الحاسوبية تجعلها تحاكي القدرات": (
        "cp1256",
    ),
    "ปัญญาประดิษฐ์คือความฉลาดเทียมที่สร้างขึ้นให้กับสิ่งที่ไม่มีชีวิต": ("cp874",),
    "name;city;sum\nMüller;Köln;3\nGroß;München;5\n": ("cp1252", "cp850", "mac_roman"),
    "L'été, la forêt, le garçon et la créativité": ("cp1252", "cp850"),
    "İstanbul, Türkiye'nin en kalabalık, en önemli şehri": ("cp1254",),
    "Zażółć gęślą jaźń, dziedziną wiedzy obejmującą logikę": ("cp1250", "iso8859_2"),
}
CASES = [(text, codec) for text, codecs in TEXTS.items() for codec in codecs]


@pytest.mark.parametrize(("text", "codec"), CASES)
def test_a_text_is_guessed_right(text: str, codec: str) -> None:
    data = text.encode(codec)
    found = guess(data)
    assert found is not None
    assert data.decode(found) == text


@pytest.mark.parametrize("length", [3, 8, 16, 30, 60])
def test_a_part_of_it_is_guessed_right_or_not_at_all(length: int) -> None:
    for text, codec in CASES:
        for start in range(0, len(text) - length, 3):
            part = text[start : start + length]
            data = part.encode(codec)
            found = guess(data)
            assert data.isascii() or found is None or data.decode(found) == part, (part, codec)


@pytest.mark.parametrize(
    "data",
    [
        os.urandom(10 * 2**20),
        b"\xe9" * 10 * 2**20,
        "т".encode("cp1251") * 10 * 2**20,
        "да и нет ".encode("cp1251") * 2**20,
        b"\xff " * 5 * 2**20,
        bytes(range(128, 256)) * 80_000,
        b"caf\xe9\n" * 2**21,
    ],
    ids=range(7),
)
def test_a_guess_takes_no_time(data: bytes) -> None:
    start = time.perf_counter()
    guess(data)
    assert time.perf_counter() - start < 2


def test_the_letters_are_found_wherever_they_are() -> None:
    data = b"a,b,c\n" * 2**18 + "Müller,Köln,3\n".encode("cp1252")
    assert guess(data) == "cp1252"


@pytest.mark.parametrize(
    "name",
    [
        "rot13",
        "rot_13",
        "punycode",
        "idna",
        "hex",
        "base64",
        "zip",
        "bz2",
        "unicode_escape",
        "undefined",
        "no-such",
        "",
        "../os",
        "aliases",
        "mbcs",
    ],
)
def test_what_is_no_charset_is_none(name: str) -> None:
    assert known_codec(name) is None


@pytest.mark.parametrize(
    "name",
    [
        "UTF-8",
        "utf-16le",
        "GB18030",
        "Shift_JIS",
        "x-sjis",
        "euc-jp",
        "windows-1251",
        "KOI8-R",
        "koi8-u",
        "ISO-8859-15",
        "latin1",
        "Big5",
        "euc-kr",
        "iso-2022-jp",
        "cp437",
        "macintosh",
    ],
)
def test_a_charset_has_its_codec(name: str) -> None:
    assert known_codec(name)
