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
    unpacker, is_first = zlib.decompressobj(ANY_HEADER), True
    try:
        async for packed in body:
            if is_first and packed:
                unpacker, is_first = _unpacker_of(packed), False
            while packed and not unpacker.eof:
                if piece := unpacker.decompress(packed, PIECE):
                    yield piece
                    await asyncio.sleep(0)  # a bomb has thousands of pieces, and others wait
                packed = unpacker.unconsumed_tail
        if rest := unpacker.flush():
            yield rest
    except zlib.error as error:
        raise httpx.DecodingError(str(error)) from error


def _unpacker_of(first: bytes) -> zlib._Decompress:
    try:
        zlib.decompressobj(ANY_HEADER).decompress(first, 1)
    except zlib.error:
        return zlib.decompressobj(NO_HEADER)
    return zlib.decompressobj(ANY_HEADER)
