"""Reports of finished requests: a log line and an event for each.

The log line is JSON, because it contains names that clients chose. The event goes to Jupyter's
event system. The ledger and the metrics are the gateway's.
"""

from __future__ import annotations

import json
import logging
from typing import Any

from jupyter_events import EventLogger

from ...gateway.entry import REPORTED, Entry

__all__ = ["EVENT_SCHEMA_ID", "Reports"]

EVENT_SCHEMA_ID = "https://schema.aqueduct-jupyter.invalid/chat_request/v1"
"""The event's schema id: Jupyter requires a URL; nothing is served at this one."""

_TEXTS = ("request_id", "outcome", "api")
_NULLABLE_TEXTS = ("kernel", "model", "upstream", "upstream_api", "error_code")
_NUMBERS = ("status", "total_ms", "fallbacks")
_NULLABLE_NUMBERS = ("tokens_in", "tokens_out", "usd", "first_token_ms")

_SCHEMA = {
    "$id": EVENT_SCHEMA_ID,
    "version": "1",
    "title": "Request",
    "description": "A finished request: counts and times, never any of its text.",
    "type": "object",
    "properties": {
        **{field: {"type": "string"} for field in _TEXTS},
        **{field: {"type": ["string", "null"]} for field in _NULLABLE_TEXTS},
        **{field: {"type": "number"} for field in _NUMBERS},
        **{field: {"type": ["number", "null"]} for field in _NULLABLE_NUMBERS},
        **{field: {"type": "boolean"} for field in ("is_stream", "is_estimated")},
    },
    "required": list(REPORTED),
}


class Reports:
    """Reports finished requests.

    Args:
        log: the server's log.
        events: Jupyter's event system; an event without listeners costs nothing.
    """

    def __init__(
        self, log: logging.Logger | logging.LoggerAdapter[Any], events: EventLogger
    ) -> None:
        self._log = log
        self._events = events
        if EVENT_SCHEMA_ID not in events.schemas:
            events.register_event_schema(_SCHEMA)

    def record(self, entry: Entry) -> None:
        """Report one request."""
        fields = entry.report()
        self._log.info("request %s", json.dumps(fields))
        self._events.emit(schema_id=EVENT_SCHEMA_ID, data=fields)
