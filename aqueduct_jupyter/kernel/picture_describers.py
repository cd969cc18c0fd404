"""Objects that have a picture: figures, axes, images, and whatever shows itself as a picture.

A model gets the picture. Charts of plotly and altair can draw one only with another package;
without it, a model gets the chart's own description in JSON.
"""

from __future__ import annotations

import io
import json
import sys
from base64 import b64decode
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from typing import Any

from ..protocol.errors import CellError
from .context import Context, FilePart, ImagePart, Piece, Rank, register
from .stable_text import fingerprint, stable

__all__ = ["MOST_PICTURES", "show_itself"]

MOST_PICTURES = 8
"""How many pictures of one list are sent."""

LONGEST_SIDE = 2048
"""Longest side of a picture that is sent, in pixels."""

LONGEST_SERIES = 20
"""How many values of a chart's data are sent for each series."""

_SENT_TYPES = ("image/png", "image/jpeg")
_WRITTEN_MODES = ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")
"""Modes of images that PNG has."""


@register("matplotlib", "Figure")
def _figure(name: str, figure: Any) -> Context:
    drawn = io.BytesIO()
    width, height = figure.get_size_inches()
    # A poster would take half a minute to draw, and models shrink it anyway.
    dots = min(figure.dpi, LONGEST_SIDE / max(width, height, 1e-9))
    figure.savefig(drawn, format="png", bbox_inches="tight", dpi=dots, metadata={"Software": None})
    return Context(name, parts=[ImagePart(drawn.getvalue(), key=_figure_key(figure))])


def _figure_key(figure: Any) -> str:
    """Return what was drawn: its texts and its data; the pixels depend on versions and fonts."""
    facts = list[Any]()
    for artist in figure.findobj():
        kind = type(artist).__name__
        for read in ("get_text", "get_xydata", "get_xy", "get_offsets", "get_array", "get_bbox"):
            if callable(getter := getattr(artist, read, None)):
                value = getter()
                facts.append((kind, read, getattr(value, "tolist", lambda value=value: value)()))
    return f"figure {fingerprint(stable(repr(facts)))}"


@register("matplotlib", "Artist")
def _artist(name: str, artist: Any) -> Context:
    figure = artist.get_figure()
    if figure is None:
        return Context(name, [Piece(repr(artist))])
    while getattr(figure, "figure", figure) is not figure:  # a figure inside another
        figure = figure.figure
    return _figure(name, figure)


@register("PIL", "Image")
def _picture(name: str, picture: Any) -> Context:
    if picture.mode == "F":
        low, high = picture.getextrema()
        scale = 255 / (high - low) if high > low else 0
        picture = picture.point(lambda value: value * scale - low * scale).convert("L")
    elif picture.mode == "I":
        picture = picture.convert("I;16")
    elif picture.mode == "La":
        picture = picture.convert("LA")
    elif picture.mode not in _WRITTEN_MODES:
        picture = picture.convert("RGBA" if "a" in picture.mode.lower() else "RGB")
    key = f"image {fingerprint(picture.mode, picture.size, picture.tobytes())}"
    if max(picture.size) > LONGEST_SIDE:
        picture = picture.copy()
        picture.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    saved = io.BytesIO()
    picture.save(saved, format="PNG")
    return Context(name, parts=[ImagePart(saved.getvalue(), key=key)])


@register("plotly", "BaseFigure")
def _plotly(name: str, figure: Any) -> Context:
    if find_spec("kaleido"):
        return Context(name, parts=[ImagePart(figure.to_image(format="png"), is_drawn=True)])
    return _chart(name, "application/vnd.plotly.v1+json", figure.to_dict())


@register("altair", "TopLevelMixin")
def _altair(name: str, chart: Any) -> Context:
    altair = sys.modules["altair"]
    with altair.data_transformers.disable_max_rows():
        if find_spec("vl_convert"):
            drawn = io.BytesIO()
            chart.save(drawn, format="png")
            return Context(name, parts=[ImagePart(drawn.getvalue(), is_drawn=True)])
        return _chart(name, "application/vnd.vegalite+json", chart.to_dict())


@register("IPython", "Image")
def _displayed(name: str, image: Any) -> Context:
    if not isinstance(image.data, bytes):
        raise CellError(
            f"'{name}' only links to an image, which is not loaded. Create it with embed=True."
        )
    return Context(name, parts=[ImagePart(image.data, f"image/{image.format}")])


