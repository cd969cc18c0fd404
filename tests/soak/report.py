"""How soaks tell what they found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from .measures import Held

__all__ = ["MIB", "counted", "grown", "judged", "say", "some"]

MIB = 2**20
SHOWN = 6
"""How many sentences of one kind are shown."""


def say(sentence: str) -> None:
    """Print a sentence at once."""
    print(sentence, flush=True)


def counted(counter: Counter[str]) -> str:
    """Write what was counted, the most frequent first."""
    return ", ".join(f"{name} {count}" for name, count in counter.most_common())


def some(what: str, sentences: Sequence[str]) -> Iterator[str]:
    """Give the first sentences of one kind, and how many more there are."""
    yield from (f"{what}: {sentence}" for sentence in sentences[:SHOWN])
    if len(sentences) > SHOWN:
        yield f"{what}: and {len(sentences) - SHOWN} more"


def grown(warm: Held, end: Held, *, memory: float, files: int, threads: int) -> Iterator[str]:
    """Give a sentence for everything that a process holds more of than it may.

    Args:
        warm: what it held after the warm-up.
        end: what it holds at the end.
        memory: the largest ratio of its memory.
        files: how many descriptors more it may have.
        threads: how many threads more.
    """
    if end.memory > warm.memory * memory:
        yield f"memory grew from {warm.memory / MIB:.1f} to {end.memory / MIB:.1f} MB"
    if end.files > warm.files + files:
        yield f"file descriptors grew from {warm.files} to {end.files}"
    if end.threads > warm.threads + threads:
        yield f"threads grew from {warm.threads} to {end.threads}"


def judged(found: Sequence[str]) -> int:
    """Print what is wrong, and give the exit code."""
    for sentence in found:
        print(f"WRONG: {sentence}")
    print(f"{len(found)} things are wrong" if found else "everything is as it should be")
    return 1 if found else 0
