"""What every driver of ports.Blobs promises: one suite, run over the disk and over the memory fake."""

from collections.abc import AsyncIterator, Callable

import pytest
import trio
import trio.testing

from mys3d import limits
from mys3d.blobs.memory import MemoryBlobs
from mys3d.blobs.store import BlobStore
from mys3d.errors import Unavailable
from mys3d.model.body import BlobRef
from mys3d.model.digest import Digest, digest_of, partition_of
from mys3d.model.names import GcEpoch
from mys3d.ports import Blobs

Build = Callable[..., tuple[Digest, bytes]]
EPOCH = GcEpoch(7)
STRETCH = limits.sub_digest_bytes
LENGTHS = [1, 15, 4096, STRETCH - 1, STRETCH, STRETCH + 1, 3 * STRETCH + 5, limits.MIB, limits.blob_bytes_max]


@pytest.fixture(params=["disk", "memory"])
async def blobs(request: pytest.FixtureRequest, open_store: Callable[[], BlobStore]) -> AsyncIterator[Blobs]:
    if request.param == "memory":
        yield MemoryBlobs()
        return
    async with open_store() as store:
        yield store


@pytest.mark.parametrize("length", LENGTHS)
async def test_a_blob_is_read_as_it_was_put(blobs: Blobs, blob: Build, length: int) -> None:
    name, data = blob(1, length)
    await blobs.put(name, [data], EPOCH)
    assert await blobs.read(name, 0, length) == data


