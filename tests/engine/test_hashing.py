"""Digests of a body while it arrives, against their reference implementations."""

import hashlib
import zlib

import pytest

from mys3d import limits
from mys3d.engine.hashing import INLINE_BYTES_MAX, NAMES, BodyHashes, names
from mys3d.model.digest import digest_of

CHECK = b"123456789"  # the input of every catalogue of CRC parameters


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("crc32", "cbf43926"),  # Source: CRC RevEng catalogue, "check" values
        ("crc32c", "e3069283"),
        ("crc64nvme", "ae8b14860a799888"),
        ("sha1", hashlib.sha1(CHECK).hexdigest()),
        ("sha256", hashlib.sha256(CHECK).hexdigest()),
    ],
)
async def test_a_wanted_hash_has_its_published_value(name: str, value: str) -> None:
    hashes = BodyHashes(frozenset({name}))
    await hashes.update([CHECK[:4], memoryview(CHECK)[4:7]], 7)
    await hashes.update([bytearray(CHECK[7:])], 2)
    assert hashes.wanted() == {name: bytes.fromhex(value)}
    assert hashes.md5() == hashlib.md5(CHECK).digest()


@pytest.mark.parametrize("size", [0, 1, INLINE_BYTES_MAX, INLINE_BYTES_MAX + 1, limits.hash_batch_bytes])
async def test_hashes_are_the_same_on_the_loop_and_in_a_thread(size: int) -> None:
    data = bytes(range(256)) * (size // 256) + bytes(size % 256)
    hashes = BodyHashes(NAMES)
    await hashes.update([data], size)
    assert hashes.md5() == hashlib.md5(data).digest()
    assert hashes.wanted()["crc32"] == zlib.crc32(data).to_bytes(4, "big")
    assert hashes.blob_digest() == digest_of(data)


async def test_each_blob_gets_its_own_name_while_the_body_hash_goes_on() -> None:
    hashes = BodyHashes(frozenset())
    await hashes.update([b"one"], 3)
    first = hashes.blob_digest()
    await hashes.update([b"two"], 3)
    assert (first, hashes.blob_digest()) == (digest_of(b"one"), digest_of(b"two"))
    assert hashes.md5() == hashlib.md5(b"onetwo").digest()


def test_an_unknown_hash_is_a_broken_promise() -> None:
    with pytest.raises(AssertionError, match="whirlpool"):
        BodyHashes(frozenset({"whirlpool"}))


@pytest.mark.parametrize("size", [1, limits.blob_bytes_max])
async def test_bytes_are_known_by_their_name(size: int) -> None:
    data = [bytes(size), b"end"]
    assert await names(digest_of(b"".join(data)), data)
    assert not await names(digest_of(b"other"), data)
