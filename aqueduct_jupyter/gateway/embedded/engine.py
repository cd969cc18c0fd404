"""The embedded model's engine: whether it is installed, and how its process is started."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import logging

from ...protocol.plain_text import plain_text
from ..children.child import Child

__all__ = ["is_engine_installed", "start_engine", "startup_failure"]

START_TIMEOUT = 60.0
"""How long the process may take to be ready, in seconds; the pinned weights need about one."""

_log = logging.getLogger(__name__)


def is_engine_installed() -> bool:
    """Return whether the engine (the extra ``local``) is installed, without loading it."""
    return importlib.util.find_spec("xllamacpp") is not None


async def start_engine(child: Child, order: bytes) -> dict[str, str]:
    """Start the engine in the process.

    Args:
        child: the process.
        order: one line of JSON with ``path``, ``name`` and ``key``.

    Returns:
        Its reply: ``address``, at which it listens, or ``error``.
    """
    try:
        async with asyncio.timeout(START_TIMEOUT):
            await child.write(order)
            return _read_reply(await child.read_line())
    except TimeoutError:
        return {"error": f"it was not ready after {START_TIMEOUT:.0f} seconds"}
    except (ConnectionError, ValueError):
        await child.end()
        output = await child.last_output()
        _log.warning("The embedded model's process ended during startup: %s", output)
        return {"error": f"its process ended during startup: {output.line}"}


def _read_reply(line: bytes) -> dict[str, str]:
    reply = json.loads(line)
    if not isinstance(reply, dict):
        raise ValueError("not an object")
    return reply


def startup_failure(error: str) -> str:
    """Return a message that says why the model did not start, and what to do about it."""
    if "libgomp" in error:
        fix = "The system library libgomp.so.1 is missing; install it (Debian: libgomp1)."
    elif "xllamacpp" in error and "No module" in error:
        fix = "Install the engine with: pip install 'aqueduct-jupyter[local]'."
    else:
        fix = "Check local_model_path, or run 'jupyter aqueduct pull'."
    return f"The embedded model did not start ({plain_text(error)}). {fix}"
