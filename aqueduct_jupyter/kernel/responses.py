"""The server's responses as the client reads them: chunks, JSON and request ids."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx

from ..protocol.errors import AqueductError, DisconnectedError, error_from_envelope
from ..protocol.notes import MODEL_HEADER, NOTES_HEADER, read_model, read_notes
from ..protocol.plain_text import plain_text
from ..protocol.sse import DONE, FrameBuffer, decode_frame, split_frames

__all__ = ["chunks_of", "model_of", "notes_of", "parsed", "request_id_of", "with_request_id"]


def chunks_of(response: httpx.Response) -> Iterator[dict[str, Any]]:
    """Read the chunks of a streamed answer.

    Raises:
        AqueductError: the stream holds an error.
        DisconnectedError: it ended before the answer was complete.
    """
    buffer = FrameBuffer()
    for data in response.iter_bytes():
        for frame in split_frames(buffer.feed(data)):
            event = decode_frame(frame)
            if event is None:
                continue
            if event.data.strip() == DONE:
                return
            chunk = parsed(event.data)
            if not isinstance(chunk, dict) or chunk.get("error"):
                raise error_from_envelope(0, chunk)
            yield chunk
    raise DisconnectedError("The stream ended before the answer was complete; ask again.")


def parsed(text: bytes | str) -> Any:
    """Decode JSON; None if it is not valid."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def request_id_of(response: httpx.Response) -> str | None:
    """Return the server's id of the request, if the response has one."""
    return plain_text(response.headers.get("x-request-id")) or None


def model_of(response: httpx.Response) -> str | None:
    """Return the model that our server asked; an upstream may name none in its answer."""
    return read_model(response.headers.get(MODEL_HEADER))


def notes_of(response: httpx.Response) -> list[str]:
    """Return what the server has to say about the request, for its user."""
    return read_notes(response.headers.get(NOTES_HEADER))


def with_request_id(error: AqueductError, response: httpx.Response) -> AqueductError:
    """Return the error with the id of its request."""
    error.request_id = request_id_of(response)
    return error
