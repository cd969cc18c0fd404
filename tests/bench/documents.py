"""What reading a document costs, for each format: seconds a MB, beside other readers.

The documents are those of ``make corpus``. Each reader has a process of its own, which has read the
format before it is timed. Only documents count that are read by all who know the format.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path, PurePath

from aqueduct_jupyter.gateway.documents.reader import DocumentReader
from aqueduct_jupyter.protocol.errors import DocumentError

from ..corpus.others import Other, installed
from ..corpus.sources import Document, documents, fetch

__all__ = ["measure_documents"]

BUILD = Path(__file__).parents[2] / "build"
CORPUS, READERS = BUILD / "corpus", BUILD / "readers"

MOST_DOCUMENTS = 8
"""Documents of one format."""

MOST_BYTES = 2**20
"""Size of a document."""


def measure_documents() -> Iterator[str]:
    """Give a line for each format."""
    fetch(CORPUS)
    by_kind: dict[str, list[Document]] = defaultdict(list)
    for document in documents(CORPUS):
        if len(document.data) <= MOST_BYTES:
            by_kind[document.kind].append(document)
    loop = asyncio.Runner()
    reader = DocumentReader(workers=1, timeout=60.0, cache_bytes=0)
    others = {name: Other(name, READERS) for name in installed(READERS)}
    readers: dict[str, Callable[[Document], bool]] = {
        "ours": lambda document: loop.run(_reads(reader, document)),
        **{
            name: lambda document, other=other: other.reads(document.data, document.name)  # type: ignore[misc]  # mypy cannot infer a default of a lambda
            for name, other in others.items()
        },
    }
    try:
        for kind, found in sorted(by_kind.items()):
            yield _line(kind, found[:MOST_DOCUMENTS], readers)
    finally:
        loop.run(reader.close())
        loop.close()
        for other in others.values():
            other.close()


def _line(kind: str, found: list[Document], readers: dict[str, Callable[[Document], bool]]) -> str:
    can = {name: [reads(document) for document in found] for name, reads in readers.items()}
    readers = {name: reads for name, reads in readers.items() if any(can[name])}
    read = [
        document
        for place, document in enumerate(found)
        if all(can[name][place] for name in readers)
    ]
    megabytes = sum(len(document.data) for document in read) / 2**20
    if not megabytes:
        return f"{kind}: of {len(found)} documents, none is read by all of {', '.join(readers)}"
    seconds = {}
    for name, reads in readers.items():
        begun = time.perf_counter()
        for document in read:
            reads(document)
        seconds[name] = (time.perf_counter() - begun) / megabytes
    ours = seconds["ours"]
    shown = [f"{name} {one:.2f} ({ours / one:.2f})" for name, one in seconds.items()]
    return (
        f"{kind}, {len(read)} documents, {megabytes:.2f} MB: seconds a MB (ours is this many "
        f"times as much): {', '.join(shown)}"
    )


async def _reads(reader: DocumentReader, document: Document) -> bool:
    try:
        text = await reader.read(
            document.data,
            filename=PurePath(document.name).name,
            media_type="",
            sha256=hashlib.sha256(document.data).hexdigest(),
        )
    except DocumentError:
        return False
    return bool(text)
