"""The rules for files of purpose ``batch``: one request with an id per line.

Batches are not run here. The rules are checked at the upload, so that errors are found early.
Source: OpenAI's Batch API, "input file".
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
        path: the file.
        filename: its name from the client.

    Raises:
        InvalidRequestError: the name does not end with ``.jsonl``, or a line is not a JSON object
            with a unique ``custom_id``; the message names the line.
        OSError: the file cannot be read.
    """
    if not filename.lower().endswith(".jsonl"):
        raise _error(f"The name '{filename}' does not end with .jsonl.")
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
                    f"Line {number} has the same custom_id as line {earlier}; each must be unique."
                )
    if not first_lines:
        raise _error("The file is empty; it needs one JSON object per line.")


def _read_name(line: bytes, number: int) -> str:
    try:
        request = json.loads(line)
    except (ValueError, RecursionError):
        raise _error(f"Line {number} is not valid JSON.") from None
    name = request.get("custom_id") if isinstance(request, dict) else None
    if not isinstance(name, str) or not name:
        raise _error(f"Line {number} has no custom_id: a string that identifies the request.")
    return name


def _error(message: str) -> InvalidRequestError:
    return InvalidRequestError(f"The batch file was not stored. {message}", param="file")
