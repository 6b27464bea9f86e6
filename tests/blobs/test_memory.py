"""The faults that the memory fake can be told to have; its contract is in test_contract.py."""

import pytest

from mys3d.blobs.memory import MemoryBlobs
from mys3d.errors import Damaged, Unavailable
from mys3d.model.digest import digest_of
from mys3d.model.names import GcEpoch

DATA = b"some bytes"
NAME = digest_of(DATA)
EPOCH = GcEpoch(3)


async def test_a_damaged_blob_is_never_read_and_no_longer_held() -> None:
    blobs = MemoryBlobs()
    await blobs.put(NAME, [DATA], EPOCH)
    blobs.damage(NAME)
    with pytest.raises(Damaged):
        await blobs.read(NAME, 0, 1)
    assert not blobs.holds(NAME)


async def test_a_damaged_blob_that_is_asked_for_is_no_longer_held() -> None:
    blobs = MemoryBlobs()
    await blobs.put(NAME, [DATA], EPOCH)
    blobs.damage(NAME)
    assert not await blobs.have(NAME, EPOCH)
    assert not blobs.holds(NAME)


async def test_a_refusal_makes_puts_unavailable_and_reads_go_on() -> None:
    blobs = MemoryBlobs()
    await blobs.put(NAME, [DATA], EPOCH)
    blobs.refusal = "offline for the test"
    with pytest.raises(Unavailable, match="offline for the test"):
        await blobs.put(digest_of(b"x"), [b"x"], EPOCH)
    assert await blobs.read(NAME, 0, len(DATA)) == DATA
    assert not blobs.usage().is_writable


async def test_a_full_disk_makes_puts_unavailable() -> None:
    blobs = MemoryBlobs(size_bytes=4)
    with pytest.raises(Unavailable, match="full"):
        await blobs.put(NAME, [DATA], EPOCH)
    assert not blobs.holds(NAME)


async def test_a_touch_never_goes_back() -> None:
    blobs = MemoryBlobs()
    await blobs.put(NAME, [DATA], GcEpoch(5))
    await blobs.put(NAME, [DATA], GcEpoch(4))
    assert blobs.touches[NAME] == 5


async def test_a_forgotten_blob_is_not_held_and_its_space_is_free() -> None:
    blobs = MemoryBlobs(size_bytes=100)
    await blobs.put(NAME, [DATA], EPOCH)
    blobs.lose(NAME)
    assert not blobs.holds(NAME)
    assert blobs.usage().free_bytes == 100
