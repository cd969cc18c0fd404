"""The end of what a process has written: untrusted text, kept short and shown safely."""

from __future__ import annotations

from dataclasses import dataclass

from ...protocol.plain_text import plain_text

__all__ = ["OUTPUT_BYTES", "LastOutput"]

OUTPUT_BYTES = 2000
"""Bytes of a process's output that are kept."""


@dataclass(frozen=True, slots=True)
class LastOutput:
    """The last output of a process, shown as one printable line.

    Attributes:
        raw: the output as it came, at most ``OUTPUT_BYTES``.
    """

    raw: bytes = b""

    def __str__(self) -> str:
        return _printable(self.raw)

    @property
    def line(self) -> str:
        """Its last line: in a traceback, the error."""
        return _printable((self.raw.strip().splitlines() or [b""])[-1])

    def then(self, data: bytes) -> LastOutput:
        """Return the last output after more was written."""
        return LastOutput((self.raw + data)[-OUTPUT_BYTES:])


def _printable(output: bytes) -> str:
    return plain_text(output.decode(errors="replace"), OUTPUT_BYTES)