def show_itself(name: str, value: Any) -> Context | None:
    """Return the picture that an object draws of itself, or of each of its elements.

    Args:
        name: the object's name.
        value: an object without a describer of its own.

    Returns:
        Its context; None if it has no picture.
    """
    if elements := list(_elements(value)):
        return _pictures(name, value, elements)
    if isinstance(value, type):
        return None
    for method, kind in (("_repr_png_", "image/png"), ("_repr_jpeg_", "image/jpeg")):
        if data := _drawn(value, method):
            return Context(name, parts=[ImagePart(data, kind, is_drawn=True)])
    return _from_bundle(name, value)


def _elements(value: Any) -> Iterator[Any]:
    """Yield the elements of a list or an array in which each is drawn by matplotlib or PIL."""
    if type(value).__name__ == "ndarray" and value.dtype == object and value.size:
        found = list(value.flat)
    elif isinstance(value, list | tuple) and value:
        found = list(value)
    elif isinstance(value, dict) and value:
        found = list(value.values())
    else:
        return
    if all(_root(element) in ("matplotlib", "PIL") for element in found):
        yield from found


def _root(value: Any) -> str:
    return type(value).__module__.partition(".")[0]


def _pictures(name: str, value: Any, elements: list[Any]) -> Context:
    parts = list[ImagePart | FilePart]()
    figures = list[Any]()
    for element in elements:
        figure = element.get_figure() if hasattr(element, "get_figure") else element
        if any(figure is known for known in figures):
            continue  # several axes of one figure are one picture
        figures.append(figure)
        if len(parts) < MOST_PICTURES:
            draw = _picture if _root(element) == "PIL" else _artist
            parts += draw(name, element).parts
    left = len(figures) - len(parts)
    cut = [f"{left} more pictures"] if left > 0 else []
    title = f"{type(value).__name__} of {len(elements)} elements, {len(figures)} pictures"
    return Context(name, [Piece(title)], parts, cut)


def _drawn(value: Any, method: str) -> bytes | None:
    draw = getattr(value, method, None)
    data = draw() if callable(draw) else None
    data = data[0] if isinstance(data, tuple) and data else data  # with its metadata
    if isinstance(data, str):
        data = b64decode(data)
    return data if isinstance(data, bytes) and data else None


def _from_bundle(name: str, value: Any) -> Context | None:
    draw = getattr(value, "_repr_mimebundle_", None)
    bundle = draw(include=None, exclude=None) if callable(draw) else None
    bundle = bundle[0] if isinstance(bundle, tuple) and bundle else bundle
    if not isinstance(bundle, Mapping):
        return None
    for kind in _SENT_TYPES:
        if data := bundle.get(kind):
            drawn = b64decode(data) if isinstance(data, str) else data
            return Context(name, parts=[ImagePart(drawn, kind, is_drawn=True)])
    for kind, data in bundle.items():
        if str(kind).endswith("json") and isinstance(data, Mapping):
            return _chart(name, str(kind), data)
    return None


def _chart(name: str, kind: str, data: Mapping[str, Any]) -> Context:
    cut: list[str] = []
    text = json.dumps(_thinned(data, cut), ensure_ascii=False, default=str)
    pieces = [Piece(f"a chart in the form {kind}"), Piece(text, Rank.SAMPLE, "the chart's form")]
    return Context(name, pieces, cut=cut[:1])


def _thinned(value: Any, cut: list[str], depth: int = 0) -> Any:
    """Shorten long lists, so that a chart's form stays readable."""
    if depth > 20:
        return "..."
    if isinstance(value, Mapping):
        # A plotly template is its theme: thousands of colours.
        return {
            str(key): _thinned(inner, cut, depth + 1)
            for key, inner in value.items()
            if key != "template"
        }
    if isinstance(value, list | tuple):
        if len(value) > LONGEST_SERIES:
            cut.append(f"all but the first {LONGEST_SERIES} values of long series")
        return [_thinned(inner, cut, depth + 1) for inner in value[:LONGEST_SERIES]]
    if type(value).__name__ == "ndarray":
        return _thinned(value[: LONGEST_SERIES + 1].tolist(), cut, depth + 1)
    return value
