"""``jupyter aqueduct hub``: runs the gateway as a service of a JupyterHub."""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

from ..protocol.errors import UnavailableError

__all__ = ["hub"]


def hub(config: str | None, arguments: Sequence[str]) -> int:
    """Run the service until SIGTERM or SIGINT.

    Args:
        config: the path of the service's settings; None for none.
        arguments: settings as on any Jupyter command line, such as ``--AqueductHub.prefix=/x/``.

    Returns:
        0, or 1 if a setting is invalid.

    Raises:
        UnavailableError: JupyterHub is not installed.
        OSError: the settings cannot be read, or the address is in use.
    """
    try:
        from ..server.hub.app import AqueductHub
    except ImportError as error:
        raise UnavailableError(
            f"The service needs {error.name}. Install it with: pip install 'aqueduct-jupyter[hub]'."
        ) from error
    logging.basicConfig(format="%(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    app = AqueductHub()
    app.parse_command_line(list(arguments))
    if config is not None:
        path = Path(config)
        path.stat()  # traitlets ignores a file that is missing
        app.raise_config_file_errors = True
        try:
            app.load_config_file(path.name, str(path.parent.resolve()))
        except Exception as error:  # the file is Python, so it may fail in any way
            # Half of the settings would be a service without the other half's limits.
            logging.getLogger(__name__).debug("The settings failed.", exc_info=True)
            print(f"jupyter aqueduct hub: {path}: {_where(error, path)}", file=sys.stderr)
            return 1
        # What is said on the command line counts more than the file.
        app.parse_command_line(list(arguments))
    try:
        app.run()
    except ValueError as error:
        print(f"jupyter aqueduct hub: {error}", file=sys.stderr)
        return 1
    return 0


def _where(error: Exception, path: Path) -> str:
    """Say what is wrong with the settings, and in which line."""
    line = error.lineno if isinstance(error, SyntaxError) else None
    for frame in traceback.extract_tb(error.__traceback__):
        if Path(frame.filename).name == path.name:
            line = frame.lineno
    place = f" in line {line}" if line else ""
    return (
        f"{type(error).__name__}{place}: {error}. The service does not start without its settings."
    )
