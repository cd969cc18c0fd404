"""Numbers of a workbook as its cells show them: dates, times, percentages, decimals.

What is rare in formats (fractions, conditions, colours) is left out, and the number shown plain.

Source: ECMA-376 part 1, 18.8.30 and 18.8.31 (number formats).
"""

from __future__ import annotations

import datetime
import re
from decimal import Decimal
from functools import lru_cache

__all__ = ["BUILT_IN", "plain_number", "shown"]

BUILT_IN = {
    1: "0",
    2: "0.00",
    3: "#,##0",
    4: "#,##0.00",
    9: "0%",
    10: "0.00%",
    11: "0.00E+00",
    14: "yyyy-mm-dd",
    15: "d-mmm-yy",
    16: "d-mmm",
    17: "mmm-yy",
    18: "h:mm AM/PM",
    19: "h:mm:ss AM/PM",
    20: "h:mm",
    21: "h:mm:ss",
    22: "yyyy-mm-dd h:mm",
    37: "#,##0;(#,##0)",
    38: "#,##0;(#,##0)",
    39: "#,##0.00;(#,##0.00)",
    40: "#,##0.00;(#,##0.00)",
    45: "mm:ss",
    46: "[h]:mm:ss",
    47: "mm:ss.0",
    48: "0.0E+0",
}
"""Formats that files name by number; dates are written in the order that everybody reads alike."""

_LARGEST_DATE = 2_958_465.999999
_DIGITS = 15
_TOKEN = re.compile(
    r'"[^"]*"|\\.|_.|\*.|\[[^\]]*\]|AM/PM|A/P|General|y+|m+|d+|h+|s+(?:\.0+)?|[#0?][#0?,]*(?:\.[#0?]*,*)?'
    r"(?:E[+-]0+)?|%|.",
    re.IGNORECASE,
)
_DATE_TOKEN = re.compile(r"y+|m+|d+|h+|s+(\.0+)?|AM/PM|A/P", re.IGNORECASE)
_ELAPSED = re.compile(r"\[(h+|m+|s+)\]", re.IGNORECASE)
_NUMBER = re.compile(r"[#0?]")
_MONTHS = "January February March April May June July August September October November December"
_DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday"


def plain_number(value: float) -> str:
    """Return a number as Excel shows it without a format: with at most fifteen digits."""
    if value == int(value) and abs(value) < 10**_DIGITS:
        return str(int(value))
    return f"{value:.{_DIGITS}g}"


def shown(value: float, code: str, *, is_1904: bool = False) -> str:
    """Return a number in a format.

    Args:
        value: the number.
        code: the format's code, such as ``0.00%``.
        is_1904: whether dates are counted from 1904, as old programs for the Mac did.
    """
    sections = _sections(code)
    place = 1 if value < 0 and len(sections) > 1 else 2 if value == 0 and len(sections) > 2 else 0
    tokens = sections[place]
    if any(_DATE_TOKEN.fullmatch(token) or _ELAPSED.fullmatch(token) for token in tokens):
        return _date(value, tokens, is_1904=is_1904)
    return _decimal(abs(value) if place == 1 else value, tokens)


@lru_cache(maxsize=1024)
def _sections(code: str) -> list[list[str]]:
    sections: list[list[str]] = [[]]
    for match in _TOKEN.finditer(code[:255]):
        if match[0] == ";":
            sections.append([])
        else:
            sections[-1].append(match[0])
    return sections


def _literal(token: str) -> str | None:
    """Return what a token says by itself; None if it stands for a part of the number."""
    if token.startswith('"'):
        return token.strip('"')
    if token.startswith("\\"):
        return token[1:]
    if token.startswith("_"):
        return " "
    if token.startswith("*"):
        return ""
    if token.startswith("["):
        # A currency, such as [$€-407], a colour or a condition.
        return token[2:-1].partition("-")[0] if token.startswith("[$") else ""
    return None


def _decimal(value: float, tokens: list[str]) -> str:
    if "/" in tokens or ("?" in "".join(tokens) and "/" in "".join(tokens)):
        return plain_number(value)
    pieces: list[str] = []
    percent = tokens.count("%")
    is_written = False
    for token in tokens:
        literal = _literal(token)
        if literal is not None:
            pieces.append(literal)
        elif token.lower() in ("general", "@"):
            pieces.append(plain_number(value))
        elif _NUMBER.match(token):
            pieces.append("" if is_written else _digits(value * 100**percent, token))
            is_written = True
        else:
            pieces.append(token)
    return "".join(pieces).strip()


