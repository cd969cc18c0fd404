"""The charset of bytes that do not say it: a guess, or none if a wrong one is possible.

charset-normalizer knows scripts by how often their letters occur. With few letters it is often
wrong, so its guess must fit what is known of that script. Latin text has too few letters outside
ASCII for it; there, all of them must belong to one language.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

__all__ = ["guess"]

SAMPLE_BYTES = 2**15
"""Bytes that are looked at; they hold more letters than any guess needs."""

_LATIN = ("cp1252", "cp1250", "cp1254", "cp1257", "iso8859_2", "iso8859_15", "mac_roman", "cp850")
# Each language's letters outside ASCII, in lower case.
_ALPHABETS = tuple(
    map(
        frozenset,
        (
            "àâæçéèêëîïôœùûüÿ",
            "äöüß",
            "éëïöüèêó",
            "áéíñóúü",
            "áàâãçéêíóôõúü",
            "àèéìíòóùú",
            "åäöæøéü",
            "ðþæöáéíóúý",
            "ąćęłńóśźż",
            "áčďéěíňóřšťúůýžľĺŕôä",
            "áéíóöőúüű",
            "ăâîșțşţ",
            "čćđšž",
            "çğıöşüâî",
            "ąčęėįšųūž",
            "āčēģīķļņšūž",
            "äõöüšž",
        ),
    )
)
_LETTERS = frozenset().union(*_ALPHABETS)
# The last is what remains of a Turkish capital I in lower case.
_MARKS = frozenset("\u00a0€‚„…†‹‘’“”•–—™›¡¢£¥§©ª«®°±²³´µ¶·¹º»¼½¾¿×÷\u0307")
# What no text has, and wrong charsets make: signs in words, and letters at the wrong end of them.
_GLUED = re.compile(
    "|".join(
        (
            r"[^\W\d_][†‹›„…¡¢£¥§©®°±²³µ¶·¹º»¼½¾¿×÷€\x80-\x9f][^\W\d_]",
            r"[€†°±¶»№]\w",
            r"\w[¶¿„฿]",
            r"[^\W\d_][€№¤]",
            r"ς\w",
            "[а-я] [А-Я] [а-я]",
        )
    )
)
_WORD = re.compile(r"[^\W\d_]+")

_OTHERS = (
    *("cp1251", "koi8_r", "koi8_u", "iso8859_5", "cp866", "mac_cyrillic"),
    *("cp1253", "iso8859_7", "cp1255", "cp1256", "cp874"),
)
_FEWEST_LETTERS = 6
_LEAST_COHERENCE = 0.15
_LEAST_LEAD = 0.05
_LEAST_SHARE = 0.9
_ASCII_TO_CUT_AT = re.compile(rb"[\x09-\x2f]")


def guess(data: bytes) -> str | None:
    """Return the charset of bytes in which they surely are text, or None."""
    if b"\0" in data:
        codec = _wide(data)
    else:
        sample = _telling(data)
        codec = _latin(sample) or _many_bytes(sample) or _other(sample)
    try:
        return codec if codec and data.decode(codec) else None
    except UnicodeDecodeError:
        return None


def _telling(data: bytes) -> bytes:
    """Return the first lines with bytes outside ASCII, which alone tell, cut between characters."""
    if len(data) <= SAMPLE_BYTES:
        return data
    found = bytearray()
    for line in re.finditer(rb"[^\n]*[\x80-\xff][^\n]*\n?", data):
        found += line[0][: SAMPLE_BYTES + 1]
        if len(found) > SAMPLE_BYTES:
            break
    if len(found) <= SAMPLE_BYTES:
        return bytes(found)
    cuts = [match.start() for match in _ASCII_TO_CUT_AT.finditer(found, 0, SAMPLE_BYTES)]
    return bytes(found[: cuts[-1] if cuts else 0])


def _wide(data: bytes) -> str | None:
    """Recognize UTF-16 by the zeros in one half of its bytes."""
    sample = data[: SAMPLE_BYTES - SAMPLE_BYTES % 2]
    evens, odds = sample[::2].count(0), sample[1::2].count(0)
    codec = "utf_16_le" if odds > evens else "utf_16_be"
    if min(evens, odds) or len(data) % 2 or 6 * max(evens, odds) < len(sample):
        return None
    text = sample.decode(codec, errors="ignore")
    return codec if all(_is_text(character) for character in set(text)) else None


def _is_text(character: str) -> bool:
    return character in "\t\n\r\f\x0b" or unicodedata.category(character) not in ("Cc", "Cn", "Co")


def _latin(sample: bytes) -> str | None:
    """Return the charset if all charsets in which this is a language's text agree on the text."""
    texts: dict[str, str] = {}
    for codec in _LATIN:
        try:
            text = sample.decode(codec)
        except UnicodeDecodeError:
            continue
        if _is_latin(text):
            texts.setdefault(text, codec)
    if len(texts) != 1:
        return None
    ((text, codec),) = texts.items()
    return codec if _LETTERS & set(text.lower()) else None


