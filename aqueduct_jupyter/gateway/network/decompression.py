"""Decompression of a body, piece by piece, so that a bomb is never in memory at once.

We request no compression, but some proxies compress anyway. The caller limits the total size.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator

import httpx

__all__ = ["decompressed"]

PIECE = 256 * 2**10
"""Maximum decompressed bytes per piece."""

ANY_HEADER = zlib.MAX_WBITS | 32
NO_HEADER = -zlib.MAX_WBITS
"""zlib's modes for gzip or zlib headers, and for the raw data that some servers call "deflate"."""


async def decompressed(body: AsyncIterator[bytes] | httpx.AsyncByteStream) -> AsyncIterator[bytes]:
    """Decompress gzip and deflate.

    Args:
        body: the bytes as they arrive.

    Raises:
        httpx.DecodingError: they are in neither format. A truncated body is not detected here.
    """
    unpacker: zlib._Decompress | None = None
    packed = b""
    try:
        async for data in body:
            packed += data
            # The first two bytes tell the format.
            while packed and (unpacker or len(packed) > 1):
                unpacker = unpacker or _unpacker_of(packed)
                if piece := unpacker.decompress(packed, PIECE):
                    yield piece
                    await asyncio.sleep(0)  # a bomb has thousands of pieces, and other tasks wait
                packed = unpacker.unconsumed_tail
                if unpacker.eof:
                    # Another member may follow (RFC 1952).
                    packed, unpacker = unpacker.unused_data, None
        if unpacker and (rest := unpacker.flush()):
            yield rest
    except zlib.error as error:
        raise httpx.DecodingError(str(error)) from error


def _unpacker_of(first: bytes) -> zlib._Decompress:
    try:
        zlib.decompressobj(ANY_HEADER).decompress(first, 1)
    except zlib.error:
        return zlib.decompressobj(NO_HEADER)
    return zlib.decompressobj(ANY_HEADER)
