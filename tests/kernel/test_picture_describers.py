"""What has a picture is sent as a picture; a chart that cannot draw itself, as its data."""

from __future__ import annotations

import base64
from typing import Any

import altair as alt
import matplotlib as mpl
import pandas as pd
import plotly.graph_objects as go
import pytest
from PIL import Image

from aqueduct_jupyter.kernel.context import Context, ImagePart
from aqueduct_jupyter.kernel.describers import describe
from aqueduct_jupyter.kernel.picture_describers import LONGEST_SIDE, MOST_PICTURES

mpl.use("Agg")

import matplotlib.pyplot as plt

PNG = b"\x89PNG\r\n\x1a\n"


def pictures(found: Context) -> list[bytes]:
    assert all(isinstance(part, ImagePart) for part in found.parts)
    return [part.data for part in found.parts if isinstance(part, ImagePart)]


@pytest.fixture
def figure() -> Any:
    made, axes = plt.subplots(2, 2)
    axes[0, 0].plot([1, 2])
    yield made
    plt.close("all")


def test_a_figure_its_axes_and_a_picture_are_images(figure: Any) -> None:
    lines = figure.axes[0].plot([1, 2])
    bars = figure.axes[1].bar([1], [2])
    for value in (figure, figure.axes[0], lines[0], lines, bars, Image.new("RGB", (2, 2))):
        (data,) = pictures(describe("fig", value))
        assert data.startswith(PNG)


def test_a_picture_does_not_depend_on_the_library(figure: Any) -> None:
    (data,) = pictures(describe("fig", figure))
    assert b"Software" not in data


def test_arrays_and_lists_of_figures_are_their_pictures(figure: Any) -> None:
    other = plt.figure()
    _, axes = plt.subplots(2, 2)
    # The axes of one figure are one picture.
    assert len(pictures(describe("axs", axes))) == 1
    assert len(pictures(describe("figs", [figure, other]))) == 2
    assert len(pictures(describe("figs", {"a": figure, "b": other}))) == 2
    assert len(pictures(describe("both", (figure, figure.axes[0])))) == 1
    many = describe("many", [Image.new("L", (1, 1)) for _ in range(MOST_PICTURES + 3)])
    assert len(pictures(many)) == MOST_PICTURES
    assert "left out: 3 more pictures" in many.text


@pytest.mark.parametrize(
    "mode",
    [
        *("1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr"),
        *("LAB", "HSV", "I", "F", "I;16"),
    ],
)
def test_images_of_any_mode_are_sent(mode: str) -> None:
    (data,) = pictures(describe("i", Image.new(mode, (2, 2))))
    assert data.startswith(PNG)


def test_an_image_of_floats_keeps_its_shades() -> None:
    image = Image.new("F", (2, 1))
    image.putdata([-3.0, 5.0])
    (data,) = pictures(describe("i", image))
    import io

    assert list(Image.open(io.BytesIO(data)).tobytes()) == [0, 255]


class Shown:
    def __init__(self, **methods: Any) -> None:
        for name, value in methods.items():
            setattr(self, name, lambda value=value, **_: value)


@pytest.mark.parametrize(
    "value",
    [
        Shown(_repr_png_=PNG),
        Shown(_repr_png_=base64.b64encode(PNG).decode()),
        Shown(_repr_png_=(PNG, {"width": 1})),
        Shown(_repr_jpeg_=PNG),
        Shown(_repr_mimebundle_={"image/png": PNG}),
        Shown(_repr_mimebundle_=({"image/png": base64.b64encode(PNG).decode()}, {})),
        Shown(_repr_png_=None, _repr_mimebundle_={"image/jpeg": PNG}),
    ],
)
def test_what_shows_itself_as_a_picture_is_one(value: Any) -> None:
    assert pictures(describe("x", value)) == [PNG]


def test_what_draws_nothing_is_its_text() -> None:
    found = describe("x", Shown(_repr_png_=None, _repr_mimebundle_={"text/html": "<b>"}))
    assert found.parts == []
    assert "Shown" in found.text


def test_charts_are_sent_as_their_data(monkeypatch: pytest.MonkeyPatch) -> None:
    scatter = go.Figure(go.Scatter(x=list(range(500)), y=[7] * 500, name="arches"))
    scatter.update_layout(title="Bridges")
    rows = pd.DataFrame({"year": range(500), "arches": range(500)})
    chart = alt.Chart(rows, title="Bridges").mark_line().encode(x="year", y="arches")
    for value in (scatter, chart):
        text = describe("chart", value).text
        assert "a chart in the form application/vnd." in text
        assert "Bridges" in text
        assert "arches" in text
        assert "left out: all but the first 20 values of long series" in text
        assert len(text) < 5000


def test_a_poster_is_drawn_small() -> None:
    import io

    figure = plt.figure(figsize=(300, 200))
    figure.add_subplot().plot([1, 2])
    huge = Image.new("RGB", (3 * LONGEST_SIDE, 10))
    for value in (figure, huge):
        (data,) = pictures(describe("x", value))
        assert max(Image.open(io.BytesIO(data)).size) <= LONGEST_SIDE + 100
    assert huge.size == (3 * LONGEST_SIDE, 10)
    plt.close(figure)
