"""``make corpus``: our reader, and others that are installed, on real documents; prints a table."""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import mimetypes
import re
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path, PurePath

from aqueduct_jupyter.gateway.documents.reader import DocumentReader
from aqueduct_jupyter.protocol.errors import DocumentError

from .others import Other, installed
from .sources import Document, documents, fetch

__all__: list[str] = []

FOLDER = Path(__file__).parents[2] / "build" / "corpus"
_IN_PART = re.compile(
    r"\[Page \d+ (?:has no text|cannot be read)|, not read\]|not stored in it|are not read; values"
)


@dataclass(slots=True)
class _Results:
    """What became of the documents of one format."""

    files: int = 0
    megabytes: float = 0.0
    seconds: float = 0.0
    peak_megabytes: int = 0
    whole: int = 0
    in_part: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    failed: list[str] = field(default_factory=list)
    others: Counter[str] = field(default_factory=Counter)


async def _read(reader: DocumentReader, document: Document, results: _Results) -> None:
    media_type = mimetypes.guess_type(document.name)[0] or ""
    start = time.perf_counter()
    try:
        text = await reader.read(
            document.data,
            filename=PurePath(document.name).name,
            media_type=media_type,
            sha256=hashlib.sha256(document.data).hexdigest(),
        )
    except DocumentError as error:
        reason = str(error.__cause__)
        results.refused[reason] += 1
        if reason in ("broken", "crash", "memory", "timeout"):
            results.failed.append(f"{reason}: {document.name}")
    else:
        is_in_part = _IN_PART.search(text) is not None
        results.in_part += is_in_part
        results.whole += not is_in_part
    results.seconds += time.perf_counter() - start
    results.files += 1
    results.megabytes += len(document.data) / 2**20
    results.peak_megabytes = max([results.peak_megabytes, *_peaks(reader)])


def _peaks(reader: DocumentReader) -> Iterable[int]:
    """Yield the peak memory of the reader's processes."""
    for child in reader._pool._readers:
        status = Path(f"/proc/{child.child.process_id}/status")
        if status.exists() and (peak := re.search(r"VmHWM:\s+(\d+)", status.read_text())):
            yield int(peak[1]) // 1024


async def _compare(folder: Path, others: dict[str, Other]) -> dict[str, _Results]:
    every: dict[str, _Results] = defaultdict(_Results)
    by_kind: dict[str, list[Document]] = defaultdict(list)
    for document in documents(folder):
        by_kind[document.kind].append(document)
    for kind, found in sorted(by_kind.items()):
        # A new process for each format, so that its peak is that format's.
        reader = DocumentReader(workers=1, timeout=60.0)
        try:
            for document in found:
                await _read(reader, document, every[kind])
                for name, other in others.items():
                    is_read = await asyncio.to_thread(other.reads, document.data, document.name)
                    every[kind].others[name] += is_read
        finally:
            await reader.close()
    for other in others.values():
        other.close()
    return every


def _print(every: dict[str, _Results], names: list[str]) -> None:
    heads = ["format", "files", "whole", "in part", "refused", "s/MB", "peak MB", *names]
    print(f"| {' | '.join(heads)} |\n|{' --- |' * len(heads)}")
    for kind, one in every.items():
        reasons = ", ".join(f"{count} {reason}" for reason, count in one.refused.most_common())
        speed = one.seconds / one.megabytes if one.megabytes else 0.0
        numbers = [one.files, one.whole, one.in_part, reasons or 0, f"{speed:.1f}"]
        cells = [kind, *numbers, one.peak_megabytes, *(one.others[name] for name in names)]
        print(f"| {' | '.join(map(str, cells))} |")
    print()
    for one in every.values():
        for name in one.failed:
            print(name)


def main() -> None:
    """Fetch the corpus, read it, and print what came of it."""
    parser = argparse.ArgumentParser(description=sys.modules[__name__].__doc__)
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where the packages are kept")
    parser.add_argument("--others", type=Path, help="where other readers are installed")
    options = parser.parse_args()
    fetch(options.folder)
    others = {name: Other(name, options.others) for name in installed(options.others)}
    _print(asyncio.run(_compare(options.folder, others)), list(others))


if __name__ == "__main__":
    main()
