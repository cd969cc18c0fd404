"""``python -m aqueduct_jupyter.command``: ``jupyter aqueduct``, not looked up on PATH.

What the words mean is left to the package itself.
"""

from __future__ import annotations

import sys

from . import main

if __name__ == "__main__":
    sys.exit(main())
