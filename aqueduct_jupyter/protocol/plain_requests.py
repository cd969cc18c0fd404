"""Requests that are passed on as they are: embeddings, completions, images, speech and others.

Only what the gateway needs is checked: the model, the fields without which no upstream answers, and
those that the gateway counts. The upstream checks the rest.

Source: the OpenAI API's reference; for ``rerank``, Jina's, which vLLM and llama.cpp follow.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

from .fields import LONGEST_NAME
from .requests import APIRequest, check_fields

__all__ = [
    "CompletionWords",
    "CountTokensWords",
    "EmbeddingWords",
    "ImageWords",
    "ModerationWords",
    "RerankWords",
    "SpeechWords",
    "TranscriptionWords",
    "plain_reader",
]


def _texts_or_tokens(value: Any) -> Any:
    is_known = isinstance(value, str) or (
        isinstance(value, list) and bool(value) and (_are(value, str) or _are_tokens(value))
    )
    if not is_known:
        raise PydanticCustomError(
            "texts", "must be a string, a list of strings, or token ids; it must not be empty"
        )
    return value


def _are(values: list[Any], kind: type) -> bool:
    return all(type(value) is kind for value in values)


def _are_tokens(values: list[Any]) -> bool:
    if _are(values, int):
        return True
    return _are(values, list) and all(value and _are(value, int) for value in values)


_Text = Annotated[str, Field(min_length=1)]
_Texts = Annotated[Any, AfterValidator(_texts_or_tokens)]


class _Words(BaseModel):
    """Known fields are checked strictly; unknown ones are kept."""

    model_config = ConfigDict(extra="allow", strict=True, defer_build=True)

    model: Annotated[str, Field(max_length=LONGEST_NAME)] | None = None


class EmbeddingWords(_Words):
    """The fields of ``embeddings``: texts, or the token ids of texts."""

    input: _Texts
    encoding_format: Literal["float", "base64"] | None = None
    dimensions: Annotated[int, Field(ge=1)] | None = None


class CompletionWords(_Words):
    """The fields of ``completions``: a prompt, or several, and what follows them."""

    prompt: _Texts
    suffix: str | None = None
    max_tokens: Annotated[int, Field(ge=0)] | None = None
    n: Annotated[int, Field(ge=1, le=128)] | None = None
    stream: bool | None = None
    stream_options: dict[str, Any] | None = None


class CountTokensWords(_Words):
    """The fields of ``messages/count_tokens``: those of a message, without ``max_tokens``."""

    messages: Annotated[list[dict[str, Any]], Field(min_length=1, fail_fast=True)]


class ModerationWords(_Words):
    """The fields of ``moderations``: texts, or parts of a message."""

    input: Any


class RerankWords(_Words):
    """The fields of ``rerank``."""

    query: Any
    documents: Annotated[list[Any], Field(min_length=1)]


class SpeechWords(_Words):
    """The fields of ``audio/speech``."""

    input: _Text


class ImageWords(_Words):
    """The fields of ``images/generations``."""

    prompt: _Text


class _File(BaseModel):
    filename: str
    media_type: str
    data: str


class TranscriptionWords(_Words):
    """The fields of ``audio/transcriptions``, a form; ``file`` has a name, a type and base64."""

    file: _File


def plain_reader(words: type[BaseModel]) -> Callable[[dict[str, Any]], APIRequest]:
    """Return a function that checks a request's JSON object.

    The function raises an InvalidRequestError that names the field.
    """

    def read(body: dict[str, Any]) -> APIRequest:
        check_fields(words, body)
        return APIRequest(body)

    return read
