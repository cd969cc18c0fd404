"""This file reads the samples that the front end's tests read as well."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

__all__ = ["sample"]


def sample(name: str) -> Any:
    """Give what is in a file of tests/samples."""
    return json.loads((Path(__file__).parent / "samples" / name).read_text())
