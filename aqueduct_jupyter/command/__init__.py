"""``jupyter aqueduct``: the terminal commands.

This module parses the arguments; each command is in the module of the same name.
"""

from __future__ import annotations

import argparse
import sys

from ..protocol.errors import AqueductError

__all__ = ["main"]


def main(arguments: list[str] | None = None) -> int:
    """Run ``jupyter aqueduct COMMAND``.

    Args:
        arguments: the arguments after ``jupyter aqueduct``; this process's by default.

    Returns:
        The exit status: 0, or 1 if something is wrong.
    """
    chosen = _parser().parse_args(arguments)
    try:
        return _run(chosen)
    except AqueductError as error:
        print(f"jupyter aqueduct: {error.message}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _run(chosen: argparse.Namespace) -> int:
    if chosen.command == "pull":
        from .pull import pull

        return pull(chosen.folder)
    if chosen.command == "demo":
        from .demo import demo

        return demo(chosen.pdf)
    if chosen.command == "status":
        from .status import status

        return status(chosen.url, chosen.token)
    from .doctor import doctor

    return doctor(chosen.url, chosen.token)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="jupyter aqueduct", description="Manage the gateway inside the Jupyter server."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    pull = commands.add_parser("pull", help="download the weights of the small embedded model")
    pull.add_argument("--folder", help="the data folder; Jupyter's own by default")
    demo = commands.add_parser("demo", help="ask the embedded model in a temporary server")
    demo.add_argument("pdf", nargs="?", help="a PDF to ask about")
    for name, purpose in (
        ("status", "show upstreams, models and running requests"),
        ("doctor", "check everything, and say how to fix each fault"),
    ):
        command = commands.add_parser(name, help=purpose)
        command.add_argument(
            "--url", help="the Jupyter server's address; found automatically by default"
        )
        command.add_argument("--token", help="its token")
    return parser
