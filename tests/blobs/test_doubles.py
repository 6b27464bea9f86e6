"""Blobs that lie in two directories of a node: one verified copy stays, with all its touches."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from mys3d import limits
from mys3d.blobs.doubles import drop_doubles, edges_of
from mys3d.blobs.space import Space
from mys3d.blobs.store import BlobStore, Folder
from mys3d.limits import MIB
from mys3d.model.digest import Digest, partition_of
from mys3d.model.names import GcEpoch, Partition

Build = Callable[..., tuple[Digest, bytes]]
Open = Callable[[str], BlobStore]
EPOCH = GcEpoch(4)
COUNT = 40


@pytest.fixture
def open_several(tmp_path: Path) -> Open:
    def make(names: str) -> BlobStore:
        folders = [Folder(tmp_path / name) for name in names]
        space = lambda folder: Space(512 * MIB, 300 * MIB, ord(folder.name[0]))  # noqa: E731
        return BlobStore(folders, b"cluster of tests", space=space)

    return make


async def fill(blobs: BlobStore, blob: Build, touch: GcEpoch) -> None:
    for seed in range(COUNT):
        await blobs.put(blob(seed)[0], [blob(seed)[1]], touch)


async def thin_out(blobs: BlobStore) -> int:
    numbers: Sequence[Partition] = [Partition(number) for number in range(limits.partitions_count)]
    return sum([await drop_doubles(blobs.depots, blobs._touches, number) for number in numbers])


def test_the_edges_of_a_partition_are_its_own(blob: Build) -> None:
    for number in (0, 1, 511, 1023):
        first, last = edges_of(Partition(number))
        assert partition_of(first) == partition_of(last) == number
    assert edges_of(Partition(0))[0] == bytes(32)
    assert edges_of(Partition(1023))[1] == b"\xff" * 32


async def test_one_copy_of_each_stays_where_a_put_would_write_it(open_several: Open, blob: Build) -> None:
    for name in "ab":
        async with open_several(name) as blobs:
            await fill(blobs, blob, EPOCH)
    async with open_several("ab") as blobs:
        assert blobs.usage().blobs_count == 2 * COUNT
        assert await thin_out(blobs) == COUNT
        assert blobs.usage().blobs_count == COUNT
        for seed in range(COUNT):
            name, data = blob(seed)
            assert await blobs.read(name, 0, len(data)) == data
            assert blobs._in_order(name)[0].find(name) is not None
        assert await thin_out(blobs) == 0


async def test_a_rotten_copy_is_never_the_one_that_stays(
    open_several: Open, blob: Build, rot: Callable[[BlobStore, Digest], None]
) -> None:
    for name in "ab":
        async with open_several(name) as blobs:
            await fill(blobs, blob, EPOCH)
    async with open_several("ab") as blobs:
        for seed in range(COUNT):
            rot(blobs, blob(seed)[0])  # in the first directory
        await thin_out(blobs)
        for seed in range(COUNT):
            name, data = blob(seed)
            assert await blobs.read(name, 0, len(data)) == data


async def test_the_newer_touch_stays_whichever_copy_goes(open_several: Open, blob: Build) -> None:
    for name, touch in (("a", 7), ("b", 8)):
        async with open_several(name) as blobs:
            await fill(blobs, blob, GcEpoch(touch))
    async with open_several("ab") as blobs:
        assert await thin_out(blobs) == COUNT
        assert {blobs.touched(blob(seed)[0]) for seed in range(COUNT)} == {8}


async def test_a_copy_in_a_directory_that_is_offline_is_no_second_copy(open_several: Open, blob: Build) -> None:
    for name in "ab":
        async with open_several(name) as blobs:
            await fill(blobs, blob, EPOCH)
    async with open_several("ab") as blobs:
        blobs.depots[0].directory.take_offline("for the test")
        assert await thin_out(blobs) == 0
        assert all(blobs.holds(blob(seed)[0]) for seed in range(COUNT))


async def test_the_store_does_it_once_by_itself(open_several: Open, blob: Build, autojump_clock: MockClock) -> None:
    for name in "ab":
        async with open_several(name) as blobs:
            await fill(blobs, blob, EPOCH)
    async with open_several("ab") as blobs, trio.open_nursery() as nursery:
        autojump_clock.autojump_threshold = 0.002  # threads end before time jumps: else everybody polls in vain
        nursery.start_soon(blobs.maintain)
        while blobs.usage().blobs_count > COUNT:  # noqa: ASYNC110
            await trio.sleep(60.0)
        nursery.cancel_scope.cancel()
