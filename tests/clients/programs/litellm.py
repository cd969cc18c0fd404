"""A program: LiteLLM, with chat completions, responses and messages."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import litellm
import pytest

from ..task import Greeting, Task, run

WEATHER = {
    "name": "weather",
    "description": "Look up the weather.",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
        "additionalProperties": False,
    },
}


def options(task: Task, model: str | None = None) -> dict[str, Any]:
    kind, address = ("openai", task.address)
    if task.api == "messages":
        kind, address = "anthropic", task.root
    asked = f"{kind}/{model or task.model}"
    return {"model": asked, "api_base": address, "api_key": task.key, "max_retries": 0}


def create(task: Task, asked: Any, model: str | None = None, **more: Any) -> Any:
    """Ask one question, or send what was said so far; ``messages`` asks as chat does."""
    if task.api == "responses":
        return litellm.responses(input=asked, **options(task, model), **more)
    said = [{"role": "user", "content": asked}] if isinstance(asked, str) else asked
    return litellm.completion(messages=said, **options(task, model), **more)


def text_of(task: Task, answer: Any) -> str:
    if task.api == "responses":
        return str(answer.output_text)
    return str(answer.choices[0].message.content)


def plain(task: Task) -> None:
    answer = create(task, task.questions["plain"])
    assert text_of(task, answer)
    assert answer.usage.total_tokens > 0


def streamed(task: Task) -> None:
    assert "".join(deltas(task, create(task, task.questions["streamed"], stream=True)))


def deltas(task: Task, stream: Any) -> Any:
    for part in stream:
        if task.api == "responses":
            if part.type == "response.output_text.delta":
                yield part.delta
        elif part.choices:
            yield part.choices[0].delta.content or ""


def tool(task: Task) -> None:
    question = task.questions["tool"]
    if task.api == "responses":
        tools: Any = [{"type": "function", "strict": True, **WEATHER}]
        answer = create(task, question, tools=tools)
        give_item(task, question, tools, answer.output[0])
    else:
        tools = [{"type": "function", "function": WEATHER}]
        message = create(task, question, tools=tools).choices[0].message
        give_message(task, question, tools, message)


def streamed_tool(task: Task) -> None:
    question = task.questions["streamed_tool"]
    if task.api == "responses":
        tools: Any = [{"type": "function", "strict": True, **WEATHER}]
        events = list(create(task, question, tools=tools, stream=True))
        give_item(task, question, tools, events[-1].response.output[0])
    else:
        tools = [{"type": "function", "function": WEATHER}]
        chunks = list(create(task, question, tools=tools, stream=True))
        whole: Any = litellm.stream_chunk_builder(chunks)
        give_message(task, question, tools, whole.choices[0].message)


def give_item(task: Task, question: str, tools: Any, call: Any) -> None:
    item = {name: getattr(call, name) for name in ("type", "call_id", "name", "arguments")}
    assert json.loads(item["arguments"]) == {"city": "Segovia"}
    result = {
        "type": "function_call_output",
        "call_id": item["call_id"],
        "output": task.weather,
    }
    again = create(task, [{"role": "user", "content": question}, item, result], tools=tools)
    assert text_of(task, again) == "Hello"


def give_message(task: Task, question: str, tools: Any, message: Any) -> None:
    (call,) = message.tool_calls
    assert json.loads(call.function.arguments) == {"city": "Segovia"}
    result = {"role": "tool", "tool_call_id": call.id, "content": task.weather}
    said = [{"role": "user", "content": question}, message.model_dump(), result]
    assert text_of(task, create(task, said, tools=tools)) == "Hello"


def schema(task: Task) -> None:
    question = task.questions["schema"]
    if task.api == "responses":
        answer = create(task, question, text_format=Greeting)
    else:
        answer = create(task, question, response_format=Greeting)
    parsed = Greeting.model_validate_json(text_of(task, answer))
    assert parsed == Greeting(greeting="Hello", count=2)


def show(task: Task, scenario: str, in_responses: Any, in_chat: Any) -> None:
    """Ask about a picture or a file."""
    question = task.questions[scenario]
    if task.api == "responses":
        content = [in_responses, {"type": "input_text", "text": question}]
    else:
        content = [in_chat, {"type": "text", "text": question}]
    answer = create(task, [{"role": "user", "content": content}])
    assert text_of(task, answer) == "Hello"


def image(task: Task) -> None:
    url = f"data:image/png;base64,{task.image}"
    in_responses = {"type": "input_image", "image_url": url, "detail": "low"}
    show(task, "image", in_responses, {"type": "image_url", "image_url": {"url": url}})


def file(task: Task) -> None:
    data = f"data:application/pdf;base64,{task.pdf}"
    file = {"filename": "sample.pdf", "file_data": data}
    show(task, "file", {"type": "input_file", **file}, {"type": "file", "file": file})


def file_id(task: Task) -> None:
    file = {"file_id": task.file_id}
    in_chat = {**file, "format": "application/pdf"}
    show(task, "file_id", {"type": "input_file", **file}, {"type": "file", "file": in_chat})


def cancel(task: Task) -> None:
    async def leave() -> None:
        said = [{"role": "user", "content": task.questions["cancel"]}]
        stream: Any = await litellm.acompletion(messages=said, stream=True, **options(task))
        async for part in stream:
            if "Once" in part.model_dump_json():
                break
        # The end of the loop closes the connection: the library's stream cannot be closed.

    asyncio.run(leave())


def error(task: Task) -> None:
    with pytest.raises(litellm.NotFoundError, match="no-such-model"):
        create(task, task.questions["error"], model="no-such-model")


if __name__ == "__main__":
    run(plain, streamed, tool, streamed_tool, schema, image, file, file_id, cancel, error)
