"""The extension in a real server: what it says at its start."""

from __future__ import annotations

from pathlib import Path

from ...real_server import campus, real_server
from ...standin import StandIn


def test_names_of_models_are_not_taken_for_options_of_the_command_line(
    standin: StandIn, tmp_path: Path
) -> None:
    upstreams, aliases = {"campus": campus(standin)}, {"main": "campus/real-name"}
    with real_server(tmp_path, upstreams, aliases=aliases) as server:
        assert server.ask("main").status_code == 200
        assert "error linking extension" not in server.log
