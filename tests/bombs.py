"""Little that becomes much when it is unpacked."""

from __future__ import annotations

import zlib

__all__ = ["gzip_bomb"]


def gzip_bomb(words: bytes) -> bytes:
    """Give a gzip stream of these words and 300 MB of zeros; only its checksum is another's."""
    packer = zlib.compressobj(wbits=31)
    begin = packer.compress(words) + packer.flush(zlib.Z_FULL_FLUSH)
    # Packed once, for each worker would pack all of it while it collects its tests.
    megabyte = packer.compress(bytes(2**20)) + packer.flush(zlib.Z_FULL_FLUSH)
    return begin + megabyte * 300 + packer.flush()