@pytest.mark.parametrize("length", LENGTHS)
async def test_any_range_of_a_blob_can_be_read(blobs: Blobs, blob: Build, length: int) -> None:
    name, data = blob(2, length)
    await blobs.put(name, [data], EPOCH)
    edges = {0, 1, length // 2, length - 1, length, min(STRETCH, length), min(STRETCH + 1, length)}
    for start in edges:
        for stop in edges:
            if start <= stop:
                assert await blobs.read(name, start, stop) == data[start:stop], (start, stop)


async def test_a_range_beyond_the_blob_is_cut_to_its_length(blobs: Blobs, blob: Build) -> None:
    name, data = blob(3, 100)
    await blobs.put(name, [data], EPOCH)
    assert await blobs.read(name, 90, 200) == data[90:]
    assert await blobs.read(name, 150, 200) == b""


async def test_a_blob_may_come_in_pieces_of_any_kind_of_buffer(blobs: Blobs, blob: Build) -> None:
    name, data = blob(4, 3 * STRETCH + 77)
    pieces = [data[:10], bytearray(data[10 : STRETCH + 3]), memoryview(data)[STRETCH + 3 :]]
    await blobs.put(name, pieces, EPOCH)
    assert await blobs.read(name, 0, len(data)) == data


async def test_more_pieces_than_one_system_call_takes_are_all_written(blobs: Blobs) -> None:
    pieces = [bytes([number % 251]) * 50 for number in range(3000)]
    name = digest_of(b"".join(pieces))
    await blobs.put(name, pieces, EPOCH)
    assert await blobs.read(name, 0, 150_000) == b"".join(pieces)


async def test_a_blob_that_was_never_put_is_not_held(blobs: Blobs, blob: Build) -> None:
    name, _ = blob(5)
    assert not blobs.holds(name)
    assert await blobs.read(name, 0, 1) is None
    assert not await blobs.have(name, EPOCH)


async def test_a_blob_that_was_put_is_held_and_counted_once(blobs: Blobs, blob: Build) -> None:
    name, data = blob(6)
    await blobs.put(name, [data], EPOCH)
    await blobs.put(name, [data], EPOCH)
    assert blobs.holds(name)
    assert await blobs.have(name, EPOCH)
    assert blobs.usage().blobs_count == 1


async def test_the_blobs_of_a_partition_are_listed_in_digest_order(blobs: Blobs, blob: Build) -> None:
    built = [blob(seed, 10) for seed in range(300)]
    for name, data in built:
        await blobs.put(name, [data], EPOCH)
    for partition in {partition_of(name) for name, _ in built} | {0, 1023}:
        mine = sorted((name, len(data)) for name, data in built if partition_of(name) == partition)
        expected = [BlobRef(name, length) for name, length in mine]
        assert blobs.stored(partition) == expected


async def test_puts_of_one_blob_at_the_same_time_all_succeed(blobs: Blobs, blob: Build) -> None:
    name, data = blob(7)
    async with trio.open_nursery() as nursery:
        for _ in range(20):
            nursery.start_soon(blobs.put, name, [data], EPOCH)
    assert await blobs.read(name, 0, len(data)) == data
    assert blobs.usage().blobs_count == 1


async def test_many_blobs_put_at_the_same_time_are_all_held(blobs: Blobs, blob: Build) -> None:
    built = [blob(seed, 1 + seed * 37 % 9000) for seed in range(600)]
    async with trio.open_nursery() as nursery:
        for name, data in built:
            nursery.start_soon(blobs.put, name, [data], EPOCH)
    for name, data in built:
        assert await blobs.read(name, 0, len(data)) == data


async def test_usage_says_what_the_disk_has(blobs: Blobs) -> None:
    usage = blobs.usage()
    assert 0 < usage.free_bytes <= usage.size_bytes
    assert usage.is_writable


async def test_a_blob_that_was_not_touched_since_is_forgotten_and_can_be_put_again(blobs: Blobs, blob: Build) -> None:
    name, data = blob(8, 100_000)
    await blobs.put(name, [data], EPOCH)
    assert blobs.forget(name, EPOCH)
    assert not blobs.holds(name)
    assert not await blobs.have(name, EPOCH)
    assert await blobs.read(name, 0, 1) is None
    assert blobs.usage().blobs_count == 0
    await blobs.put(name, [data], EPOCH)
    assert await blobs.read(name, 0, len(data)) == data


async def test_a_blob_that_was_touched_later_is_not_forgotten(blobs: Blobs, blob: Build) -> None:
    name, data = blob(9)
    await blobs.put(name, [data], EPOCH)
    assert not blobs.forget(name, GcEpoch(EPOCH - 1))
    await blobs.have(name, GcEpoch(EPOCH + 1))
    assert not blobs.forget(name, EPOCH)
    assert await blobs.read(name, 0, len(data)) == data


async def test_who_is_behind_the_epochs_of_touches_forgets_nothing(blobs: Blobs, blob: Build) -> None:
    """Touches of the last epoch that it knows may have been forgotten for newer ones."""
    (old, old_data), (new, new_data) = blob(20), blob(21)
    await blobs.put(old, [old_data], EPOCH)
    await blobs.put(new, [new_data], EPOCH)
    await blobs.have(new, GcEpoch(EPOCH + 10))
    assert not blobs.forget(old, GcEpoch(EPOCH + 7))
    assert blobs.forget(old, GcEpoch(EPOCH + 8))


async def test_a_blob_that_is_not_held_is_not_forgotten(blobs: Blobs, blob: Build) -> None:
    assert not blobs.forget(blob(10)[0], EPOCH)


async def verify_all(blobs: Blobs, bytes_max: int) -> tuple[list[int], set[Digest]]:
    """Go through all blobs: how many each step read, and what was damaged."""
    counts: list[int] = []
    damaged: set[Digest] = set()
    after: str | None = ""
    while after is not None:
        step = await blobs.verify(after, bytes_max)
        counts.append(step.blobs_count)
        damaged |= {blob.digest for blob in step.damaged}
        after = step.after
    return counts, damaged


async def test_every_blob_is_verified_once_in_bounded_steps(blobs: Blobs, blob: Build) -> None:
    for seed in range(30):
        name, data = blob(seed, 1000)
        await blobs.put(name, [data], EPOCH)
    counts, damaged = await verify_all(blobs, 3000)
    assert sum(counts) == 30
    assert max(counts) <= 3
    assert damaged == set()
    assert (await verify_all(blobs, limits.MIB))[0] == [30]


async def test_nothing_is_verified_where_nothing_is_held(blobs: Blobs) -> None:
    assert await verify_all(blobs, 1) == ([0], set())


async def test_a_cursor_that_nobody_gave_begins_somewhere_and_ends(blobs: Blobs, blob: Build) -> None:
    name, data = blob(1)
    await blobs.put(name, [data], EPOCH)
    for text in ("x", "1-2", "a-b-c", "ff" * 16 + "-00000001-000000000000"):
        assert (await blobs.verify(text, 1)).blobs_count <= 1


def take_offline(blobs: Blobs) -> None:
    if isinstance(blobs, MemoryBlobs):
        blobs.take_offline()
    else:
        assert isinstance(blobs, BlobStore)
        blobs.depots[0].directory.take_offline("for the test")


async def test_a_directory_that_went_offline_holds_nothing_and_is_read_from(blobs: Blobs, blob: Build) -> None:
    name, data = blob(1)
    await blobs.put(name, [data], EPOCH)
    told: list[bool] = []
    blobs.subscribe_losses(lambda: told.append(blobs.holds(name)))
    take_offline(blobs)
    await trio.testing.wait_all_tasks_blocked()
    assert told == [False]
    assert not await blobs.have(name, EPOCH)
    assert blobs.stored(partition_of(name)) == []
    assert not blobs.forget(name, EPOCH)
    assert (await blobs.verify("", limits.MIB)).blobs_count == 0
    assert (blobs.usage().blobs_count, blobs.usage().is_writable) == (0, False)
    with pytest.raises(Unavailable, match="offline"):
        await blobs.put(name, [data], EPOCH)
    assert await blobs.read(name, 0, len(data)) == data


async def test_what_is_missing_of_a_list_is_told(blobs: Blobs, blob: Build) -> None:
    refs = sorted((BlobRef(blob(seed, 100)[0], 100) for seed in range(60)), key=lambda ref: ref.digest)
    for seed in range(0, 60, 2):
        await blobs.put(blob(seed, 100)[0], [blob(seed, 100)[1]], EPOCH)
    expected = [ref for ref in refs if not blobs.holds(ref.digest)]
    assert len(expected) == 30
    assert await blobs.missing(refs) == expected
    assert await blobs.missing([]) == []
    assert await blobs.missing(expected[:1]) == expected[:1]
    take_offline(blobs)
    assert await blobs.missing(refs) == refs
