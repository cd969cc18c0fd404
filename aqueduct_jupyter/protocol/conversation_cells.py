"""A turn of a conversation -> the cells of a notebook that reads like one.

A question is a Markdown cell with its attachments; the prose of an answer is Markdown, its code is
code.
The first cell keeps the whole turn in its metadata, which :mod:`.exports` reads again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from .code_blocks import cell_source, language_of
from .conversation import Turn
from .formulas import with_dollar_signs, with_plain_dollars
from .plain_text import as_markdown
from .safe_markdown import safe_markdown

__all__ = ["METADATA", "cells_of"]

METADATA = "aqueduct"
"""The key in a cell's metadata that holds a turn."""

LONGEST_SPLIT = 50_000
"""The longest answer whose code becomes cells, in characters; a longer one is one Markdown cell."""

_IMAGE = re.compile(r"data:(image/(?:png|jpeg|gif|webp));base64,([A-Za-z0-9+/=\s]+)")
_CONTEXT = re.compile(r"<([^>\n]{1,1000})>\n")
_ENDINGS = {"length": "cut off at the most tokens", "content_filter": "ended by the filter"}


def cells_of(turn: Turn, number: int) -> list[dict[str, Any]]:
    """Return the cells of a turn in nbformat 4.5.

    Args:
        turn: the turn.
        number: its place in the conversation, from 0, which makes the cells' ids.
    """
    who = f"**{as_markdown(turn.model) or 'Model'}**"
    cells = [_question(turn)]
    for kind, text in _split(turn.answer):
        if kind == "code":
            cells.append(_code(text))
        else:
            cells.append(_markdown(with_plain_dollars(safe_markdown(with_dollar_signs(text)))))
    if ending := _ending(turn):
        cells.append(_markdown(f"*{as_markdown(ending, len(ending) + 1)}*"))
    if len(cells) > 1 and cells[1]["cell_type"] == "markdown":
        cells[1]["source"] = f"{who}\n\n{cells[1]['source']}"
    elif len(cells) > 1:
        cells.insert(1, _markdown(who))
    return [{"id": f"turn-{number}-{place}", **cell} for place, cell in enumerate(cells)]


def _question(turn: Turn) -> dict[str, Any]:
    attachments, names = _attached(turn)
    source = f"**You**\n\n{safe_markdown(turn.prompt)}"
    if names:
        source += "\n\n" + "\n\n".join(names)
    cell = _markdown(source)
    cell["metadata"] = {METADATA: asdict(turn)}
    if attachments:
        cell["attachments"] = attachments
    return cell


def _attached(turn: Turn) -> tuple[dict[str, dict[str, str]], list[str]]:
    """Return the images as attachments of the cell, and Markdown that shows or names each part."""
    images: dict[str, dict[str, str]] = {}
    names = []
    for part in [] if isinstance(turn.content, str) else turn.content[:-1]:
        url = part.get("image_url")
        address = url.get("url") if isinstance(url, dict) else None
        image = _IMAGE.fullmatch(address) if isinstance(address, str) else None
        if image:
            name = f"image-{len(images) + 1}.{image[1].removeprefix('image/')}"
            images[name] = {image[1]: image[2]}
            names.append(f"![{name}](attachment:{name})")
        else:
            names.append(f"*Attached: {as_markdown(_name_of(part)) or 'a part without a name'}*")
    return images, names


def _name_of(part: dict[str, Any]) -> object:
    file = part.get("file")
    if isinstance(file, dict):
        return file.get("filename") or file.get("file_id")
    context = _CONTEXT.match(part["text"]) if isinstance(part.get("text"), str) else None
    return context[1] if context else "image" if "image_url" in part else None


def _split(answer: str) -> Iterator[tuple[str, str]]:
    """Split an answer into prose and the code that a cell could run, in their order."""
    from markdown_it import MarkdownIt

    if len(answer) > LONGEST_SPLIT:
        yield "markdown", answer
        return
    # The lines that markdown-it counts.
    answer = answer.replace("\r\n", "\n").replace("\r", "\n")
    lines = [f"{line}\n" for line in answer.split("\n")]
    read = 0
    for token in MarkdownIt().disable("inline").parse(answer):
        if token.type != "fence" or token.level or token.map is None:
            continue
        start, end = token.map
        source = cell_source(token.content, language_of(token.info))
        if source is None:
            continue
        if prose := "".join(lines[read:start]).strip():
            yield "markdown", prose
        yield "code", source.removesuffix("\n")
        read = end
    if prose := "".join(lines[read:]).strip():
        yield "markdown", prose


def _ending(turn: Turn) -> str:
    """Return how an answer ended, if it did so early, and the notes on it."""
    early = turn.error or ("" if turn.state == "whole" else turn.state)
    return " \u00b7 ".join(
        filter(None, [early, _ENDINGS.get(turn.finish_reason or ""), *turn.notes])
    )


def _code(source: str) -> dict[str, Any]:
    fields: dict[str, Any] = {"execution_count": None, "outputs": []}
    return {"cell_type": "code", "metadata": {}, "source": source, **fields}


def _markdown(source: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "metadata": {}, "source": source}
