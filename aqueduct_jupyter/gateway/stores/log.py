"""The logger of all stores."""

from __future__ import annotations

import logging

__all__ = ["log"]

log = logging.getLogger("aqueduct_jupyter.gateway.stores")
