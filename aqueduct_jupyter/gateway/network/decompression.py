"""A compressed body, unpacked piece by piece: what a bomb becomes is never in memory at once.

Nothing here asks for compression; proxies compress unasked. How much may come in all is left to
whoever reads.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator

import httpx

__all__ = ["decompressed"]

PIECE = 256 * 2**10
"""Bytes that are unpacked together."""

ANY_HEADER = zlib.MAX_WBITS | 32
NO_HEADER = -zlib.MAX_WBITS
"""What zlib calls gzip's or its own form, and the bare one that some servers call "deflate"."""


async def decompressed(body: AsyncIterator[bytes] | httpx.AsyncByteStream) -> AsyncIterator[bytes]:
    """Unpack gzip and deflate.

    Args:
        body: the bytes as they arrive.

    Raises:
        httpx.DecodingError: they are in neither form. Whether they are all there is left to whoever
            reads what they hold.
    """
    unpacker: zlib._Decompress | None = None
    packed = b""
    try:
        async for data in body:
            packed += data
            # Two bytes tell which form it is.
            while packed and (unpacker or len(packed) > 1):
                unpacker = unpacker or _unpacker_of(packed)
                if piece := unpacker.decompress(packed, PIECE):
                    yield piece
                    await asyncio.sleep(0)  # a bomb has thousands of pieces, and others wait
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
