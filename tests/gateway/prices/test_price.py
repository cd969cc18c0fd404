"""What tokens cost, and which prices an operator may set."""

from __future__ import annotations

from typing import Any

import pytest

from aqueduct_jupyter.gateway.prices.price import Price, Rates, read_prices


def test_cached_tokens_have_a_price_of_their_own() -> None:
    price = Price((Rates(2.0, 8.0, cached_input=0.5),))
    assert price.usd(1_000_000, 0) == 2.0
    assert price.usd(0, 1_000_000) == 8.0
    assert price.usd(1_000_000, 1_000_000, 400_000) == pytest.approx(1.2 + 0.2 + 8.0)
    # An upstream that reports more cached tokens than tokens does not lower the price below theirs.
    assert price.usd(1_000_000, 0, 9_000_000) == 0.5


def test_without_a_price_for_cached_tokens_they_cost_as_much_as_others() -> None:
    assert Price((Rates(2.0, 8.0),)).usd(1_000_000, 0, 500_000) == 2.0


def test_long_questions_may_have_other_rates() -> None:
    price = Price((Rates(1.0, 10.0), Rates(2.0, 20.0, above=1000), Rates(3.0, 30.0, above=5000)))
    costs = [price.usd(tokens, 1000) for tokens in (0, 1000, 1001, 5001)]
    assert costs == [
        pytest.approx(usd) for usd in (0.01, 0.001 + 0.01, 0.002002 + 0.02, 0.015003 + 0.03)
    ]


def test_an_answer_without_a_price_has_no_known_cost() -> None:
    embeddings = Price((Rates(0.02),))
    assert embeddings.usd(1_000_000, 0) == 0.02
    assert embeddings.usd(1_000_000, 1) is None


def test_an_operators_prices_are_read() -> None:
    found = read_prices(
        {"llama": {"input": 1, "output": 2.5}, "a/b": {"input": 0, "output": 0, "cached_input": 0}}
    )
    assert found == {"llama": Price((Rates(1.0, 2.5),)), "a/b": Price((Rates(0.0, 0.0, 0.0),))}
    assert read_prices({}) == {}


@pytest.mark.parametrize(
    ("configured", "words"),
    [
        ("cheap", "AqueductApp.prices: "),
        ({"a/b": 1}, "AqueductApp.prices.a/b: "),
        ({"a/b": {"input": 1}}, "AqueductApp.prices.a/b.output: "),
        ({"a/b": {"input": -1, "output": 1}}, "AqueductApp.prices.a/b.input: "),
        ({"a/b": {"input": float("nan"), "output": 1}}, "AqueductApp.prices.a/b.input: "),
        ({"a/b": {"input": 1, "output": "a lot"}}, "AqueductApp.prices.a/b.output: "),
        ({"a/b": {"input": 1, "output": 1, "above": 5}}, "AqueductApp.prices.a/b.above: "),
    ],
)
def test_a_price_that_is_not_understood_is_an_error(configured: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        read_prices(configured)
