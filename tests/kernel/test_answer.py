"""Streams as the browser reads them too: the same bytes say the same, cut anywhere."""

from __future__ import annotations

from typing import Any

import pytest

from aqueduct_jupyter.kernel.answer import Answer
from aqueduct_jupyter.kernel.client import Client
from aqueduct_jupyter.protocol.errors import AqueductError

from ..shared_samples import sample
from ..standin import StandIn

STREAMS = sample("streams.json")


@pytest.mark.parametrize("words", STREAMS, ids=[words["name"] for words in STREAMS])
@pytest.mark.parametrize("size", [1, 7, 1000])
def test_a_stream_says_what_it_says_to_the_browser(
    standin: StandIn, words: dict[str, Any], size: int
) -> None:
    data = words["bytes"].encode()
    standin.stream(*[data[start : start + size] for start in range(0, len(data), size)])
    answer, failed = Answer(), None
    try:
        with Client(standin.url, "key").stream("x", answer=answer) as stream:
            list(stream)
    except AqueductError as error:
        failed = error
    assert (answer.text, answer.reasoning) == (words["text"], words["reasoning"])
    assert answer.tokens_out == words["tokens_out"]
    assert (failed is None) == (words["error"] is None)
    if failed is not None and words["error"] != "any":
        assert failed.code == words["error"]
