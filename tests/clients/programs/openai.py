"""A program: the OpenAI SDK of today's line, with chat completions and with responses."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import openai
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


def client(task: Task) -> openai.OpenAI:
    return openai.OpenAI(base_url=task.address, api_key=task.key, max_retries=0, timeout=30)


def create(task: Task, asked: Any, **more: Any) -> Any:
    """Ask one question, or send what was said so far."""
    if task.api == "responses":
        return client(task).responses.create(model=task.model, input=asked, **more)
    said = [{"role": "user", "content": asked}] if isinstance(asked, str) else asked
    return client(task).chat.completions.create(model=task.model, messages=said, **more)


def text_of(task: Task, answer: Any) -> str:
    if task.api == "responses":
        return str(answer.output_text)
    return str(answer.choices[0].message.content)


def plain(task: Task) -> None:
    answer = create(task, task.questions["plain"])
    assert text_of(task, answer)
    assert answer.usage.total_tokens > 0
    assert answer._request_id.startswith("req_")
    if task.api == "responses":
        assert answer.status == "completed"
        kept = client(task).responses
        assert kept.retrieve(answer.id) == answer
        (asked,) = kept.input_items.list(answer.id)
        assert task.questions["plain"] in str(asked)
        kept.delete(answer.id)
        with pytest.raises(openai.NotFoundError):
            kept.retrieve(answer.id)


def streamed(task: Task) -> None:
    if task.api == "responses":
        with client(task).responses.stream(
            model=task.model, input=task.questions["streamed"]
        ) as stream:
            kinds = [event.type for event in stream]
        assert (kinds[0], kinds[-1]) == ("response.created", "response.completed")
        assert "response.output_text.delta" in kinds
        assert stream.get_final_response().output_text
        return
    chunks = create(task, task.questions["streamed"], stream=True)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)


def tool(task: Task) -> None:
    question = task.questions["tool"]
    if task.api == "responses":
        tools: Any = [{"type": "function", "strict": True, **WEATHER}]
        answer = create(task, question, tools=tools)
        (call,) = answer.output
        assert (call.type, json.loads(call.arguments)) == ("function_call", {"city": "Segovia"})
        result = {
            "type": "function_call_output",
            "call_id": call.call_id,
            "output": task.weather,
        }
        again = create(task, [result], tools=tools, previous_response_id=answer.id)
    else:
        tools = [{"type": "function", "function": WEATHER}]
        asked: list[Any] = [{"role": "user", "content": question}]
        message = create(task, asked, tools=tools).choices[0].message
        (call,) = message.tool_calls
        result = {"role": "tool", "tool_call_id": call.id, "content": task.weather}
        again = create(task, [*asked, message, result], tools=tools)
    assert text_of(task, again) == "Hello"


def streamed_tool(task: Task) -> None:
    question = task.questions["streamed_tool"]
    if task.api == "responses":
        tools: Any = [{"type": "function", "strict": True, **WEATHER}]
        with client(task).responses.stream(model=task.model, input=question, tools=tools) as stream:
            (call,) = stream.get_final_response().output
        said = [{"role": "user", "content": question}, call.to_dict()]
        del said[1]["parsed_arguments"]
        result = {"type": "function_call_output", "call_id": call.call_id, "output": task.weather}
        again = create(task, [*said, result], tools=tools)
        assert text_of(task, again) == "Hello"
    else:
        tools = [{"type": "function", "function": WEATHER}]
        asked: list[Any] = [{"role": "user", "content": question}]
        with client(task).chat.completions.stream(
            model=task.model, messages=asked, tools=tools
        ) as stream:
            message = stream.get_final_completion().choices[0].message
        (call,) = message.tool_calls
        result = {"role": "tool", "tool_call_id": call.id, "content": task.weather}
        again = create(task, [*asked, message, result], tools=tools)
        assert text_of(task, again) == "Hello"


def schema(task: Task) -> None:
    question = task.questions["schema"]
    if task.api == "responses":
        answer = client(task).responses.parse(
            model=task.model, input=question, text_format=Greeting
        )
        parsed = answer.output_parsed
    else:
        completion = client(task).chat.completions.parse(
            model=task.model,
            messages=[{"role": "user", "content": question}],
            response_format=Greeting,
        )
        parsed = completion.choices[0].message.parsed
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
    show(task, "file_id", {"type": "input_file", **file}, {"type": "file", "file": file})


def cancel(task: Task) -> None:
    stream = create(task, task.questions["cancel"], stream=True)
    assert next(iter(stream))
    stream.close()


def error(task: Task) -> None:
    stranger = Task(**{**vars(task), "model": "no-such-model"})
    with pytest.raises(openai.NotFoundError) as caught:
        create(stranger, task.questions["error"])
    assert caught.value.code == "model_not_found"
    assert "no-such-model" in caught.value.message


def embeddings(task: Task) -> None:
    made = client(task).embeddings.create(model=task.model, input=["a"])
    assert made.data[0].embedding == [0.25, -0.5]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.txt")
        path.write_text("words")
        uploaded = client(task).files.create(file=path, purpose="user_data")
    assert client(task).files.delete(uploaded.id).deleted
    counted = client(task).responses.input_tokens.count(model=task.model, input="x" * 30)
    assert counted.input_tokens > 0


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
        embeddings,
    )
