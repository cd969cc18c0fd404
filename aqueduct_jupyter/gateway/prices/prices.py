"""The prices of all models: the operator's, then published ones.

Sums of prices are in the ledger, budgets in :mod:`aqueduct_jupyter.gateway.requests.limits`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from .price import Price
from .published import PublishedPrices, is_local

__all__ = ["Prices"]


class Prices:
    """Finds the price of a model.

    Args:
        configured: the operator's prices by model, from :func:`.price.read_prices`.
        published: published prices, for models that the operator's do not have.
    """

    def __init__(
        self,
        configured: Mapping[str, Price] | None = None,
        published: PublishedPrices | None = None,
    ) -> None:
        self._configured = configured or {}
        self._published = published or PublishedPrices()

    def get(
        self,
        names: Sequence[str | None],
        model: str,
        base_url: str,
        give: Callable[[Price | None], None],
    ) -> None:
        """Give a model's price to a function: at once, or as soon as it has been looked up.

        Args:
            names: the names under which the operator may have set a price; the first one counts.
            model: the upstream's name for the model.
            base_url: the upstream's address.
            give: called with the price; not called if there can be none.
        """
        for known in names:
            if known is not None and (price := self._configured.get(known)):
                give(price)
                return
        if not is_local(base_url):
            self._published.get(base_url, model, give)

    async def known(self, base_url: str, model: str) -> None:
        """Wait until the first lookup of a model, if there is one, is over."""
        await self._published.known(base_url, model)

    async def close(self) -> None:
        """End the process that knows published prices."""
        await self._published.close()
