"""Digests of a body while it arrives, against their reference implementations."""

import hashlib
import zlib

import pytest

from mys3d import limits
from mys3d.engine.hashing import INLINE_BYTES_MAX, NAMES, BodyHashes, combined, hash_of, names
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
        ("sha512", hashlib.sha512(CHECK).hexdigest()),
        ("md5", hashlib.md5(CHECK).hexdigest()),
        ("xxhash64", "8cb841db40e6ae83"),  # as xxhsum 0.8 says
        ("xxhash3", "72dcb18b67a17dff"),
        ("xxhash128", "33119477ede5dcd5e9716427681d5860"),
    ],
)
async def test_a_wanted_hash_has_its_published_value(name: str, value: str) -> None:
    hashes = BodyHashes(frozenset({name}))
    await hashes.update([CHECK[:4], memoryview(CHECK)[4:7]], 7)
    await hashes.update([bytearray(CHECK[7:])], 2)
    assert hashes.wanted() == hashes.wanted() == {name: bytes.fromhex(value)}
    assert hash_of(name, CHECK) == bytes.fromhex(value)
    assert hashes.md5() == hashlib.md5(CHECK).digest()


@pytest.mark.parametrize(
    ("name", "value"),
    [  # Source: the sanity checks of xxHash 0.8, empty input and seed 0
        ("xxhash64", "ef46db3751d8e999"),
        ("xxhash3", "2d06800538d394c2"),
        ("xxhash128", "99aa06d3014798d86001c324468d497f"),
    ],
)
def test_the_hash_of_nothing_is_the_published_one(name: str, value: str) -> None:
    assert hash_of(name, b"").hex() == value


@pytest.mark.parametrize("name", ["crc32", "crc32c", "crc64nvme"])
@pytest.mark.parametrize("cuts", [(), (4,), (0, 3, 3, 9), (1, 2, 3, 4, 5, 6, 7, 8)])
def test_the_crc_of_a_whole_is_told_from_those_of_its_parts(name: str, cuts: tuple[int, ...]) -> None:
    parts = [CHECK[start:stop] for start, stop in zip((0, *cuts), (*cuts, 9), strict=True)]
    assert combined(name, [(hash_of(name, part), len(part)) for part in parts]) == hash_of(name, CHECK)


def test_a_hash_of_a_whole_is_not_told_from_those_of_its_parts() -> None:
    with pytest.raises(AssertionError, match="sha256"):
        combined("sha256", [])


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
