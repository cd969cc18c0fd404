"""Whose price counts: the operator's by any name, then the published one, then none."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from aqueduct_jupyter.gateway.prices.price import Price, Rates
from aqueduct_jupyter.gateway.prices.prices import Prices
from aqueduct_jupyter.gateway.prices.published import PublishedPrices

PUBLISHED = Price((Rates(9.0),))


class Published(PublishedPrices):
    def get(self, base_url: str, model: str, give: Callable[[Price | None], None]) -> None:
        give(PUBLISHED)


def price_of(*configured: str, url: str = "https://campus.example/v1") -> Price | None:
    prices = Prices({name: Price((Rates(len(name)),)) for name in configured}, Published())
    given: list[Price | None] = []
    prices.get(("main", "campus/org/llama", "org/llama"), "org/llama", url, given.append)
    return given[0] if given else None


@pytest.mark.parametrize(
    ("configured", "name"),
    [
        (["main"], "main"),
        (["campus/org/llama"], "campus/org/llama"),
        (["org/llama"], "org/llama"),
        (["org/llama", "campus/org/llama"], "campus/org/llama"),
        (["org/llama", "campus/org/llama", "main"], "main"),
    ],
)
def test_the_operators_price_is_found_by_the_closest_name(configured: list[str], name: str) -> None:
    assert price_of(*configured) == Price((Rates(len(name)),))


def test_other_models_have_their_published_price() -> None:
    assert price_of("llama", "campus") == PUBLISHED


def test_models_on_this_network_have_only_the_operators_price() -> None:
    assert price_of(url="http://localhost:8000/v1") is None
    assert price_of("main", url="http://localhost:8000/v1") == Price((Rates(4),))
