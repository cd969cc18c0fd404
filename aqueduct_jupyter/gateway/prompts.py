"""The prompts that an administrator ships: names and texts, which the chat offers after a slash.

Users' own prompts are in JupyterLab's settings; nothing here knows them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints, TypeAdapter, ValidationError

__all__ = ["read_prompts"]

MOST_PROMPTS = 200
LONGEST_NAME = 80
LONGEST_TEXT = 20_000
"""Limits, in characters: every page loads all of them."""


def _printable(name: str) -> str:
    if not name.isprintable():
        raise ValueError("a name must be one printable line")
    return name


_NAME = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=LONGEST_NAME),
    AfterValidator(_printable),
]
_TEXT = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_TEXT)]
_PROMPTS = TypeAdapter(Annotated[dict[_NAME, _TEXT], Field(max_length=MOST_PROMPTS)])


def read_prompts(configured: object, section: str = "AqueductApp") -> Mapping[str, str]:
    """Read ``c.AqueductApp.prompts``.

    Args:
        configured: what the operator wrote.
        section: the name of the configuration's section, for messages.

    Raises:
        ValueError: it is not names and texts, or one of them is empty or too long; the message
            names the prompt.
    """
    try:
        return _PROMPTS.validate_python(configured)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        steps = [str(step) for step in first["loc"] if step != "[key]"]
        where = ".".join(["prompts", *steps])
        raise ValueError(f"{section}.{where}: {first['msg']}.") from None
