"""A program: LangChain's models, with chat completions, responses and messages."""

from __future__ import annotations

import warnings
from typing import Any

import anthropic
import openai
import pytest
from langchain_anthropic import ChatAnthropic
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import tool as as_tool
from langchain_openai import ChatOpenAI

from ..task import Greeting, Task, run


def chat(task: Task, model: str | None = None) -> Any:
    model = model or task.model
    if task.api == "messages":
        return ChatAnthropic(
            model=model, base_url=task.root, api_key=task.key, max_retries=0, max_tokens=100
        )
    return ChatOpenAI(
        model=model,
        base_url=task.address,
        api_key=task.key,
        max_retries=0,
        use_responses_api=task.api == "responses",
    )


def plain(task: Task) -> None:
    answer = chat(task).invoke(task.questions["plain"])
    assert answer.text
    assert answer.usage_metadata["output_tokens"] > 0


def streamed(task: Task) -> None:
    assert "".join(part.text for part in chat(task).stream(task.questions["streamed"]))


@as_tool
def weather(city: str) -> str:
    """Look up the weather."""
    raise NotImplementedError


def tool(task: Task) -> None:
    model, asked = chat(task).bind_tools([weather]), HumanMessage(task.questions["tool"])
    give_result(task, model, asked, model.invoke([asked]))


def streamed_tool(task: Task) -> None:
    model = chat(task).bind_tools([weather])
    asked = HumanMessage(task.questions["streamed_tool"])
    first, *others = model.stream([asked])
    for part in others:
        first += part
    give_result(task, model, asked, first)


def give_result(task: Task, model: Any, asked: HumanMessage, answer: Any) -> None:
    (call,) = answer.tool_calls
    assert (call["name"], call["args"]) == ("weather", {"city": "Segovia"})
    result = ToolMessage(task.weather, tool_call_id=call["id"])
    assert model.invoke([asked, answer, result]).text == "Hello"


def schema(task: Task) -> None:
    with warnings.catch_warnings(action="ignore"):  # about how pydantic shows the parsed object
        answer = chat(task).with_structured_output(Greeting).invoke(task.questions["schema"])
    assert answer == Greeting(greeting="Hello", count=2)


def show(task: Task, scenario: str, block: dict[str, Any]) -> None:
    """Ask about a picture or a file."""
    text = {"type": "text", "text": task.questions[scenario]}
    assert chat(task).invoke([HumanMessage([text, block])]).text == "Hello"


def image(task: Task) -> None:
    show(task, "image", {"type": "image", "base64": task.image, "mime_type": "image/png"})


def file(task: Task) -> None:
    block = {"type": "file", "base64": task.pdf, "mime_type": "application/pdf"}
    show(task, "file", {**block, "filename": "sample.pdf"})


def file_id(task: Task) -> None:
    show(task, "file_id", {"type": "file", "file_id": task.file_id})


def cancel(task: Task) -> None:
    stream = chat(task).stream(task.questions["cancel"])
    for part in stream:
        if part.text == "Once":
            break
    stream.close()


def error(task: Task) -> None:
    kind = anthropic.NotFoundError if task.api == "messages" else openai.NotFoundError
    with pytest.raises(kind, match="no-such-model"):
        chat(task, "no-such-model").invoke(task.questions["error"])


if __name__ == "__main__":
    run(plain, streamed, tool, streamed_tool, schema, image, file, file_id, cancel, error)
