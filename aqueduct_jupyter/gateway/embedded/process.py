"""This file is the program in the embedded model's child process: llama.cpp's own OpenAI server.

Starting it, asking it and stopping it are left to :mod:`.model`, which writes one line of
JSON to its standard input (``path``, ``name``, ``key``) and reads one back (``address`` or
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
MOST_THREADS = 4
BATCH_TOKENS = 128
"""A prompt is read in pieces of this size, between which a cancelled request is noticed."""

WARNINGS = 2
"""The engine's name for: say what is wrong, and not what each request does."""


def main() -> None:
    """Serve until standard input ends."""
    order = json.loads(sys.stdin.readline())
    # What llama.cpp prints goes to the log of the parent, never into the line it waits for.
    reply = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    try:
        server = _serve(order)
    except (ImportError, OSError, RuntimeError, ValueError) as error:
        print(json.dumps({"error": f"{type(error).__name__}: {error}"}), file=reply, flush=True)
        return
    print(json.dumps({"address": server.listening_address}), file=reply, flush=True)
    sys.stdin.read()
    # A parent that was killed cannot take this process's folder away. One that is not empty stays.
    with contextlib.suppress(OSError):
        Path.cwd().rmdir()
    # The engine's threads may be in the middle of an answer that nobody waits for any more.
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
    parameters.cpuparams.n_threads = max(1, min((os.cpu_count() or 2) - 1, MOST_THREADS))
    # The engine's own default keeps up to 8 GiB of prompts.
    parameters.cache_ram_mib = 0
    parameters.verbosity = WARNINGS
    parameters.ui = False
    parameters.endpoint_slots = False
    parameters.sampling.penalty_repeat = 1.1
    return xllamacpp.Server(parameters)


if __name__ == "__main__":
    main()
