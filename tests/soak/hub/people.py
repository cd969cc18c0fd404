"""Who asks in a soak of the hub's service, and what they may use.

The budgets of a minute are such that many reach them and begin again; those of a day are so small
for one group that its members stop in the middle of the soak.
"""

from __future__ import annotations

from typing import Any

__all__ = ["limits", "members"]

GROUPS = ("staff", "students", "guests")


def members(count: int) -> dict[str, frozenset[str]]:
    """Give the groups of so many users; every tenth is in two."""
    return {
        f"user-{number}": frozenset(
            {GROUPS[number % 3], *([GROUPS[(number + 1) % 3]] if number % 10 == 0 else [])}
        )
        for number in range(count)
    }


def limits(seconds: float, count: int) -> dict[str, Any]:
    """Give what they may use, for a soak of so many seconds with so many users."""
    return {
        "user": {"tokens_per_day": 10**6},
        "kernel": {"requests_per_minute": 20, "tokens_per_minute": 5_000},
        "groups": {
            "staff": {"member": {"requests_per_minute": 60, "requests_in_flight": 3}},
            "students": {
                "member": {"requests_per_minute": 40, "tokens_per_month": 10**6},
                "together": {
                    "tokens_per_minute": 400 * count,
                    "requests_in_flight": count // 4 + 1,
                },
            },
            "guests": {
                "member": {
                    "requests_per_day": max(5, round(seconds / 4)),
                    "tokens_per_day": max(500, round(seconds * 15)),
                },
                "together": {"requests_per_month": 10**6},
            },
        },
        "everyone": {
            "requests_per_minute": 40 * count,
            "tokens_per_month": 10**9,
            "usd_per_month": 10**6,
            "requests_in_flight": count,
            "carry_over": 0.5,
        },
    }
