"""The child process that knows published prices; the data are those of the package genai-prices.

:mod:`.published` starts it, and writes one line of JSON to its standard input for each model:
``base_url`` and ``model``. The answer is one line: a list of rates (see :class:`.price.Rates`),
empty if the price is not known. The process lives as long as its standard input is open, so it dies
with its parent. It never uses the network.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterator
from typing import Any

__all__ = ["published_rates"]

# Only their vendors sell these models, so they cost the same behind a gateway. Models with open
# weights are not in here: each host has a price of its own, and one's own machine has none.
_VENDORS = {
    "anthropic": re.compile(r"claude-"),
    "google": re.compile(r"gemini-"),
    "openai": re.compile(r"gpt-\d|chatgpt-|o\d(-|$)|text-embedding-(3|ada)-"),
}

_RATES = {"input": "input_mtok", "output": "output_mtok", "cached_input": "cache_read_mtok"}

_OTHER_UNITS = ("requests", "output_reasoning", "output_citation")
"""How the names of prices begin that every answer has, but that are not for tokens we count."""


def main() -> None:
    """Answer lines until standard input ends."""
    # Output that libraries print goes to the parent's log, never between the answers.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        print(json.dumps(published_rates(**json.loads(line))), file=answers, flush=True)


def published_rates(base_url: str, model: str) -> list[dict[str, Any]]:
    """Return the rates of an upstream's model as of now, in the form that :mod:`.price` reads.

    The upstream's address tells who sells the model. If it does not, the model's name may.

    Args:
        base_url: the upstream's address.
        model: its name for the model.
    """
    from genai_prices import Usage, calc_price

    vendors = (vendor for vendor, names in _VENDORS.items() if names.match(model))
    sellers = [{"provider_api_url": base_url}, *({"provider_id": vendor} for vendor in vendors)]
    for seller in sellers:
        try:
            found = calc_price(Usage(input_tokens=1), model, **seller)  # type: ignore[call-overload]
        except (LookupError, ValueError):
            continue
        return list(_rates(found.model_price))
    return []


def _rates(price: Any) -> Iterator[dict[str, Any]]:
    known = {name: value for name, value in vars(price).items() if value is not None}
    if "input_mtok" not in known or any(name.startswith(_OTHER_UNITS) for name in known):
        return
    counted = {name: known[theirs] for name, theirs in _RATES.items() if theirs in known}
    starts = {tier.start for value in counted.values() for tier in getattr(value, "tiers", ())}
    for above in sorted({0, *starts}):
        yield {"above": above, **{name: _at(value, above) for name, value in counted.items()}}


def _at(value: Any, above: int) -> float:
    """Return the value for questions with more tokens than ``above``."""
    tiers = [tier.price for tier in getattr(value, "tiers", ()) if tier.start <= above]
    return float([getattr(value, "base", value), *tiers][-1])


if __name__ == "__main__":
    main()
