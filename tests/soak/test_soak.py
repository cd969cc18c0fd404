"""A short soak. What must not grow takes longer to tell; ``make soak`` does."""

from __future__ import annotations

import pytest

from .checks import wrongs
from .run import soak


@pytest.mark.slow
async def test_under_load_with_faults_nothing_is_lost_or_left() -> None:
    soaked = await soak(seconds=8, clients=8, seed=1, rest=0)
    assert list(wrongs(soaked)) == []
