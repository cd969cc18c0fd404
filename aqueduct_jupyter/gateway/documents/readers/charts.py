"""Charts and diagrams of Office documents: their numbers as tables, and their words.

Sources: ECMA-376 part 1, 21.2 (Charts) and 21.4 (Diagrams).
"""

from __future__ import annotations

from .markdown import one_line, table
from .packages import Element, Package, children, first, inside, texts

__all__ = ["chart_text", "diagram_text", "drawing_text"]

MOST_POINTS = 20_000
"""Points that are kept of each series."""


def chart_text(package: Package, part: str) -> str:
    """Return a chart's title, and its series as a table."""
    root = package.xml(part)
    chart = first(root, "c:chart")
    title = one_line("".join(texts(first(chart, "c:title"), "a:t", "c:v")))
    lines = [f"[Chart: {title}]" if title else "[Chart]"]
    axes = [axis for axis in inside(chart, "c:plotArea") if axis.tag.endswith("Ax")]
    named = (one_line("".join(texts(first(axis, "c:title"), "a:t"))) for axis in axes)
    if axis_names := ", ".join(filter(None, named)):
        lines.append(f"Axes: {axis_names}")
    kinds = [kind for kind in inside(chart, "c:plotArea") if kind.tag.endswith("Chart")]
    series = [one for kind in kinds for one in children(kind, "c:ser")]
    groups: dict[tuple[str, ...], list[tuple[str, dict[int, str]]]] = {}
    for number, one in enumerate(series, 1):
        name = one_line(" ".join(texts(first(one, "c:tx"), "c:v"))) or f"Series {number}"
        values = _points(next(children(one, "c:val", "c:yVal"), None))
        names = _points(next(children(one, "c:cat", "c:xVal"), None))
        count = max([*values, *names, -1]) + 1
        key = tuple(names.get(place, str(place + 1)) for place in range(min(count, MOST_POINTS)))
        groups.setdefault(key, []).append((name, values))
    for labels_, columns in groups.items():
        head = ["", *(name for name, _ in columns)]
        rows = [
            [label, *(values.get(place, "") for _, values in columns)]
            for place, label in enumerate(labels_)
        ]
        lines.append(table([head, *rows]))
    labels = [
        one_line("".join(texts(one, "a:t"))) for part in series for one in part.iter("c:dLbl")
    ]
    if any(labels):
        lines.append(f"Labels: {', '.join(filter(None, labels))}")
    if not any(values for columns in groups.values() for _, values in columns):
        return f"{lines[0]} (its numbers are not stored in it)"
    return "\n".join(lines)


def _points(data: Element | None) -> dict[int, str]:
    """Return the cached points by their place; levels of labels are joined."""
    if data is None:
        return {}
    levels = list(data.iter("c:lvl")) or [data]
    count = max(_places(data), default=-1) + 1
    found: dict[int, str] = {}
    for level in reversed(levels):
        label = ""
        points = {_place(one): "".join(texts(one, "c:v")) for one in level.iter("c:pt")}
        for number in range(count):
            # An outer level names only the first of the points that it is for.
            label = points.get(number, label if level is not levels[0] else "")
            if label:
                found[number] = f"{found[number]} {label}" if number in found else label
    return found


def _place(point: Element) -> int:
    text = point.get("idx", "")
    return int(text) if text.isdecimal() and len(text) < 9 else -1


def _places(data: Element) -> list[int]:
    places = map(_place, data.iter("c:pt"))
    return [place for place in places if 0 <= place < MOST_POINTS]


def diagram_text(package: Package, part: str) -> str:
    """Return the words of a diagram (SmartArt), one line for each of its shapes."""
    root = package.xml(part)
    lines = []
    for point in children(first(root, "dgm:ptLst"), "dgm:pt"):
        paragraphs = [] if point.get("type") == "pres" else list(point.iter("a:p"))
        text = " ".join(one_line("".join(texts(paragraph, "a:t"))) for paragraph in paragraphs)
        if text.strip():
            lines.append(f"- {text}")
    return "\n".join(["[Diagram]", *lines]) if lines else ""


def drawing_text(package: Package, part: str, frame: Element) -> str:
    """Return the charts and diagrams in a frame of a part."""
    found = []
    relationships = package.relationships(part)
    for element in frame.iter():
        if element.tag == "c:chart" and (id_ := element.get("r:id")) in relationships:
            found.append(chart_text(package, relationships[id_].target))
        elif element.tag == "dgm:relIds" and (id_ := element.get("r:dm")) in relationships:
            found.append(diagram_text(package, relationships[id_].target))
    return "\n\n".join(filter(None, found))
