"""Which published prices are certain, and which are not."""

from __future__ import annotations

from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import genai_prices
import pytest

from aqueduct_jupyter.gateway.prices.published_process import published_rates

GPT_4O = [{"above": 0, "input": 2.5, "output": 10.0, "cached_input": 1.25}]
GATEWAY = "https://gateway.campus.example/v1"
OPENAI = "https://api.openai.com/v1"


@pytest.mark.parametrize(
    ("base_url", "model", "expected"),
    [
        (OPENAI, "gpt-4o", GPT_4O),
        (OPENAI, "gpt-4o-2024-11-20", GPT_4O),
        (OPENAI, "gpt-of-nobody", []),
        ("https://ours.openai.azure.com/openai/v1", "gpt-4o", GPT_4O),
        (GATEWAY, "gpt-4o", GPT_4O),
        (GATEWAY, "llama", []),
        (GATEWAY, "not-gpt-4o", []),
        (GATEWAY, "text-embedding-3-small", [{"above": 0, "input": 0.02}]),
    ],
)
def test_the_seller_is_known_by_its_address_or_by_a_model_that_only_it_sells(
    base_url: str, model: str, expected: list[dict[str, Any]]
) -> None:
    assert published_rates(base_url, model) == expected


def test_open_weights_have_a_price_only_where_their_seller_is_known() -> None:
    assert published_rates("https://api.groq.com/openai/v1", "openai/gpt-oss-120b")
    assert published_rates("https://api.deepseek.com/v1", "deepseek-chat")
    assert published_rates(GATEWAY, "gpt-oss-120b") == []
    assert published_rates(GATEWAY, "deepseek-chat") == []


def test_long_questions_have_their_own_rates() -> None:
    short, long = published_rates(GATEWAY, "gemini-2.5-pro")
    assert (short["above"], short["input"], short["output"]) == (0, 1.25, 10.0)
    assert (long["above"], long["input"], long["output"]) == (200_000, 2.5, 15.0)


@pytest.mark.parametrize("model", ["tts-1", "whisper-1"])
def test_what_is_not_paid_by_the_token_has_no_price(model: str) -> None:
    assert published_rates(OPENAI, model) == []


def test_what_costs_more_than_its_tokens_has_no_price(monkeypatch: pytest.MonkeyPatch) -> None:
    prices = {"input_mtok": Decimal(1), "output_mtok": Decimal(2), "requests_kcount": Decimal(5)}
    found = SimpleNamespace(model_price=SimpleNamespace(**prices))
    monkeypatch.setattr(genai_prices, "calc_price", lambda *_, **__: found)
    assert published_rates(OPENAI, "gpt-4o") == []
    del found.model_price.requests_kcount
    assert published_rates(OPENAI, "gpt-4o") == [{"above": 0, "input": 1.0, "output": 2.0}]
