"""How many examples hypothesis looks at: few in ``make test``, many in ``make test-nightly``."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

__all__ = ["examples", "register_profiles"]

MANY, FEW = 100, 15
"""For a test that does not say how many it wants."""


def register_profiles() -> None:
    """Make both profiles known and use the small one, unless pytest is told another."""
    # Nothing timed belongs in a test, hypothesis' own clocks included.
    settings.register_profile(
        "nightly", deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=MANY
    )
    settings.register_profile("calm", settings.get_profile("nightly"), max_examples=FEW)
    settings.load_profile("calm")


def examples(many: int, few: int | None = None) -> int:
    """Give how many examples a test takes that has its own large number.

    Args:
        many: how many in ``make test-nightly``.
        few: how many in ``make test``; by default the small profile's share of many.
    """
    profile = settings.default.max_examples
    return few if few is not None and profile < MANY else many * profile // MANY
