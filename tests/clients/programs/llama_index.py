"""A program: LlamaIndex, with chat completions (OpenAI-like) and with responses."""

from __future__ import annotations

import base64
from typing import Any

import openai
import pytest
from llama_index.core.base.llms.types import (
    ChatMessage,
    DocumentBlock,
    ImageBlock,
    TextBlock,
)
from llama_index.core.tools import FunctionTool
from llama_index.llms.openai_like import OpenAILike, OpenAILikeResponses

from ..task import Greeting, Task, run


def llm(task: Task, model: str | None = None) -> Any:
    kind: Any = OpenAILikeResponses if task.api == "responses" else OpenAILike
    return kind(
        model=model or task.model,
        api_base=task.address,
        api_key=task.key,
        max_retries=0,
        is_chat_model=True,
        is_function_calling_model=True,
        should_use_structured_outputs=True,
    )


def plain(task: Task) -> None:
    assert llm(task).complete(task.questions["plain"]).text


def streamed(task: Task) -> None:
    parts = llm(task).stream_chat([ChatMessage(task.questions["streamed"])])
    assert "".join(part.delta or "" for part in parts)


def weather(city: str) -> str:
    """Look up the weather."""
    raise NotImplementedError


def tool(task: Task) -> None:
    tools = [FunctionTool.from_defaults(weather)]
    asked = ChatMessage(task.questions["tool"])
    answer = llm(task).chat_with_tools(tools, chat_history=[asked])
    give_result(task, tools, asked, answer)


def streamed_tool(task: Task) -> None:
    tools = [FunctionTool.from_defaults(weather)]
    asked = ChatMessage(task.questions["streamed_tool"])
    *_, last = llm(task).stream_chat_with_tools(tools, chat_history=[asked])
    give_result(task, tools, asked, last)


def give_result(task: Task, tools: Any, asked: ChatMessage, answer: Any) -> None:
    (call,) = llm(task).get_tool_calls_from_response(answer)
    assert (call.tool_name, call.tool_kwargs) == ("weather", {"city": "Segovia"})
    result = ChatMessage(
        task.weather,
        role="tool",
        additional_kwargs={"tool_call_id": call.tool_id, "call_id": call.tool_id},
    )
    history = [asked, answer.message, result]
    again = llm(task).chat_with_tools(tools, chat_history=history)
    assert again.message.content == "Hello"


def schema(task: Task) -> None:
    asked = [ChatMessage(task.questions["schema"])]
    answer = llm(task).as_structured_llm(Greeting).chat(asked)
    assert answer.raw == Greeting(greeting="Hello", count=2)


def show(task: Task, scenario: str, block: Any) -> None:
    """Ask about a picture or a file."""
    asked = ChatMessage(role="user", blocks=[TextBlock(text=task.questions[scenario]), block])
    assert llm(task).chat([asked]).message.content == "Hello"


def image(task: Task) -> None:
    data = base64.b64decode(task.image)
    show(task, "image", ImageBlock(image=data, image_mimetype="image/png"))


def file(task: Task) -> None:
    data = base64.b64decode(task.pdf)
    block = DocumentBlock(data=data, title="sample.pdf", document_mimetype="application/pdf")
    show(task, "file", block)


def cancel(task: Task) -> None:
    parts = llm(task).stream_chat([ChatMessage(task.questions["cancel"])])
    while next(parts).delta != "Once":
        pass
    parts.close()


def error(task: Task) -> None:
    with pytest.raises(openai.NotFoundError, match="no-such-model"):
        llm(task, "no-such-model").chat([ChatMessage(task.questions["error"])])


if __name__ == "__main__":
    run(plain, streamed, tool, streamed_tool, schema, image, file, cancel, error)
