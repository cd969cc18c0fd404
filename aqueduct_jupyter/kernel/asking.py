"""Asking one question: the answer comes from the recording or the server, and is shown as it grows.

This module knows nothing of cells and magics: callers pass the question and its display.
Conversations are in :mod:`aqueduct_jupyter.protocol.conversation`, and typed answers in
:mod:`.structured`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..protocol.conversation import Message
from ..protocol.errors import (
    CellError,
    NotFoundError,
    UnknownFileError,
)
from ..protocol.plain_text import in_quotes
from .answer import Answer
from .client import Client
from .context import FilePart
from .display import Display
from .recording import Place, Recording, question_hash, without_keys

__all__ = ["Asker", "Question"]


@dataclass(slots=True)
class Question:
    """A question.

    Args:
        messages: the messages; a file part contains the hash of the file's content.
        parameters: the other API parameters, including ``model``.
        files: the files in the parts, by hash.
        is_streamed: False asks for the complete answer at once.
        client_id: the caller's own id for the request, with which another thread can stop it.
        place: where it is asked.
    """

    messages: Sequence[Message]
    parameters: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, FilePart] = field(default_factory=dict)
    is_streamed: bool = True
    client_id: str | None = None
    place: Place | None = None

    @property
    def key(self) -> str:
        """The hash under which its answer is recorded, the same with and without streaming."""
        return question_hash(self.messages, self.parameters)


class Asker:
    """Asks questions of one server.

    Args:
        connect: returns the client when the first question needs one.
        recording: where answers are recorded, or None.
        clock: the time in seconds; for tests.
    """

    def __init__(
        self,
        connect: Callable[[], Client],
        recording: Recording | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.connect = connect
        self._clock = clock
        self._uploaded: dict[tuple[str, str], str] = {}
        self.recording = recording

    def ask(
        self, question: Question, display: Display | None = None, answer: Answer | None = None
    ) -> Answer:
        """Ask a question.

        Args:
            question: the question.
            display: where the growing answer is shown, or None.
            answer: filled while the answer grows, so the partial answer is known if this raises.

        Raises:
            AqueductError: there is no complete answer. An interrupt propagates, and closes the
                upstream connection.
        """
        answer = Answer() if answer is None else answer
        recording, key, number = self.recording, question.key, 0
        if recording:
            number = recording.number(key, question.place)
            if recorded := recording.find(key, number):
                _fill(answer, recorded)
                return answer
            recording.check()
        started = self._clock()
        try:
            self._receive(question, display, answer)
        finally:
            answer.seconds = round(self._clock() - started, 2)
        if recording:
            recording.keep(key, answer, number)
        return answer

    def sent(self, question: Question) -> dict[str, Any]:
        """Return the body that would be sent, with each file represented by its hash."""
        return {"messages": without_keys(question.messages), **question.parameters}

    def _receive(self, question: Question, display: Display | None, answer: Answer) -> None:
        client = self.connect()
        try:
            self._receive_from(client, question, display, answer)
        except UnknownFileError:
            # An id from an earlier upload may have expired or its file been deleted; the bytes are
            # still here.
            known = {(client.base_url, file.sha256) for file in question.files.values()}
            if not known & self._uploaded.keys() or answer.text:
                raise
            for file in known:
                self._uploaded.pop(file, None)
            self._receive_from(client, question, display, answer)

    def _receive_from(
        self, client: Client, question: Question, display: Display | None, answer: Answer
    ) -> None:
        messages = self._uploaded_messages(client, question)
        if not question.is_streamed:
            _fill(answer, client.chat(messages, **question.parameters))
            return
        with client.stream(
            messages, answer=answer, client_request_id=question.client_id, **question.parameters
        ) as stream:
            for _ in stream:
                if display:
                    display.grow(answer)

    def _uploaded_messages(self, client: Client, question: Question) -> list[Message]:
        """Replace the files' hashes by the server's ids, or by the bytes."""
        return [
            {**message, "content": self._parts(client, message["content"], question)}
            for message in without_keys(question.messages)
        ]

    def _parts(
        self, client: Client, content: str | list[dict[str, Any]], question: Question
    ) -> str | list[dict[str, Any]]:
        if isinstance(content, str):
            return content
        return [self._part(client, part, question) for part in content]

    def _part(self, client: Client, part: dict[str, Any], question: Question) -> dict[str, Any]:
        if part["type"] != "file":
            return part
        file = question.files.get(part["file"].get("sha256"))
        if file is None:
            raise CellError(
                f"The file '{in_quotes(part['file'].get('filename'))}' of an earlier turn is no "
                "longer available. Attach it again, or start over with --new."
            )
        known = (client.base_url, file.sha256)
        if known not in self._uploaded:
            try:
                self._uploaded[known] = client.files.create(file.data, filename=file.filename)["id"]
            except NotFoundError:
                # A service without a Files API accepts files in the message, if at all.
                return file.inline_part()
        return {"type": "file", "file": {"file_id": self._uploaded[known]}}


def _fill(answer: Answer, found: Answer) -> None:
    for name, value in found.as_dict().items():
        setattr(answer, name, value)
