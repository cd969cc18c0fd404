"""This file is what all tests share: a stand-in upstream, real weights, a clean environment."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from aqueduct_jupyter.gateway.embedded.weights import pull_weights

from .installed import build_wheel, install_wheel
from .standin import StandIn

# Nothing timed belongs in a test, hypothesis' own clocks included.
settings.register_profile(
    "calm", deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=100
)
settings.load_profile("calm")

pytest_plugins = ["pytest_jupyter.jupyter_server"]


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AQUEDUCT_BASE_URL", "AQUEDUCT_TOKEN", "AQUEDUCT_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    for name in ("OPENAI_BASE_URL", "OPENAI_API_KEY", "JUPYTERHUB_USER"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def weights() -> Path:
    """The embedded model's weights, where ``make`` puts them."""
    return pull_weights(Path(__file__).parents[1] / "build" / "jupyter" / "data" / "aqueduct")


@pytest.fixture(scope="session")
def wheel() -> Path:
    """The wheel of this tree."""
    return build_wheel()


@pytest.fixture(scope="session")
def installed(wheel: Path) -> Path:
    """An environment's interpreter: the wheel is in it, JupyterLab and Notebook, and no Node."""
    return install_wheel(wheel)


@pytest.fixture
def standin() -> Iterator[StandIn]:
    with StandIn() as standin:
        yield standin
