"""Checksums of stored bytes."""

import hashlib
import zlib
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from mys3d import limits
from mys3d.engine.rehash import hash_body
from mys3d.errors import Unavailable
from mys3d.model.body import BlobRef, InlineBlobs
from mys3d.model.digest import digest_of

MakeGrid = Callable[[int], Awaitable[Any]]


async def test_every_byte_counts_once_and_in_order(make_grid: MakeGrid) -> None:
    grid = await make_grid(1)
    datas = [b"a" * limits.hash_batch_bytes, b"bc", b"d" * (limits.read_piece_bytes + 1)]
    body = InlineBlobs(tuple([await grid.hold(data, [0]) for data in datas]))
    whole = b"".join(datas)
    assert await hash_body(grid[0].ports, body, len(whole), "sha256") == hashlib.sha256(whole).digest()
    assert await hash_body(grid[0].ports, body, len(whole), "crc32") == zlib.crc32(whole).to_bytes(4, "big")


async def test_no_bytes_have_a_checksum_too(make_grid: MakeGrid) -> None:
    grid = await make_grid(1)
    assert await hash_body(grid[0].ports, InlineBlobs(()), 0, "sha1") == hashlib.sha1(usedforsecurity=False).digest()


async def test_bytes_that_nobody_holds_have_none(make_grid: MakeGrid) -> None:
    grid = await make_grid(1)
    body = InlineBlobs((BlobRef(digest_of(b"gone"), 4),))
    with pytest.raises(Unavailable):
        await hash_body(grid[0].ports, body, 4, "sha1")
