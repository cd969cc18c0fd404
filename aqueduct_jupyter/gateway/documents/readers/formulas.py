"""Office's formulas as text in one line, such as (-b±√(b^2-4ac))/2a.

Source: ECMA-376 part 1, 22.1 (Math).
"""

from __future__ import annotations

import re

from .packages import Element, children, first, path

__all__ = ["formula_text"]

_SIMPLE = re.compile(r"-?[\w.]+|[^\w\s]?")


def formula_text(element: Element) -> str:
    """Return a formula, or a part of one, as text."""
    write = _WRITERS.get(element.tag)
    return write(element) if write else _all(element)


def _all(element: Element) -> str:
    if element.tag == "m:t":
        return element.text or ""
    is_shown = (child for child in element if not child.tag.endswith("Pr"))
    return "".join(formula_text(child) for child in is_shown)


def _part(element: Element, name: str) -> str:
    found = first(element, f"m:{name}")
    return "" if found is None else _all(found)


def _grouped(text: str) -> str:
    return text if _SIMPLE.fullmatch(text) else f"({text})"


def _fraction(element: Element) -> str:
    return f"{_grouped(_part(element, 'num'))}/{_grouped(_part(element, 'den'))}"


def _scripts(element: Element) -> str:
    low, high = _part(element, "sub"), _part(element, "sup")
    scripts = (f"_{_grouped(low)}" if low else "") + (f"^{_grouped(high)}" if high else "")
    base = _part(element, "e")
    return scripts + base if element.tag == "m:sPre" else _grouped(base) + scripts


def _root(element: Element) -> str:
    degree, inside = _part(element, "deg"), _part(element, "e")
    return f"root({degree}, {inside})" if degree.strip() else f"√{_grouped(inside)}"


def _operator(element: Element) -> str:
    sign = path(element, "m:naryPr", "m:chr", attribute="m:val") or "∫"
    low, high = _part(element, "sub"), _part(element, "sup")
    limits = (f"_{_grouped(low)}" if low else "") + (f"^{_grouped(high)}" if high else "")
    return f"{sign}{limits} {_part(element, 'e')}"


def _brackets(element: Element) -> str:
    properties = first(element, "m:dPr")

    def sign(name: str, usual: str) -> str:
        found = first(properties, name)
        return usual if found is None else found.get("m:val", "")

    inside = sign("m:sepChr", "|").join(_all(part) for part in children(element, "m:e"))
    return f"{sign('m:begChr', '(')}{inside}{sign('m:endChr', ')')}"


def _function(element: Element) -> str:
    inside = _part(element, "e")
    return f"{_part(element, 'fName')}{inside if inside.startswith('(') else f'({inside})'}"


def _limit(element: Element) -> str:
    mark = "_" if element.tag == "m:limLow" else "^"
    return f"{_part(element, 'e')}{mark}{_grouped(_part(element, 'lim'))}"


def _matrix(element: Element) -> str:
    rows = [
        ", ".join(_all(cell) for cell in children(row, "m:e")) for row in children(element, "m:mr")
    ]
    return f"[{'; '.join(rows)}]"


def _lines(element: Element) -> str:
    return "; ".join(_all(line) for line in children(element, "m:e"))


def _accent(element: Element) -> str:
    accent = path(element, "m:accPr", "m:chr", attribute="m:val") or "\u0302"
    return f"{_part(element, 'e')}{accent}"


_WRITERS = {
    "m:f": _fraction,
    "m:sSup": _scripts,
    "m:sSub": _scripts,
    "m:sSubSup": _scripts,
    "m:sPre": _scripts,
    "m:rad": _root,
    "m:nary": _operator,
    "m:d": _brackets,
    "m:func": _function,
    "m:limLow": _limit,
    "m:limUpp": _limit,
    "m:m": _matrix,
    "m:eqArr": _lines,
    "m:acc": _accent,
}
