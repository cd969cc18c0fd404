"""This file is the rules for files of purpose ``batch``: one named request in each line.

Nothing here runs a batch; the rules are checked at the upload, where they can still be mended.
Source: the Batch API of OpenAI, "input file".
"""

from __future__ import annotations

import json
from pathlib import Path

from ...protocol.errors import InvalidRequestError

__all__ = ["check_batch_file"]

LONGEST_LINE = 16 * 2**20


def check_batch_file(path: Path, filename: str) -> None:
    """Check a batch file, line by line.

    Args:
        path: where its bytes lie.
        filename: the name that the client gave it.

    Raises:
        InvalidRequestError: it is no ``.jsonl``, or a line is no JSON object with a
            ``custom_id`` of its own; the message names the line.
        OSError: it cannot be read.
    """
    if not filename.lower().endswith(".jsonl"):
        raise _error(f"A batch file ends with .jsonl, and '{filename}' does not.")
    first_lines: dict[str, int] = {}
    with path.open("rb") as file:
        number = 0
        while line := file.readline(LONGEST_LINE + 1):
            number += 1
            if len(line) > LONGEST_LINE:
                raise _error(f"Line {number} is longer than {LONGEST_LINE} bytes.")
            if not line.strip():
                continue
            name = _read_name(line, number)
            earlier = first_lines.setdefault(name, number)
            if earlier != number:
                raise _error(
                    f"Line {number} has the custom_id of line {earlier}; each needs its own."
                )
    if not first_lines:
        raise _error("The file has no line; a batch has one JSON object in each.")


def _read_name(line: bytes, number: int) -> str:
    try:
        request = json.loads(line)
    except (ValueError, RecursionError):
        raise _error(f"Line {number} is not JSON.") from None
    name = request.get("custom_id") if isinstance(request, dict) else None
    if not isinstance(name, str) or not name:
        raise _error(f"Line {number} has no custom_id: a text that names this request.")
    return name


def _error(message: str) -> InvalidRequestError:
    return InvalidRequestError(f"The batch file was not stored. {message}", param="file")
