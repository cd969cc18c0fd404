"""The operations that this gateway has, by their paths."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from ...protocol.chat import ChatRequest, ChatWords, read_chat_request
from ...protocol.messages import MessagesWords, read_messages_request
from ...protocol.plain_requests import (
    CompletionWords,
    CountTokensWords,
    EmbeddingWords,
    ImageWords,
    ModerationWords,
    RerankWords,
    SpeechWords,
    TranscriptionWords,
    plain_reader,
)
from ...protocol.requests import APIRequest
from ...protocol.responses import ResponsesWords, read_responses_request
from ...protocol.tokens import CHARACTERS_PER_TOKEN, count_texts
from ..documents.file_forms import MESSAGES_FILES, RESPONSES_FILES
from ..upstreams.deployments import Route
from .event_streams import MessagesStream, ResponsesStream
from .operation import Operation
from .stream import AnswerStream

__all__ = ["CHAT", "MESSAGES", "OPERATIONS", "RESPONSES"]


def _chat_stream(request: APIRequest, route: Route, prompts: int = 1) -> AnswerStream:
    body = request.body
    return AnswerStream(
        route.upstream.name,
        wants_usage=bool((body.get("stream_options") or {}).get("include_usage")),
        choices=prompts * (body.get("n") or 1),
        secrets=route.upstream.secrets,
    )


def _completion_stream(request: APIRequest, route: Route) -> AnswerStream:
    prompt = request.body["prompt"]
    prompts = len(prompt) if isinstance(prompt, list) and not isinstance(prompt[0], int) else 1
    return _chat_stream(request, route, prompts)


def _chat_tokens(request: APIRequest) -> int:
    """Estimate the text of the messages; images and files are not counted."""
    contents = [message.get("content") for message in ChatRequest(request.body).messages]
    parts = [part for content in contents if isinstance(content, list) for part in content]
    # Only part types that this server knows have been checked; in others, a field may be anything.
    texts = [*contents, *(part.get("text") for part in parts)]
    return sum(len(text) for text in texts if isinstance(text, str)) // CHARACTERS_PER_TOKEN


def _tokens_in(field: str) -> Callable[[APIRequest], int]:
    return lambda request: count_texts(request.body.get(field))


def _all_tokens(request: APIRequest) -> int:
    """Estimate the texts of messages or items, wherever they are."""
    waiting: list[Any] = [request.body.get(field) for field in _TEXTS_IN]
    characters = 0
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            characters += len(value)
        elif isinstance(value, list):
            waiting.extend(value)
        elif isinstance(value, dict):
            waiting.extend(value.get(field) for field in _TEXT_FIELDS)
    return characters // CHARACTERS_PER_TOKEN


def _no_tokens(_: APIRequest) -> int:
    return 0


def _rerank_tokens(request: APIRequest) -> int:
    return count_texts([request.body["query"], *request.body["documents"]])


_TEXTS_IN = ("input", "instructions", "messages", "system")
_TEXT_FIELDS = ("content", "text", "output", "arguments")

CHAT = Operation(
    name="chat",
    api="chat",
    path="chat/completions",
    summary="Ask a model.",
    fields=ChatWords,
    read=read_chat_request,
    count_input=_chat_tokens,
    stream=_chat_stream,
    files_in="messages",
    length_fields=("max_tokens", "max_completion_tokens"),
    asks_for_usage=True,
)

RESPONSES = Operation(
    name="responses",
    api="responses",
    path="responses",
    summary="Ask a model, and keep its answer.",
    fields=ResponsesWords,
    read=read_responses_request,
    count_input=_all_tokens,
    stream=lambda _, route: ResponsesStream(route.upstream.name, route.upstream.secrets),
    files_in="input",
    files=RESPONSES_FILES,
    length_fields=("max_output_tokens",),
    continues=True,
)

COMPACT = replace(
    RESPONSES,
    name="compact",
    api="compact",
    path="responses/compact",
    summary="Replace a conversation by what the user said and a summary.",
    stream=None,
    not_sent=("max_output_tokens", "stream"),
)

MESSAGES = Operation(
    name="messages",
    api="messages",
    path="messages",
    summary="Ask a model, in Anthropic's form.",
    fields=MessagesWords,
    read=read_messages_request,
    count_input=_all_tokens,
    stream=lambda _, route: MessagesStream(route.upstream.name, route.upstream.secrets),
    files_in="messages",
    files=MESSAGES_FILES,
    headers={"anthropic-version": "2023-06-01"},
    length_fields=("max_tokens",),
)

_COUNTS = (
    replace(
        RESPONSES,
        name="input_tokens",
        path="responses/input_tokens",
        summary="Count the tokens of a request to responses.",
        stream=None,
        length_fields=(),
        not_sent=("stream",),
        api=None,
        count_here=lambda count: {"object": "response.input_tokens", "input_tokens": max(count, 1)},
    ),
    replace(
        MESSAGES,
        name="count_tokens",
        path="messages/count_tokens",
        summary="Count the tokens of a request to messages.",
        fields=CountTokensWords,
        read=plain_reader(CountTokensWords),
        stream=None,
        length_fields=(),
        not_sent=("stream",),
        api=None,
        count_here=lambda count: {"input_tokens": max(count, 1)},
    ),
)

_PLAIN = (
    Operation(
        name="completions",
        api="completions",
        path="completions",
        summary="Continue a text.",
        fields=CompletionWords,
        read=plain_reader(CompletionWords),
        count_input=_tokens_in("prompt"),
        stream=_completion_stream,
        length_fields=("max_tokens",),
        asks_for_usage=True,
    ),
    Operation(
        name="embeddings",
        path="embeddings",
        summary="Turn texts into vectors.",
        fields=EmbeddingWords,
        read=plain_reader(EmbeddingWords),
        count_input=_tokens_in("input"),
    ),
    Operation(
        name="moderations",
        path="moderations",
        summary="Check texts for harm.",
        fields=ModerationWords,
        read=plain_reader(ModerationWords),
        count_input=_tokens_in("input"),
    ),
    Operation(
        name="rerank",
        path="rerank",
        summary="Sort documents by relevance.",
        fields=RerankWords,
        read=plain_reader(RerankWords),
        count_input=_rerank_tokens,
    ),
    Operation(
        name="speech",
        path="audio/speech",
        summary="Speak a text.",
        fields=SpeechWords,
        read=plain_reader(SpeechWords),
        count_input=_tokens_in("input"),
        has_json=False,
    ),
    Operation(
        name="transcriptions",
        path="audio/transcriptions",
        summary="Write down what is said.",
        fields=TranscriptionWords,
        read=plain_reader(TranscriptionWords),
        count_input=_no_tokens,
        is_form=True,
        has_json=False,
    ),
    Operation(
        name="images",
        path="images/generations",
        summary="Draw images.",
        fields=ImageWords,
        read=plain_reader(ImageWords),
        count_input=_tokens_in("prompt"),
    ),
)

OPERATIONS: Mapping[str, Operation] = {
    operation.path: operation
    for operation in (CHAT, RESPONSES, COMPACT, MESSAGES, *_COUNTS, *_PLAIN)
}
