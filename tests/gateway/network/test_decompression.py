"""What came compressed is unpacked in pieces, in every form that servers have for it."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import AsyncIterator

import httpx
import pytest

from aqueduct_jupyter.gateway.network.decompression import PIECE, decompressed

TEXT = b'{"a": 1}' * 1000


def raw(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


async def unpacked(packed: bytes, size: int) -> list[bytes]:
    async def body() -> AsyncIterator[bytes]:
        for start in range(0, len(packed), size):
            yield packed[start : start + size]

    return [piece async for piece in decompressed(body())]


@pytest.mark.parametrize("size", [1, 7, 10**6])
@pytest.mark.parametrize(
    "packed",
    [
        *(gzip.compress(TEXT), zlib.compress(TEXT), raw(TEXT)),
        gzip.compress(TEXT[:100]) + gzip.compress(TEXT[100:]),
    ],
    ids=["gzip", "zlib", "raw", "two members"],
)
async def test_every_form_is_unpacked_however_it_is_cut(packed: bytes, size: int) -> None:
    assert b"".join(await unpacked(packed, size)) == TEXT


async def test_no_piece_of_a_bomb_is_large() -> None:
    pieces = await unpacked(gzip.compress(bytes(50 * 2**20)), 10**6)
    assert sum(map(len, pieces)) == 50 * 2**20
    assert max(map(len, pieces)) <= PIECE


async def test_what_is_in_no_form_is_an_error() -> None:
    with pytest.raises(httpx.DecodingError):
        await unpacked(b"<html>No.</html>", 5)
