"""``jupyter aqueduct hub``: settings that cannot be used. A service that runs is in tests/hub."""

from __future__ import annotations

from pathlib import Path

import pytest

from aqueduct_jupyter.command.hub import hub

GOOD = "c.AqueductHub.upstreams = {}\n"


@pytest.mark.parametrize(
    ("settings", "what"),
    [
        (
            f"{GOOD}c.AqueductHub.limits = {{'user': {{'tokens_per_day': lots}}}}\n",
            "NameError in line 2",
        ),
        (f"{GOOD}c.AqueductHub.limits = {{\n", "SyntaxError in line 2"),
        (f"{GOOD}\nopen('/nowhere/at-all')\n", "FileNotFoundError in line 3"),
    ],
)
def test_no_service_starts_without_its_settings(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], settings: str, what: str
) -> None:
    file = tmp_path / "aqueduct_hub_config.py"
    file.write_text(settings)
    assert hub(str(file), []) == 1
    said = capsys.readouterr().err
    assert f"{file}: {what}: " in said
    assert "does not start without its settings" in said
    with pytest.raises(FileNotFoundError):
        hub(str(tmp_path / "missing.py"), [])
