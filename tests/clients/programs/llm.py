"""A program: the ``llm`` library, with chat completions and with responses."""

from __future__ import annotations

import base64
from typing import Any

import llm
import openai
import pytest
from llm.default_plugins.openai_models import Chat, Responses

from ..task import Greeting, Task, run


def model(task: Task, name: str | None = None) -> Any:
    kind = Responses if task.api == "responses" else Chat
    return kind(
        "campus",
        model_name=name or task.model,
        api_base=task.address,
        key=task.key,
        vision=True,
        supports_schema=True,
        supports_tools=True,
    )


def plain(task: Task) -> None:
    answer = model(task).prompt(task.questions["plain"], stream=False)
    assert answer.text()
    assert answer.usage().output > 0


def streamed(task: Task) -> None:
    assert "".join(model(task).prompt(task.questions["streamed"]))


def ask_weather(task: Task, scenario: str, is_stream: bool) -> None:
    def weather(city: str) -> str:
        """Look up the weather."""
        assert city == "Segovia"
        return task.weather

    chain = model(task).chain(task.questions[scenario], tools=[weather], stream=is_stream)
    assert chain.text() == "Hello"


def tool(task: Task) -> None:
    ask_weather(task, "tool", is_stream=False)


def streamed_tool(task: Task) -> None:
    ask_weather(task, "streamed_tool", is_stream=True)


def schema(task: Task) -> None:
    answer = model(task).prompt(task.questions["schema"], schema=Greeting, stream=False)
    assert Greeting.model_validate_json(answer.text()) == Greeting(greeting="Hello", count=2)


def show(task: Task, scenario: str, data: str, kind: str) -> None:
    """Ask about a picture or a file."""
    attachment = llm.Attachment(type=kind, content=base64.b64decode(data))
    answer = model(task).prompt(task.questions[scenario], attachments=[attachment], stream=False)
    assert answer.text() == "Hello"


def image(task: Task) -> None:
    show(task, "image", task.image, "image/png")


def file(task: Task) -> None:
    show(task, "file", task.pdf, "application/pdf")


def cancel(task: Task) -> None:
    parts = iter(model(task).prompt(task.questions["cancel"]))
    while next(parts) != "Once":
        pass
    parts.close()  # type: ignore[attr-defined]


def error(task: Task) -> None:
    with pytest.raises((llm.ModelError, openai.NotFoundError), match="no-such-model"):
        model(task, "no-such-model").prompt(task.questions["error"], stream=False).text()


if __name__ == "__main__":
    run(plain, streamed, tool, streamed_tool, schema, image, file, cancel, error)
