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
        The exit status: 0, or 1 if something is wrong; for an agent, the agent's own.
    """
    words = sys.argv[1:] if arguments is None else arguments
    own, theirs = _divided(words)
    chosen, more = _parser().parse_known_args(own)
    if more and chosen.command != "hub":
        _parser().error(f"unrecognized arguments: {' '.join(more)}")
    try:
        return _run(chosen, [*more, *theirs])
    except AqueductError as error:
        print(f"jupyter aqueduct: {error.message}", file=sys.stderr)
        return 1
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        print(f"jupyter aqueduct: {where}{error.strerror or error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _divided(words: list[str]) -> tuple[list[str], list[str]]:
    """Separate what follows the first ``--`` of an agent's line: the agent's own arguments."""
    if words[:1] != ["agent"] or "--" not in words:
        return words, []
    end = words.index("--")
    return words[:end], words[end + 1 :]


def _run(chosen: argparse.Namespace, theirs: list[str]) -> int:
    if chosen.command == "pull":
        from .pull import pull

        return pull(chosen.folder)
    if chosen.command == "demo":
        from .demo import demo

        return demo(chosen.pdf)
    if chosen.command == "status":
        from .status import status

        return status(chosen.url, chosen.token)
    if chosen.command == "hub":
        from .hub import hub

        return hub(chosen.config, theirs)
    if chosen.command == "agent":
        from .agent import AgentCommand, agent

        return agent(
            AgentCommand(
                chosen.program,
                [*chosen.arguments, *theirs],
                url=chosen.url,
                token=chosen.token,
                model=chosen.model,
                max_tokens=chosen.max_tokens,
                prints=chosen.print,
            )
        )
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
        _add_server(commands.add_parser(name, help=purpose))
    _add_agent(commands.add_parser("agent", help="start an agent with a key of its own"))
    hub = commands.add_parser("hub", help="run the gateway as a service of a JupyterHub")
    hub.add_argument("--config", "-f", help="the file of its settings, c.AqueductHub")
    return parser


def _add_server(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--url", help="the Jupyter server's address; found automatically by default"
    )
    command.add_argument("--token", help="its token")


def _add_agent(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "program",
        choices=("codex", "claude", "opencode", "env"),
        help="the agent; env prints the variables for any other program",
    )
    command.add_argument("arguments", nargs="*", help="the agent's own arguments, after --")
    _add_server(command)
    command.add_argument("--model", help="the model to ask; the server's default model by default")
    command.add_argument(
        "--max-tokens", type=int, help="the most tokens that the agent may use; no limit by default"
    )
    command.add_argument(
        "--print", action="store_true", help="print how to start the agent instead of starting it"
    )
