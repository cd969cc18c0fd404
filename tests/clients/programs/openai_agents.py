"""A program: the OpenAI Agents SDK, with responses, its default, and with chat completions."""

from __future__ import annotations

import asyncio
from typing import Any

import openai
import pytest
from agents import (
    Agent,
    OpenAIChatCompletionsModel,
    OpenAIResponsesModel,
    Runner,
    function_tool,
    set_tracing_disabled,
)

from ..task import Greeting, Task, run

set_tracing_disabled(True)


def agent(task: Task, name: str | None = None, **more: Any) -> Agent[None]:
    client = openai.AsyncOpenAI(base_url=task.address, api_key=task.key, max_retries=0)
    kind = OpenAIChatCompletionsModel if task.api == "chat" else OpenAIResponsesModel
    model = kind(name or task.model, openai_client=client)
    return Agent(name="helper", instructions="Be short.", model=model, **more)


def ask(task: Task, asked: Any, **more: Any) -> Any:
    return Runner.run_sync(agent(task, **more), asked).final_output


def plain(task: Task) -> None:
    assert ask(task, task.questions["plain"])


def streamed(task: Task) -> None:
    text, output = asyncio.run(stream(agent(task), task.questions["streamed"]))
    assert text == output != ""


async def stream(of: Agent[None], question: str) -> tuple[str, str]:
    """Give the text of the deltas, and of the whole."""
    answer = Runner.run_streamed(of, question)
    events = [event async for event in answer.stream_events()]
    raw = [event.data for event in events if event.type == "raw_response_event"]
    deltas = [event.delta for event in raw if event.type == "response.output_text.delta"]
    return "".join(deltas), str(answer.final_output)


def with_tool(task: Task) -> Agent[None]:
    @function_tool
    def weather(city: str) -> str:
        """Look up the weather."""
        assert city == "Segovia"
        return task.weather

    return agent(task, tools=[weather])


def tool(task: Task) -> None:
    assert Runner.run_sync(with_tool(task), task.questions["tool"]).final_output == "Hello"


def streamed_tool(task: Task) -> None:
    text, output = asyncio.run(stream(with_tool(task), task.questions["streamed_tool"]))
    assert text == output == "Hello"


def schema(task: Task) -> None:
    answer = ask(task, task.questions["schema"], output_type=Greeting)
    assert answer == Greeting(greeting="Hello", count=2)


def show(task: Task, scenario: str, part: dict[str, Any]) -> None:
    """Ask about a picture or a file."""
    text = {"type": "input_text", "text": task.questions[scenario]}
    assert ask(task, [{"role": "user", "content": [part, text]}]) == "Hello"


def image(task: Task) -> None:
    url = f"data:image/png;base64,{task.image}"
    show(task, "image", {"type": "input_image", "image_url": url, "detail": "auto"})


def file(task: Task) -> None:
    data = f"data:application/pdf;base64,{task.pdf}"
    show(task, "file", {"type": "input_file", "filename": "sample.pdf", "file_data": data})


def file_id(task: Task) -> None:
    show(task, "file_id", {"type": "input_file", "file_id": task.file_id})


def cancel(task: Task) -> None:
    async def leave() -> None:
        answer = Runner.run_streamed(agent(task), task.questions["cancel"])
        async for event in answer.stream_events():
            if getattr(getattr(event, "data", None), "delta", "") == "Once":
                answer.cancel()

    asyncio.run(leave())


def error(task: Task) -> None:
    with pytest.raises(openai.NotFoundError, match="no-such-model"):
        ask(task, task.questions["error"], name="no-such-model")


if __name__ == "__main__":
    run(plain, streamed, tool, streamed_tool, schema, image, file, file_id, cancel, error)