def _is_latin(text: str) -> bool:
    foreign = frozenset(text.lower()) - frozenset(map(chr, range(128)))
    letters = frozenset(character for character in foreign if character.isalpha()) - _MARKS
    if not foreign - letters <= _MARKS or not any(letters <= known for known in _ALPHABETS):
        return False
    if _GLUED.search(text):
        return False
    words = [word for word in _WORD.findall(text) if letters & set(word.lower())]
    plain = sum(character.isascii() for word in words for character in word)
    has_cases = all(word.islower() or word.isupper() or word.istitle() for word in words)
    # Signs alone are possible, and so a rival of words.
    return has_cases and 2 * plain >= sum(map(len, words))


def _many_bytes(sample: bytes) -> str | None:
    """Return the one Chinese, Japanese or Korean charset in which the characters are common."""
    found = []
    for codec, is_common in _IS_COMMON.items():
        try:
            text = sample.decode(codec)
        except UnicodeDecodeError:
            continue
        letters = [character for character in text if character > "\x7f" and character.isalpha()]
        gaps = len(re.findall(r"[^\x00-\x7f] +[^\x00-\x7f]", text))
        # Of these, only Korean has spaces between words.
        if codec != "cp949" and 20 * gaps > len(letters):
            continue
        if codec in ("gb18030", "big5") and _may_be_thai(sample):
            continue
        if len(letters) >= _FEWEST_LETTERS and is_common(letters):
            found.append(codec)
    # Half of Japanese are syllables; read as Chinese, they may be common signs, but not conversely.
    if "euc_jp" in found:
        return "euc_jp"
    return found[0] if len(found) == 1 else None


def _may_be_thai(sample: bytes) -> bool:
    """Return whether the bytes are Thai letters whose marks all stand on one."""
    try:
        text = sample.decode("cp874")
    except UnicodeDecodeError:
        return False
    return not re.search(
        "(?:^|[^\u0e01-\u0e2e\u0e31-\u0e4e])[\u0e31\u0e34-\u0e3a\u0e47-\u0e4e]", text
    )


def _other(sample: bytes) -> str | None:
    from charset_normalizer import from_bytes

    matches = from_bytes(sample, cp_isolation=list(_OTHERS), enable_fallback=False)
    found: list[tuple[float, str, str]] = []
    for match in matches:
        text = sample.decode(match.encoding, errors="ignore")
        if match.coherence >= _LEAST_COHERENCE and _is_written(text):
            found.append((match.coherence, text, match.encoding))
    found.sort(reverse=True)
    if not found:
        return None
    coherence, text, codec = found[0]
    rivals = [other for other in found if other[1] != text]
    is_certain = all(coherence - rival[0] >= _LEAST_LEAD for rival in rivals)
    return codec if is_certain else None


def _is_written(text: str) -> bool:
    """Return whether the words have the letters' cases, and no signs stand in or beside them."""
    words = [word for word in _WORD.findall(text) if not word.isascii()]
    letters = "".join(words)
    if len(letters) < 4 * _FEWEST_LETTERS or _GLUED.search(text):
        return False
    small = sum(not letter.isupper() for letter in letters)
    odd = sum(not (word.islower() or word.isupper() or word.istitle()) for word in words)
    has_no_cases = letters.lower() == letters.upper()
    return has_no_cases or (2 * small > len(letters) and odd * 20 <= len(words))


def _share(letters: list[str], first: str, last: str) -> float:
    return sum(first <= letter <= last for letter in letters) / len(letters)


def _is_common(letters: list[str], codec: str, first: int, last: int) -> bool:
    """Return whether the characters are among the common ones, which a charset has first."""
    codes = [letter.encode(codec)[:2] for letter in letters]
    common = sum(first <= int.from_bytes(code, "big") <= last for code in codes)
    return common >= _LEAST_SHARE * len(letters)


def _is_japanese(letters: list[str]) -> bool:
    kana = _share(letters, "\u3041", "\u30fe")
    return kana >= 0.2 and kana + _share(letters, "\u4e00", "\u9fff") >= _LEAST_SHARE


_IS_COMMON: dict[str, Callable[[list[str]], bool]] = {
    "gb18030": lambda letters: _is_common(letters, "gb18030", 0xB0A1, 0xD7F9),
    "big5": lambda letters: _is_common(letters, "big5", 0xA440, 0xC67E),
    "cp932": _is_japanese,
    "euc_jp": _is_japanese,
    "cp949": lambda letters: _share(letters, "\uac00", "\ud7a3") >= _LEAST_SHARE,
}
