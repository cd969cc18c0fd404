"""``python -m aqueduct_jupyter.command``: ``jupyter aqueduct`` without a lookup on PATH.

The package itself parses the arguments.
"""

from __future__ import annotations

import sys

from . import main

if __name__ == "__main__":
    sys.exit(main())
