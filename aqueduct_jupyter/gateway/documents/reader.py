"""The document reader: the format of a file, the process that reads it, and a cache.

* Text and notebooks are read here, in a thread, if their encoding is certain. All else goes to a
  child process, which is killed and replaced if it hangs, crashes or takes too much memory; the
  server is not affected.
* The same bytes are read only once: concurrent requests share a result, and later ones get it from
  a cache. Failures are not cached.

Formats are determined in :mod:`.kinds` and read in :mod:`.text`. The child processes are in
:mod:`.processes`, and the text is used in :mod:`.attachments`.
"""

from __future__ import annotations

import asyncio
import io
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from cachetools import LRUCache

from ...protocol.errors import DocumentError
from ...protocol.plain_text import in_quotes
from ..children.sandbox import Confinement
from ..offload import off_the_loop
from .kinds import Format, format_of
from .processes import CHILD, WorkerPool
from .text import MAX_TEXT_BYTES, read_certain
from .unreadable import Reason, UnreadableError

__all__ = ["DocumentReader", "shown_name"]

LONGEST_NAME = 120
"""Characters of a file name that are shown."""

_Key = tuple[str, Format]

_READABLE = (
    "PDF, DOCX, PPTX, XLSX, XLS, ODT, ODS, ODP, RTF, EPUB, mail (.eml, .msg), HTML, CSV, Markdown, "
    "notebooks (.ipynb), plain text and source code"
)


_COMPLAINTS: dict[Reason, tuple[str | None, str]] = {
    "broken": (
        None,
        "The file {name} cannot be read: it is damaged, truncated or encrypted. Open it in the "
        "program that made it and save it again.",
    ),
    "charset": (
        "unknown_charset",
        "The encoding of the file {name} is not known: it is not UTF-8, and its bytes do not tell. "
        "Save it as UTF-8, or declare its charset in its media type, such as "
        "text/plain; charset=windows-1251.",
    ),
    "not_as_declared": (
        None,
        "The file {name} is not what its name or media type says: it is damaged, or in another "
        "format. Open it in the program that made it and save it again, or name it as what it is.",
    ),
    "encrypted": (None, "The file {name} is encrypted. Save it without a password first."),
    "empty": (
        "document_without_text",
        "The file {name} contains no text: it is empty, or a scan. Send it as an image, or run OCR "
        "on it first.",
    ),
    "long": (
        "document_too_long",
        "The file {name} has more than {text_limit} MB of text. Send only the part that matters.",
    ),
    "memory": (
        "document_too_complex",
        "Reading the file {name} takes more than {memory_limit} MB of memory. Send a part of it.",
    ),
    "unsupported": (
        "unsupported_document",
        f"The format of the file {{name}} is not supported. Supported formats: {_READABLE}.",
    ),
    "crash": (
        None,
        "The file {name} cannot be read: it crashes the reader, so it is probably damaged. Open it "
        "in the program that made it and save it again.",
    ),
    "old_office": (
        "unsupported_document",
        "The file {name} is in an old Office format. Save it as DOCX or PPTX first.",
    ),
    "timeout": (
        "document_timeout",
        "The file {name} could not be read within {timeout:g} seconds. Send a part of it.",
    ),
}


def shown_name(filename: str) -> str:
    """Return a file name that is safe in a message: one line, no quotes, not too long."""
    return in_quotes(filename, LONGEST_NAME) or "document"


class DocumentReader:
    """Reads documents, several at a time, and caches their text.

    Args:
        workers: how many child processes read at the same time.
        timeout: how long a child may take for one document, in seconds.
        memory_limit: memory that a child may take for one document, in bytes (Linux only).
        cache_bytes: size of the cache, in bytes.
        command: the child's command; for tests.
    """

    def __init__(
        self,
        *,
        workers: int = 2,
        timeout: float = 30.0,
        memory_limit: int = 2**30,
        cache_bytes: int = 64 * 2**20,
        command: Sequence[str] = CHILD,
    ) -> None:
        self._timeout = timeout
        self._memory_limit = memory_limit
        self._pool = WorkerPool(workers, (*command, str(memory_limit)), timeout)
        self._cache: LRUCache[_Key, str] = LRUCache(cache_bytes, getsizeof=sys.getsizeof)
        self._readings: dict[_Key, _Reading] = {}

    @property
    def confinement(self) -> Confinement:
        """The child processes' sandbox: as the last one reported, or as the system supports it."""
        return self._pool.confinement

    async def read(
        self,
        data: bytes,
        *,
        filename: str,
        media_type: str,
        sha256: str,
    ) -> str:
        """Return the text of a document, with its formatting as far as Markdown allows.

        Args:
            data: the document.
            filename: its name, for messages, and for its format if the bytes do not tell.
            media_type: its media type with parameters, or "".
            sha256: the SHA-256 of the bytes, in hexadecimal.

        Raises:
            DocumentError: no text can be extracted; the message names the file and says why.
            UnavailableError: no child process can be started.
        """
        try:
            document_format = await off_the_loop(len(data), _format_of, data, filename, media_type)
            text = await off_the_loop(
                len(data), read_certain, document_format.kind, data, document_format.charset
            )
            if text is not None:
                return text
            return await self._read_once((sha256, document_format), data)
        except UnreadableError as error:
            raise self._complaint(error.reason, filename) from error

    async def close(self) -> None:
        """Stop the child processes; documents that are being read fail."""
        await self._pool.close()

    async def _read_once(self, key: _Key, data: bytes) -> str:
        if (text := self._cache.get(key)) is not None:
            return text
        reading = self._readings.get(key)
        if reading is None:
            task = asyncio.create_task(self._read_in_child(key, data))
            reading = self._readings[key] = _Reading(task)
            task.add_done_callback(lambda _: self._forget(key, reading))
        reading.waiting += 1
        try:
            return await asyncio.shield(reading.task)
        finally:
            reading.waiting -= 1
            if reading.waiting == 0 and not reading.task.done():
                self._forget(key, reading)
                reading.task.cancel()

    async def _read_in_child(self, key: _Key, data: bytes) -> str:
        _, document_format = key
        text = await self._pool.read(document_format, data)
        if sys.getsizeof(text) <= self._cache.maxsize:
            self._cache[key] = text
        return text

    def _forget(self, key: _Key, reading: _Reading) -> None:
        if self._readings.get(key) is reading:
            del self._readings[key]

    def _complaint(self, reason: Reason, filename: str) -> DocumentError:
        code, sentence = _COMPLAINTS[reason]
        message = sentence.format(
            name=f"'{shown_name(filename)}'",
            text_limit=MAX_TEXT_BYTES // 2**20,
            memory_limit=self._memory_limit // 2**20,
            timeout=self._timeout,
        )
        return DocumentError(message, code=code)


@dataclass(slots=True)
class _Reading:
    """A document that is being read, and how many requests wait for it."""

    task: asyncio.Task[str]
    waiting: int = 0


def _format_of(data: bytes, filename: str, media_type: str) -> Format:
    return format_of(io.BytesIO(data), filename, media_type)
