"""The program in the embedded model's child process: llama.cpp's own OpenAI server.

:mod:`.model` starts and stops it and sends requests to it. It writes one line of JSON to the
process's standard input (``path``, ``name``, ``key``) and reads one line back (``address`` or
``error``). The process lives as long as its standard input is open, so it dies with its parent.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from pathlib import Path
from typing import Any

CONTEXT_TOKENS = 4096
PARALLEL_REQUESTS = 2
MAX_THREADS = 4
BATCH_TOKENS = 128
"""Tokens of a prompt that are processed at a time; cancellation is noticed between batches."""

WARNINGS = 2
"""The engine's log level for warnings and errors, without a line for each request."""


def main() -> None:
    """Serve until standard input ends."""
    order = json.loads(sys.stdin.readline())
    # llama.cpp's output goes to the parent's log, never into the line that the parent waits for.
    reply = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    try:
        server = _serve(order)
    except (ImportError, OSError, RuntimeError, ValueError) as error:
        print(json.dumps({"error": f"{type(error).__name__}: {error}"}), file=reply, flush=True)
        return
    print(json.dumps({"address": server.listening_address}), file=reply, flush=True)
    sys.stdin.read()
    # A killed parent cannot remove this process's folder. If it is not empty, it stays.
    with contextlib.suppress(OSError):
        Path.cwd().rmdir()
    # The engine's threads may still be working on an answer that nobody waits for.
    os._exit(0)


def _serve(order: dict[str, str]) -> Any:
    import xllamacpp

    parameters = xllamacpp.CommonParams()
    parameters.model.path = order["path"]
    parameters.model_alias = {order["name"]}
    parameters.api_keys = [order["key"]]
    parameters.hostnames = ["127.0.0.1"]
    parameters.port = 0
    parameters.n_ctx = CONTEXT_TOKENS
    parameters.n_parallel = PARALLEL_REQUESTS
    parameters.kv_unified = True
    parameters.n_batch = parameters.n_ubatch = BATCH_TOKENS
    parameters.cpuparams.n_threads = max(1, min((os.cpu_count() or 2) - 1, MAX_THREADS))
    # By default, the engine caches up to 8 GiB of prompts.
    parameters.cache_ram_mib = 0
    parameters.verbosity = WARNINGS
    # Our weights fit any memory; to work out how would take a third of the engine's start.
    parameters.fit_params = False
    parameters.ui = False
    parameters.endpoint_slots = False
    parameters.sampling.penalty_repeat = 1.1
    return xllamacpp.Server(parameters)


if __name__ == "__main__":
    main()
