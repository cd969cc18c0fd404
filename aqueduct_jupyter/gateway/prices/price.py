"""One model's price, and the operator's prices from the settings.

The models' own prices are looked up in :mod:`.published`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

__all__ = ["ConfiguredPrice", "Price", "Rates", "read_prices"]

MILLION = 1_000_000

_Rate = Annotated[float, Field(ge=0, allow_inf_nan=False)]


@dataclass(frozen=True, slots=True)
class Rates:
    """US dollars per million tokens.

    Args:
        input: for tokens of a question.
        output: for tokens of an answer; None if it is not known.
        cached_input: for the tokens of a question that the upstream had cached; None if they cost
            as much as others.
        above: the rates apply to a request whose question has more tokens than this.
    """

    input: float
    output: float | None = None
    cached_input: float | None = None
    above: int = 0


@dataclass(frozen=True, slots=True)
class Price:
    """What the tokens of one model cost; ``rates`` are those of short questions first."""

    rates: tuple[Rates, ...]

    def usd(self, tokens_in: int, tokens_out: int, tokens_cached: int = 0) -> float | None:
        """Compute the price of a request in US dollars; None if it is not known.

        Args:
            tokens_in: tokens of the question.
            tokens_out: tokens of the answer.
            tokens_cached: how many of ``tokens_in`` the upstream had cached.
        """
        fitting = (rates for rates in reversed(self.rates) if tokens_in > rates.above)
        rates = next(fitting, self.rates[0])
        if rates.output is None and tokens_out:
            return None
        cached = min(tokens_cached, tokens_in)
        per_cached = rates.input if rates.cached_input is None else rates.cached_input
        asked = (tokens_in - cached) * rates.input + cached * per_cached
        return (asked + tokens_out * (rates.output or 0)) / MILLION


class ConfiguredPrice(BaseModel):
    """One entry of ``c.AqueductApp.prices``, in US dollars per million tokens."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    input: _Rate
    output: _Rate
    cached_input: _Rate | None = None


_PRICES = TypeAdapter(dict[str, ConfiguredPrice])


def read_prices(configured: object, section: str = "AqueductApp") -> Mapping[str, Price]:
    """Read ``c.AqueductApp.prices``.

    Args:
        configured: what the operator wrote.
        section: the name of the configuration's section, for messages.

    Raises:
        ValueError: an option is missing or unknown, or a value is out of range; the message names
            the entry.
    """
    try:
        entries = _PRICES.validate_python(configured)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(step) for step in ("prices", *first["loc"]))
        raise ValueError(f"{section}.{where}: {first['msg']}.") from None
    return {name: Price((Rates(**entry.model_dump()),)) for name, entry in entries.items()}
