"""Documents in child processes: read once, killed at their limits, and never the server's end."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from aqueduct_jupyter.gateway.documents.reader import DocumentReader, shown_name
from aqueduct_jupyter.protocol.errors import DocumentError, UnavailableError

from . import samples

MISBEHAVING = """
import os, sys, time
from aqueduct_jupyter.gateway.documents import worker

def read(kind, data, charset=None):
    if b"hang" in data:
        time.sleep(3600)
    if b"crash" in data:
        os.abort()
    if b"eat" in data:
        return str(len(bytearray(2**29)))
    if b"talk" in data:
        print("noise on standard output", flush=True)
    if b"environment" in data:
        return repr(dict(os.environ)) + os.getcwd()
    if b"slow" in data:
        time.sleep(0.2)
    if b"nonsense" in data:
        worker._send = lambda answers, *_: (answers.write(bytes([255] * 9)), answers.flush())
    return f"{os.getpid()} read {len(data)} at {time.time_ns()}"

worker.read = read
worker.main()
"""


@contextlib.asynccontextmanager
async def reader(**more: Any) -> AsyncIterator[DocumentReader]:
    reader = DocumentReader(**more)
    try:
        yield reader
    finally:
        await reader.close()


def misbehaving(**more: Any) -> contextlib.AbstractAsyncContextManager[DocumentReader]:
    return reader(command=(sys.executable, "-c", MISBEHAVING), **more)


async def read(reader: DocumentReader, data: bytes, filename: str = "a.pdf") -> str:
    sha256 = hashlib.sha256(data).hexdigest()
    return await reader.read(data, filename=filename, media_type="", sha256=sha256)


async def complaint(reader: DocumentReader, data: bytes, filename: str = "a.pdf") -> DocumentError:
    with pytest.raises(DocumentError) as caught:
        await read(reader, data, filename)
    assert caught.value.status == 400
    assert f"'{filename}'" in caught.value.message
    return caught.value


def is_alive(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    return True


async def end_of(process_id: int) -> None:
    for _ in range(1000):
        if not is_alive(process_id):
            return
        await asyncio.sleep(0.02)
    raise AssertionError("it lives on")


async def test_every_format_is_read() -> None:
    async with reader() as documents:
        assert "pdf words" in await read(documents, samples.pdf("pdf words"))
        assert "word words" in await read(documents, samples.docx("word words"), "a.docx")
        assert "slide words" in await read(documents, samples.pptx("slide words"), "a.pptx")
        assert "cell words" in await read(documents, samples.xlsx(["cell words"]), "a.xlsx")
        assert await read(documents, b"<p>page words</p>", "a.html") == "page words\n"
        assert await read(documents, b"a,b\n1,2\n", "a.csv") == "a,b\n1,2\n"
        assert await read(documents, b"# Head", "a.md") == "# Head"
        assert await read(documents, b"def f(): ...", "a.py") == "def f(): ..."
        cells = [{"cell_type": "markdown", "source": "cell words"}]
        assert await read(documents, samples.notebook(cells), "a.ipynb") == "cell words"


async def test_every_document_without_text_says_why() -> None:
    async with reader() as documents:
        scan = await complaint(documents, samples.scanned_pdf())
        assert (scan.code, "scan" in scan.message) == ("document_without_text", True)
        locked = await complaint(documents, samples.encrypted_pdf("x"))
        assert "encrypted" in locked.message
        assert "damaged" in (await complaint(documents, samples.truncated_pdf())).message
        assert "damaged" in (await complaint(documents, samples.docx("x")[:300])).message
        other = await complaint(documents, b"\x7fELF\x00", "a.out")
        assert (other.code, "PDF, DOCX" in other.message) == ("unsupported_document", True)
        assert "pdf words" in await read(documents, samples.pdf("pdf words"))


async def test_a_hanging_document_is_killed_and_others_go_on() -> None:
    async with misbehaving(workers=2, timeout=3.0) as documents:
        hanging = asyncio.create_task(complaint(documents, b"%PDF- hang"))
        assert "read" in await read(documents, b"%PDF- fine")
        assert not hanging.done()
        error = await hanging
        assert (error.code, "3 seconds" in error.message) == ("document_timeout", True)
        assert "read" in await read(documents, b"%PDF- fine again")


@pytest.mark.parametrize("data", [b"%PDF- crash", b"%PDF- nonsense"])
async def test_a_crash_ends_one_request_only(data: bytes) -> None:
    async with misbehaving(workers=1) as documents:
        assert "crash" in (await complaint(documents, data)).message
        assert "read" in await read(documents, b"%PDF- fine")


async def test_memory_has_a_limit() -> None:
    async with misbehaving(workers=1, memory_limit=2**27) as documents:
        error = await complaint(documents, b"%PDF- eat")
        assert (error.code, "128 MB" in error.message) == ("document_too_complex", True)
        assert "read" in await read(documents, b"%PDF- fine")


async def test_a_zip_bomb_is_stopped() -> None:
    bomb = samples.docx("x" * (100 * 2**20))
    assert len(bomb) < 2**20
    async with reader(memory_limit=2**26) as documents:
        error = await complaint(documents, bomb, "bomb.docx")
        assert error.code in ("document_too_complex", "unreadable_document")
        assert "pdf words" in await read(documents, samples.pdf("pdf words"))


async def test_noise_of_a_library_does_not_disturb_the_answer() -> None:
    async with misbehaving() as documents:
        assert "read" in await read(documents, b"%PDF- talk")


async def test_the_child_knows_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    async with misbehaving() as documents:
        said = await read(documents, b"%PDF- environment")
    assert "PATH" in said
    assert "sk-secret" not in said
    assert "OPENAI" not in said
    assert str(Path.home()) + "'" not in said


async def test_the_same_bytes_are_read_once() -> None:
    async with misbehaving() as documents:
        together = [read(documents, b"%PDF- slow", f"{number}.pdf") for number in range(5)]
        texts = set(await asyncio.gather(*together))
        texts.add(await read(documents, b"%PDF- slow", "later.pdf"))
        assert len(texts) == 1
        assert await read(documents, b"%PDF- slow too") not in texts


async def test_a_failure_is_not_kept() -> None:
    async with misbehaving(timeout=1.0) as documents:
        await complaint(documents, b"%PDF- crash")
        await complaint(documents, b"%PDF- crash")
        await complaint(documents, b"%PDF- hang")


async def test_one_who_leaves_does_not_disturb_another_who_waits() -> None:
    async with misbehaving() as documents:
        first = asyncio.create_task(read(documents, b"%PDF- slow"))
        second = asyncio.create_task(read(documents, b"%PDF- slow"))
        await asyncio.sleep(0)
        first.cancel()
        assert "read" in await second


async def test_when_all_have_left_the_child_is_ended() -> None:
    async with misbehaving(workers=1) as documents:
        process_id = int((await read(documents, b"%PDF- fine")).split()[0])
        waiting = asyncio.create_task(read(documents, b"%PDF- hang"))
        await asyncio.sleep(0.2)
        waiting.cancel()
        await end_of(process_id)
        assert "read" in await read(documents, b"%PDF- next")


def names_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


async def test_closing_leaves_no_process_and_no_folder(temporary_folder: Path) -> None:
    async with misbehaving() as documents:
        process_id = int((await read(documents, b"%PDF- fine")).split()[0])
        waiting = asyncio.create_task(read(documents, b"%PDF- hang"))
        await asyncio.sleep(0.5)
        assert names_in(temporary_folder)
    with pytest.raises((DocumentError, UnavailableError)):
        await waiting
    assert not is_alive(process_id)
    assert names_in(temporary_folder) == []
    with pytest.raises(UnavailableError):
        await read(documents, b"%PDF- more")


async def test_a_child_dies_with_its_parent() -> None:
    script = (
        "import asyncio, os\n"
        "from aqueduct_jupyter.gateway.documents.reader import DocumentReader\n"
        "async def main():\n"
        "    reader = DocumentReader()\n"
        "    await reader.read(b'<p>x</p>', filename='a.html', media_type='', sha256='')\n"
        "    print(*(reader.child.process_id for reader in reader._pool._readers), flush=True)\n"
        "    os._exit(1)\n"
        "asyncio.run(main())\n"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, stdout=asyncio.subprocess.PIPE
    )
    said, _ = await process.communicate()
    await end_of(int(said))


async def test_without_a_child_only_text_is_read() -> None:
    async with reader(command=(sys.executable, "-c", "raise SystemExit('no')")) as documents:
        with pytest.raises(UnavailableError, match="cannot read documents now"):
            await read(documents, samples.pdf("x"))
        assert await read(documents, b"words", "a.txt") == "words"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("report.pdf", "report.pdf"),
        ("it's\n<a> `file`\u2028.pdf", "its a file .pdf"),
        ("\u202egnp.exe", "gnp.exe"),
        ("", "document"),
        ("{braces}.pdf", "{braces}.pdf"),
        ("x" * 500, "x" * 119 + "\u2026"),
    ],
)
def test_a_name_in_a_sentence_is_one_harmless_line(name: str, shown: str) -> None:
    assert shown_name(name) == shown
