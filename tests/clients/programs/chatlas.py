"""A program: chatlas, with responses, its default, with chat completions and with messages."""

from __future__ import annotations

import base64
import warnings
from typing import Any

import anthropic
import openai
import pytest
from chatlas import (
    Chat,
    ChatAnthropic,
    ChatOpenAI,
    ChatOpenAICompletions,
    StreamController,
)
from chatlas.types import ContentImageInline, ContentPDF, ContentUploaded

from ..task import Greeting, Task, run


def chat(task: Task, model: str | None = None) -> Chat[Any, Any]:
    model = model or task.model
    if task.api == "messages":
        options: Any = {"base_url": task.root, "max_retries": 0}
        return ChatAnthropic(model=model, api_key=task.key, kwargs=options)
    make: Any = ChatOpenAI if task.api == "responses" else ChatOpenAICompletions
    with warnings.catch_warnings(action="ignore"):  # that few services have responses
        made: Chat[Any, Any] = make(
            model=model, base_url=task.address, api_key=task.key, kwargs={"max_retries": 0}
        )
    return made


def plain(task: Task) -> None:
    assert str(chat(task).chat(task.questions["plain"], echo="none", stream=False))


def streamed(task: Task) -> None:
    assert "".join(chat(task).stream(task.questions["streamed"])).strip()


def with_tool(task: Task) -> Chat[Any, Any]:
    def weather(city: str) -> str:
        """Look up the weather."""
        assert city == "Segovia"
        return task.weather

    made = chat(task)
    made.register_tool(weather)
    return made


def tool(task: Task) -> None:
    answer = with_tool(task).chat(task.questions["tool"], echo="none", stream=False)
    assert "Hello" in str(answer)


def streamed_tool(task: Task) -> None:
    assert "Hello" in "".join(with_tool(task).stream(task.questions["streamed_tool"]))


def schema(task: Task) -> None:
    answer = chat(task).chat_structured(task.questions["schema"], data_model=Greeting)
    assert answer == Greeting(greeting="Hello", count=2)


def show(task: Task, scenario: str, content: Any) -> None:
    """Ask about a picture or a file."""
    answer = chat(task).chat(task.questions[scenario], content, echo="none", stream=False)
    assert str(answer).strip() == "Hello"


def image(task: Task) -> None:
    show(task, "image", ContentImageInline(image_content_type="image/png", data=task.image))


def file(task: Task) -> None:
    data = base64.b64decode(task.pdf)
    show(task, "file", ContentPDF(data=data, filename="sample.pdf"))


def file_id(task: Task) -> None:
    provider: Any = "anthropic" if task.api == "messages" else "openai"
    uploaded = ContentUploaded(id=task.file_id, mime_type="application/pdf", provider=provider)
    show(task, "file_id", uploaded)


def cancel(task: Task) -> None:
    controller = StreamController()
    stream = chat(task).stream(task.questions["cancel"], controller=controller)
    assert "Once" in next(stream)
    controller.cancel()
    stream.close()


def error(task: Task) -> None:
    kind = anthropic.NotFoundError if task.api == "messages" else openai.NotFoundError
    with pytest.raises(kind, match="no-such-model"):
        chat(task, "no-such-model").chat(task.questions["error"], echo="none")


if __name__ == "__main__":
    run(plain, streamed, tool, streamed_tool, schema, image, file, file_id, cancel, error)
