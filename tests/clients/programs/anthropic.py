"""A program: Anthropic's SDK, with messages."""

from __future__ import annotations

from typing import Any

import anthropic
import pytest

from ..task import Greeting, Task, run

WEATHER: Any = {
    "name": "weather",
    "description": "Look up the weather.",
    "input_schema": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
    },
}


def client(task: Task) -> anthropic.Anthropic:
    return anthropic.Anthropic(base_url=task.root, api_key=task.key, max_retries=0, timeout=30)


def said(asked: Any) -> list[Any]:
    return [{"role": "user", "content": asked}]


def create(task: Task, messages: list[Any], **more: Any) -> Any:
    return client(task).messages.create(model=task.model, max_tokens=100, messages=messages, **more)


def plain(task: Task) -> None:
    answer = create(task, said(task.questions["plain"]))
    assert answer.content[0].text
    assert answer.stop_reason == "end_turn"
    assert answer.usage.output_tokens > 0
    assert answer._request_id.startswith("req_")


def streamed(task: Task) -> None:
    asked = said(task.questions["streamed"])
    with client(task).messages.stream(model=task.model, max_tokens=100, messages=asked) as stream:
        text = "".join(stream.text_stream)
        whole = stream.get_final_message()
    assert text == whole.content[0].text != ""
    assert whole.usage.output_tokens > 0


def tool(task: Task) -> None:
    asked = said(task.questions["tool"])
    answer = create(task, asked, tools=[WEATHER], system="Be short.")
    assert answer.stop_reason == "tool_use"
    give_result(task, asked, answer)


def streamed_tool(task: Task) -> None:
    asked = said(task.questions["streamed_tool"])
    with client(task).messages.stream(
        model=task.model, max_tokens=100, messages=asked, tools=[WEATHER]
    ) as stream:
        answer = stream.get_final_message()
    assert answer.stop_reason == "tool_use"
    give_result(task, asked, answer)


def give_result(task: Task, asked: list[Any], answer: Any) -> None:
    (call,) = answer.content
    assert (call.name, call.input) == ("weather", {"city": "Segovia"})
    result = {"type": "tool_result", "tool_use_id": call.id, "content": task.weather}
    turns = [*asked, {"role": "assistant", "content": answer.content}, *said([result])]
    again = create(task, turns, tools=[WEATHER])
    assert again.content[0].text == "Hello"


def schema(task: Task) -> None:
    answer = client(task).messages.parse(
        model=task.model,
        max_tokens=100,
        messages=said(task.questions["schema"]),
        output_format=Greeting,
    )
    assert answer.parsed_output == Greeting(greeting="Hello", count=2)


def show(task: Task, scenario: str, block: dict[str, Any]) -> None:
    """Ask about a picture or a file."""
    text = {"type": "text", "text": task.questions[scenario]}
    assert create(task, said([block, text])).content[0].text == "Hello"


def image(task: Task) -> None:
    source = {"type": "base64", "media_type": "image/png", "data": task.image}
    show(task, "image", {"type": "image", "source": source})


def file(task: Task) -> None:
    source = {"type": "base64", "media_type": "application/pdf", "data": task.pdf}
    show(task, "file", {"type": "document", "title": "sample.pdf", "source": source})


def file_id(task: Task) -> None:
    source = {"type": "file", "file_id": task.file_id}
    show(task, "file_id", {"type": "document", "source": source})


def cancel(task: Task) -> None:
    asked = said(task.questions["cancel"])
    with client(task).messages.stream(model=task.model, max_tokens=100, messages=asked) as stream:
        assert next(iter(stream.text_stream)) == "Once"


def error(task: Task) -> None:
    stranger = Task(**{**vars(task), "model": "no-such-model"})
    with pytest.raises(anthropic.NotFoundError) as caught:
        create(stranger, said(task.questions["error"]))
    assert caught.value.body["error"]["type"] == "not_found_error"
    assert "no-such-model" in caught.value.message
    assert caught.value.request_id.startswith("req_")


def count(task: Task) -> None:
    counted = client(task).messages.count_tokens(model=task.model, messages=said("x" * 30))
    assert counted.input_tokens > 0
    assert task.model in [model.id for model in client(task).models.list()]


if __name__ == "__main__":
    run(
        plain,
        streamed,
        tool,
        streamed_tool,
        schema,
        image,
        file,
        file_id,
        cancel,
        error,
        count,
    )
