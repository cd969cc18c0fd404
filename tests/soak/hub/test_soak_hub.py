"""A short soak of the hub's service. What must not grow takes longer; ``make soak-hub`` tells."""

from __future__ import annotations

import pytest

from ...hub.service import forked_replica
from .checks import wrongs
from .run import soak_hub


@pytest.mark.slow
async def test_under_load_with_faults_all_accounts_are_exact() -> None:
    soaked = await soak_hub(seconds=12, users=10, seed=1, rest=0, popen=forked_replica)
    assert list(wrongs(soaked)) == []