def _digits(value: float, pattern: str) -> str:
    body, _, exponent = pattern.upper().partition("E")
    # Excel keeps fifteen digits; a float has more, which mean nothing.
    number = Decimal(f"{value:.{_DIGITS}g}")
    scale = len(body) - len(body.rstrip(","))
    whole, _, part = body.rstrip(",").partition(".")
    number /= 1000**scale
    if exponent:
        return f"{float(number):.{len(part)}E}"
    text = f"{number:{',' if ',' in whole else ''}.{len(part)}f}"
    optional = len(part) - len(part.rstrip("#?"))
    while optional and part and text.endswith("0"):
        text, optional = text[:-1], optional - 1
    digits = whole.count("0")
    if digits > 1 and "," not in whole:
        sign = "-" if text.startswith("-") else ""
        first, dot, rest = text.removeprefix("-").partition(".")
        text = f"{sign}{first.zfill(digits)}{dot}{rest}"
    return text.rstrip(".") if part else text


def _date(value: float, tokens: list[str], *, is_1904: bool) -> str:
    is_elapsed = any(_ELAPSED.fullmatch(token) for token in tokens)
    if not 0 <= value <= _LARGEST_DATE and not is_elapsed:
        return plain_number(value)
    seconds = [token for token in tokens if re.fullmatch(r"s+\.0+", token, re.IGNORECASE)]
    places = len(seconds[0].partition(".")[2]) if seconds else 0
    total = round(abs(value) * 86_400, places)
    moment = _moment(total, is_1904=is_1904)
    has_half_days = any(token.upper() in ("AM/PM", "A/P") for token in tokens)
    pieces = ["-" if value < 0 else ""]
    previous = ""
    for place, token in enumerate(tokens):
        later = [one for one in tokens[place + 1 :] if _DATE_TOKEN.fullmatch(one)]
        elapsed = _ELAPSED.fullmatch(token)
        if elapsed:
            unit = elapsed[1][0].lower()
            pieces.append(
                str(int(total // {"h": 3600, "m": 60, "s": 1}[unit])).zfill(len(elapsed[1]))
            )
            previous = unit
        elif _DATE_TOKEN.fullmatch(token):
            # Beside hours or seconds, m means minutes.
            is_minute = previous == "h" or bool(later and later[0][0].lower() == "s")
            pieces.append(
                _moment_part(token, moment, total, is_minute=is_minute, is_half=has_half_days)
            )
            previous = token[0].lower()
        else:
            literal = _literal(token)
            pieces.append(token if literal is None else literal)
    return "".join(pieces).strip()


def _moment(total: float, *, is_1904: bool) -> datetime.datetime:
    if is_1904:
        return datetime.datetime(1904, 1, 1) + datetime.timedelta(
            seconds=total
        )  # a cell has no zone
    # Excel believes that 1900 was a leap year, so earlier days are one off.
    base = datetime.datetime(1899, 12, 31 if total < 60 * 86_400 else 30)
    return base + datetime.timedelta(seconds=min(total, _LARGEST_DATE * 86_400))


def _moment_part(
    token: str, moment: datetime.datetime, total: float, *, is_minute: bool, is_half: bool
) -> str:
    letter, length = token[0].lower(), len(token)
    if letter == "y":
        return f"{moment.year % 100:02}" if length <= 2 else f"{moment.year:04}"
    if letter == "d":
        name = _DAYS.split()[moment.weekday()]
        return _named(moment.day, name, length)
    if letter == "h":
        hour = (moment.hour % 12 or 12) if is_half else moment.hour
        return str(hour).zfill(min(length, 2))
    if letter == "s":
        whole, _, part = token.partition(".")
        seconds = f"{total % 60:.{len(part)}f}"
        width = min(len(whole), 2) + (len(part) + 1 if part else 0)
        return seconds.zfill(width)
    if letter == "a":
        return "AM" if moment.hour < 12 else "PM"
    if is_minute and length <= 2:
        return str(moment.minute).zfill(length)
    return _named(moment.month, _MONTHS.split()[moment.month - 1], length)


def _named(number: int, name: str, length: int) -> str:
    if length <= 2:
        return str(number).zfill(length)
    return name[:3] if length == 3 else name if length == 4 else name[0]
