"""A program: pydantic-ai's agents, with chat completions, responses and messages."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

import pytest
from pydantic_ai import Agent, BinaryContent, ModelHTTPError, UploadedFile
from pydantic_ai.models.anthropic import AnthropicModel
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
from pydantic_ai.providers.anthropic import AnthropicProvider
from pydantic_ai.providers.openai import OpenAIProvider

from ..task import Greeting, Task, run


def agent(task: Task, name: str | None = None, **more: Any) -> Agent[None, Any]:
    name = name or task.model
    model: Any
    if task.api == "messages":
        model = AnthropicModel(
            name, provider=AnthropicProvider(base_url=task.root, api_key=task.key)
        )
    else:
        kind = OpenAIChatModel if task.api == "chat" else OpenAIResponsesModel
        model = kind(name, provider=OpenAIProvider(base_url=task.address, api_key=task.key))
    return Agent(model, **more)


def plain(task: Task) -> None:
    answer = agent(task).run_sync(task.questions["plain"])
    assert answer.output
    assert answer.usage.output_tokens > 0


def streamed(task: Task) -> None:
    async def ask() -> str:
        async with agent(task).run_stream(task.questions["streamed"]) as answer:
            return "".join([text async for text in answer.stream_text(delta=True)])

    assert asyncio.run(ask())


def tool(task: Task) -> None:
    assert with_tool(task).run_sync(task.questions["tool"]).output == "Hello"


def streamed_tool(task: Task) -> None:
    async def ask() -> str:
        async with with_tool(task).run_stream(task.questions["streamed_tool"]) as answer:
            return str(await answer.get_output())

    assert asyncio.run(ask()) == "Hello"


def with_tool(task: Task) -> Agent[None, Any]:
    made = agent(task)

    @made.tool_plain
    def weather(city: str) -> str:
        """Look up the weather."""
        assert city == "Segovia"
        return task.weather

    return made


def schema(task: Task) -> None:
    answer = agent(task, output_type=Greeting).run_sync(task.questions["schema"])
    assert answer.output == Greeting(greeting="Hello", count=2)


def image(task: Task) -> None:
    content = BinaryContent(base64.b64decode(task.image), media_type="image/png")
    assert agent(task).run_sync([task.questions["image"], content]).output == "Hello"


def file(task: Task) -> None:
    content = BinaryContent(base64.b64decode(task.pdf), media_type="application/pdf")
    assert agent(task).run_sync([task.questions["file"], content]).output == "Hello"


def file_id(task: Task) -> None:
    provider: Any = "anthropic" if task.api == "messages" else "openai"
    uploaded = UploadedFile(task.file_id, provider, media_type="application/pdf")
    assert agent(task).run_sync([task.questions["file_id"], uploaded]).output == "Hello"


def cancel(task: Task) -> None:
    async def ask() -> None:
        async with agent(task).run_stream(task.questions["cancel"]) as answer:
            async for text in answer.stream_text(delta=True, debounce_by=None):
                assert text == "Once"
                break
            await answer.cancel()

    asyncio.run(ask())


def error(task: Task) -> None:
    with pytest.raises(ModelHTTPError) as caught:
        agent(task, "no-such-model").run_sync(task.questions["error"])
    assert caught.value.status_code == 404
    assert "no-such-model" in str(caught.value.body)


if __name__ == "__main__":
    run(plain, streamed, tool, streamed_tool, schema, image, file, file_id, cancel, error)
