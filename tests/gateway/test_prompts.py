"""The administrator's prompts: what is understood, and what is said of the rest."""

from __future__ import annotations

from typing import Any

import pytest

from aqueduct_jupyter.gateway.prompts import read_prompts


def test_names_and_texts_are_kept_in_their_order() -> None:
    given = {"Summarize": "Sum this up:\n", "Explain": "Explain it."}
    assert list(read_prompts(given).items()) == list(given.items())
    assert read_prompts({}) == {}


@pytest.mark.parametrize(
    ("configured", "words"),
    [
        ("Summarize", "AqueductApp.prompts: "),
        ({"Summarize": 1}, "AqueductApp.prompts.Summarize: "),
        ({"Summarize": ""}, "AqueductApp.prompts.Summarize: "),
        ({"Summarize": "x" * 20_001}, "AqueductApp.prompts.Summarize: "),
        ({" ": "x"}, "AqueductApp.prompts. : "),
        ({"two\nlines": "x"}, "one printable line"),
        ({"x" * 81: "x"}, "at most 80 characters"),
        ({str(number): "x" for number in range(201)}, "AqueductApp.prompts: "),
    ],
)
def test_a_prompt_that_is_not_understood_is_an_error(configured: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        read_prompts(configured)
