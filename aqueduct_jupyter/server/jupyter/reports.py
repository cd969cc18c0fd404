"""This file is how finished requests are told to whoever reads logs and events.

One line a request in the server's log, as JSON, because names in it are a client's; and one event
for those who have configured Jupyter's event system. The ledger and the metrics are the gateway's.
"""

from __future__ import annotations

import json
import logging
from typing import Any

from jupyter_events import EventLogger

from ...gateway.entry import Entry

__all__ = ["EVENT_SCHEMA_ID", "Reports"]

EVENT_SCHEMA_ID = "https://schema.aqueduct-jupyter.invalid/chat_request/v1"
"""The event's name, as Jupyter wants it: an address that leads nowhere."""

_TEXTS = ("request_id", "outcome")
_MAYBE_TEXTS = ("kernel", "model", "upstream", "error_code")
_NUMBERS = ("status", "total_ms")
_MAYBE_NUMBERS = ("tokens_in", "tokens_out", "first_token_ms")
_FIELDS = (*_TEXTS, *_MAYBE_TEXTS, *_NUMBERS, *_MAYBE_NUMBERS, "is_stream", "is_estimated")

_SCHEMA = {
    "$id": EVENT_SCHEMA_ID,
    "version": "1",
    "title": "Chat request",
    "description": "A chat request that is over: counts and times, never a word of it.",
    "type": "object",
    "properties": {
        **{word: {"type": "string"} for word in _TEXTS},
        **{word: {"type": ["string", "null"]} for word in _MAYBE_TEXTS},
        **{word: {"type": "number"} for word in _NUMBERS},
        **{word: {"type": ["number", "null"]} for word in _MAYBE_NUMBERS},
        **{word: {"type": "boolean"} for word in ("is_stream", "is_estimated")},
    },
    "required": list(_FIELDS),
}


class Reports:
    """Tells of finished requests.

    Args:
        log: the server's log.
        events: Jupyter's event system; an event without anybody who listens costs nothing.
    """

    def __init__(
        self, log: logging.Logger | logging.LoggerAdapter[Any], events: EventLogger
    ) -> None:
        self._log = log
        self._events = events
        if EVENT_SCHEMA_ID not in events.schemas:
            events.register_event_schema(_SCHEMA)

    def record(self, entry: Entry) -> None:
        """Tell of one."""
        words = {word: getattr(entry, word) for word in _FIELDS}
        self._log.info("request %s", json.dumps(words))
        self._events.emit(schema_id=EVENT_SCHEMA_ID, data=words)
