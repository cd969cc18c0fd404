"""What a client's program is given to do, and how it tells what it did.

The programs are in :mod:`.programs`, each in a process and an environment of its own. What reached
the upstream is left to the tests.
"""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, Field

__all__ = ["Greeting", "Task", "run"]


class Greeting(BaseModel):
    """What a structured answer holds."""

    greeting: str = Field(description="The word of greeting.")
    count: int = Field(description="How often it is said.")


@dataclass(frozen=True)
class Task:
    """What a program is given.

    Args:
        address: the server's address, with ``/v1``.
        key: the token or key for it.
        model: the model that is asked.
        api: the API that is to be used: ``chat``, ``responses`` or ``messages``.
        scenarios: what is to be done; each is a function of the program.
        questions: what is asked in each of them.
        weather: what the tool gives.
        image: a PNG file in base64.
        pdf: a PDF file in base64.
        file_id: the id of one that is uploaded.
    """

    address: str
    key: str
    model: str
    api: str
    scenarios: list[str]
    questions: dict[str, str]
    weather: str
    image: str
    pdf: str
    file_id: str

    @property
    def root(self) -> str:
        """The address as Anthropic's clients want it, without ``/v1``."""
        return self.address.removesuffix("/v1")


def run(*scenarios: Callable[[Task], Any]) -> None:
    """Do what the first argument says, and print for each scenario what went wrong, or null."""
    task = Task(**json.loads(sys.argv[1]))
    known = {scenario.__name__: scenario for scenario in scenarios}
    for name in task.scenarios:
        error = None
        try:
            known[name](task)
        except Exception:
            error = traceback.format_exc()
        print(json.dumps({"scenario": name, "error": error}), flush=True)
