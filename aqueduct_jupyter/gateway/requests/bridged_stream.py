"""A streamed answer of an upstream that speaks another API than the client: read and written anew.

It takes the place of the check of a stream that passes; see :mod:`.checked_stream`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from ...protocol.bridges.forms import Reader, ReadFailure, Writer
from ...protocol.bridges.responses_writer import ResponsesWriter
from ...protocol.errors import AqueductError
from ...protocol.items import Counted, Delta, End, Failed, ItemEvent
from ...protocol.sse import Event
from ..upstreams.failures import failure_from_event
from ..upstreams.secrets import Secrets
from .checked_stream import CheckedStream

__all__ = ["BridgedStream", "read_failure"]


def read_failure(upstream: str, secrets: Secrets) -> ReadFailure:
    """Return the function that converts an error in an upstream's answer."""
    return lambda answer: failure_from_event(upstream, dict(answer), secrets)


def _joined(items: Sequence[ItemEvent]) -> Iterable[ItemEvent]:
    """Join the pieces of a text that arrived together: one event costs as much as a long one."""
    return items if len(items) < 2 else _with_joined_texts(items)


def _with_joined_texts(items: Sequence[ItemEvent]) -> Iterator[ItemEvent]:
    item, pieces = -1, list[str]()
    for event in items:
        if isinstance(event, Delta) and event.item == item:
            pieces.append(event.text)
            continue
        if pieces:
            yield Delta(item, "".join(pieces))
            item, pieces = -1, []
        if isinstance(event, Delta):
            item, pieces = event.item, [event.text]
        else:
            yield event
    if pieces:
        yield Delta(item, "".join(pieces))


class BridgedStream(CheckedStream):
    """The state of one bridged stream.

    Args:
        upstream: the upstream's name, for messages.
        secrets: what must not be passed on in an error's message.
        reader: creates the reader of the upstream's API.
        writer: the writer of the client's API.
    """

    def __init__(
        self,
        upstream: str,
        secrets: Secrets,
        reader: Callable[[ReadFailure], Reader],
        writer: Writer,
    ) -> None:
        super().__init__(upstream, secrets)
        self._reader = reader(read_failure(upstream, secrets))
        self._writer = writer

    def feed(self, data: bytes) -> bytes:
        """Read the upstream's next bytes and return the client's, if any."""
        if self.is_over:
            return b""
        frames = self._buffer.feed(data)
        self._check_pending()
        if not frames:
            return b""
        self.deltas += frames.count(self.delta_mark)
        return b"".join(map(self._write, _joined(self._reader.read(frames))))

    def forward(self, send: Callable[[bytes], bool], data: bytes) -> bool:  # noqa: ARG002  # nothing passes
        """Refuse to send anything unchanged."""
        return False

    def end(self) -> bytes:
        """Note that the upstream ended the stream properly, and return the last bytes to send."""
        last = self._end_pending()
        if self.is_over:
            return last
        return b"".join((last, *map(self._write, self._reader.end())))

    @staticmethod
    def first_mark(frames: bytes) -> int:
        """Every frame matters."""
        return 0 if frames else -1

    def judge(self, event: Event, frame: bytes) -> bytes:  # noqa: ARG002  # the base's signature
        """Write an event anew."""
        return b"".join(map(self._write, self._reader.feed(event)))

    def error_frames(self, error: AqueductError) -> bytes:
        """Write an error as the client's API has it."""
        return self._writer.write(Failed(error))

    def is_event(self, event: Event) -> bool:
        """Whether an event is whole, although its empty line is missing."""
        return bool(event.data)

    def _write(self, item: ItemEvent) -> bytes:
        if self.is_over:
            return b""
        match item:
            case Failed(error):
                # read_frames() decides whether it becomes a status or the last event.
                self.error = error
                return b""
            case Counted(usage):
                self.usage = usage
            case End():
                self.is_done = True
        # Token counts alone do not begin an answer: an error can still become a status.
        opening = b""
        if not self.has_begun and not isinstance(item, Counted):
            self.has_begun = True
            opening = self._writer.begin()
        written = opening + self._writer.write(item)
        if self.is_done and isinstance(self._writer, ResponsesWriter):
            self.answer = self._writer.response
        return written
