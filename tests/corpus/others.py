"""What other readers make of a document, for comparison: kreuzberg alone, and markitdown.

Each runs in a process of its own, which is ended when a document takes too long.
"""

from __future__ import annotations

import importlib.util
import io
import multiprocessing
import multiprocessing.pool
import sys
import tempfile
from pathlib import Path, PurePath

__all__ = ["Other", "installed"]

SECONDS = 60.0


def installed(folder: Path | None) -> list[str]:
    """Return the names of the readers that are installed here, or in a folder."""
    _add(folder)
    return [name for name in ("kreuzberg", "markitdown") if importlib.util.find_spec(name)]


def _add(folder: Path | None) -> None:
    if folder and str(folder) not in sys.path:
        # Behind all others, so that it replaces no package of ours.
        sys.path.append(str(folder))


class Other:
    """Another reader.

    Args:
        name: its name.
        folder: where it is installed, if not here.
    """

    def __init__(self, name: str, folder: Path | None) -> None:
        self._name = name
        self._folder = folder
        self._pool: multiprocessing.pool.Pool | None = None

    def reads(self, data: bytes, name: str) -> bool:
        """Return whether it gives any text of a document."""
        if self._pool is None:
            self._pool = multiprocessing.get_context("spawn").Pool(1, _add, (self._folder,))
        try:
            return self._pool.apply_async(_reads, (self._name, data, name)).get(SECONDS)
        except multiprocessing.TimeoutError:
            # It may also have crashed, and then no answer comes.
            self.close()
            return False

    def close(self) -> None:
        """End its process."""
        if self._pool is not None:
            self._pool.terminate()
            self._pool = None


def _reads(reader: str, data: bytes, name: str) -> bool:
    try:
        return bool((_kreuzberg if reader == "kreuzberg" else _markitdown)(data, name).strip())
    except Exception:
        return False


def _kreuzberg(data: bytes, name: str) -> str:
    import kreuzberg

    config = kreuzberg.ExtractionConfig(use_cache=False, disable_ocr=True)
    with tempfile.NamedTemporaryFile(suffix=PurePath(name).suffix) as file:
        file.write(data)
        file.flush()
        return str(kreuzberg.extract_file_sync(file.name, config=config).content)


def _markitdown(data: bytes, name: str) -> str:
    from markitdown import MarkItDown, StreamInfo

    info = StreamInfo(extension=PurePath(name).suffix, filename=PurePath(name).name)
    return str(MarkItDown().convert_stream(io.BytesIO(data), stream_info=info).markdown)
