"""Presentations: slides in the order of the show, each with what belongs to it."""

from __future__ import annotations

import io
from typing import Any

from pptx import Presentation
from pptx.chart.data import CategoryChartData
from pptx.enum.chart import XL_CHART_TYPE
from pptx.util import Inches

from aqueduct_jupyter.gateway.documents.text import read

from . import samples


def written(presentation: Any) -> str:
    file = io.BytesIO()
    presentation.save(file)
    return read("pptx", file.getvalue())


def slides(*titles: str) -> Any:
    presentation = Presentation()
    for title in titles:
        slide = presentation.slides.add_slide(presentation.slide_layouts[5])
        slide.shapes.title.text = title
    return presentation


def test_notes_stand_with_their_slide_and_slides_in_the_order_of_the_show() -> None:
    presentation = slides("First", "Second", "Third")
    presentation.slides[2].notes_slide.notes_text_frame.text = "note of the third"
    ids = presentation.slides._sldIdLst
    ids.insert(0, list(ids)[2])
    assert written(presentation) == (
        "## Slide 1: Third\n\nNotes: note of the third\n\n## Slide 2: First\n\n## Slide 3: Second"
    )


def test_tables_groups_links_and_hidden_slides() -> None:
    presentation = slides("One", "R&D 5 < 7")
    slide = presentation.slides[1]
    slide._element.set("show", "0")
    grid = slide.shapes.add_table(2, 2, 0, 0, Inches(3), Inches(2)).table
    for (row, column), text in {(0, 0): "a|b", (0, 1): "head", (1, 1): "x\ny"}.items():
        grid.cell(row, column).text = text
    box = slide.shapes.add_group_shape().shapes.add_textbox(0, 0, Inches(1), Inches(1))
    box.text_frame.text = "in a group "
    run = box.text_frame.paragraphs[0].add_run()
    run.text = "link"
    run.hyperlink.address = "https://x.invalid/a"
    picture = slide.shapes.add_picture(io.BytesIO(samples.png()), 0, 0)
    picture._element.nvPicPr.cNvPr.set("descr", "a grey dot")
    text = written(presentation)
    assert "## Slide 2 (hidden): R&D 5 < 7" in text
    assert "| a\\|b | head |\n| --- | --- |\n|  | x<br>y |" in text
    assert "in a group [link](https://x.invalid/a)" in text
    assert "[Picture: a grey dot]" in text


def test_a_chart_is_its_numbers() -> None:
    presentation = slides("Sales")
    data = CategoryChartData()
    data.categories = ["Q1", "Q2"]
    data.add_series("North", (1, 2.5))
    data.add_series("South", (3, None))
    place = (0, 0, Inches(3), Inches(3))
    shapes = presentation.slides[0].shapes
    chart = shapes.add_chart(XL_CHART_TYPE.COLUMN_CLUSTERED, *place, data).chart
    chart.has_title = True
    chart.chart_title.text_frame.text = "By region"
    chart.value_axis.has_title = True
    chart.value_axis.axis_title.text_frame.text = "million"
    assert (
        "[Chart: By region]\nAxes: million\n"
        "|  | North | South |\n| --- | --- | --- |\n| Q1 | 1 | 3 |\n"
        "| Q2 | 2.5 |  |"
    ) in written(presentation)


def test_levels_of_labels_are_joined() -> None:
    presentation = slides("Sales")
    data = CategoryChartData()
    for region, quarters in {"North": "12", "South": "12"}.items():
        category = data.add_category(region)
        for quarter in quarters:
            category.add_sub_category(f"Q{quarter}")
    data.add_series("Sum", (1, 2, 3, 4))
    place = (0, 0, Inches(3), Inches(3))
    presentation.slides[0].shapes.add_chart(XL_CHART_TYPE.BAR_CLUSTERED, *place, data)
    text = written(presentation)
    assert "| North Q1 | 1 |\n| North Q2 | 2 |\n| South Q1 | 3 |\n| South Q2 | 4 |" in text
