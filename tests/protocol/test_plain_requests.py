from __future__ import annotations

from typing import Any

import pytest

from aqueduct_jupyter.protocol.errors import InvalidRequestError
from aqueduct_jupyter.protocol.plain_requests import (
    CompletionWords,
    EmbeddingWords,
    ImageWords,
    RerankWords,
    plain_reader,
)

TEXTS = ["a", ["a"], ["a", "b"], [1, 2], [[1, 2], [3]]]
NO_TEXTS = [5, None, [], [1, "a"], [True], [[1], "a"], [[]], [[1], []], [["a"]], [[1.5]], {}]


@pytest.mark.parametrize("texts", TEXTS)
def test_texts_are_strings_or_token_ids(texts: Any) -> None:
    body = {"input": texts, "unknown": [1]}
    assert plain_reader(EmbeddingWords)(body).body == body
    assert plain_reader(CompletionWords)({"prompt": texts}).body == {"prompt": texts}


@pytest.mark.parametrize("texts", NO_TEXTS)
@pytest.mark.parametrize(
    ("words", "name"), [(EmbeddingWords, "input"), (CompletionWords, "prompt")]
)
def test_other_values_are_no_texts(words: Any, name: str, texts: Any) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        plain_reader(words)({name: texts})
    assert caught.value.param == name
    assert caught.value.message.startswith(f"{name} must be a string, a list of strings")


@pytest.mark.parametrize(
    ("words", "body", "param"),
    [
        (EmbeddingWords, {}, "input"),
        (EmbeddingWords, {"input": "a", "encoding_format": "int8"}, "encoding_format"),
        (EmbeddingWords, {"input": "a", "dimensions": 0}, "dimensions"),
        (EmbeddingWords, {"input": "a", "model": 5}, "model"),
        (CompletionWords, {"prompt": "a", "max_tokens": -1}, "max_tokens"),
        (CompletionWords, {"prompt": "a", "n": 129}, "n"),
        (RerankWords, {"query": "a", "documents": []}, "documents"),
        (ImageWords, {"prompt": ""}, "prompt"),
    ],
)
def test_what_is_wrong_is_named(words: Any, body: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        plain_reader(words)(body)
    assert caught.value.param == param
    assert caught.value.message.startswith(param)
