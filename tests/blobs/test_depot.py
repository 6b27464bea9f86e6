"""One directory in service, and out of it: an index that breaks, damage that comes too often."""

from collections.abc import Callable

import pytest

from mys3d.blobs.directory import Directory
from mys3d.blobs.store import BlobStore
from mys3d.errors import Damaged, Unavailable
from mys3d.model.digest import Digest, partition_of
from mys3d.model.names import GcEpoch

Open = Callable[[], BlobStore]
Build = Callable[..., tuple[Digest, bytes]]
Break = Callable[[Directory], None]
EPOCH = GcEpoch(1)


@pytest.mark.parametrize("question", ["holds", "held", "read", "have", "put", "usage"])
async def test_an_index_that_breaks_is_an_offline_directory_to_everyone(
    open_store: Open, blob: Build, break_index: Break, question: str
) -> None:
    name, data = blob(1)
    async with open_store() as blobs:
        await blobs.put(name, [data], EPOCH)
        break_index(blobs.depots[0].directory)
        match question:
            case "holds":
                assert not blobs.holds(name)
            case "held":
                assert blobs.stored(partition_of(name)) == []
            case "read":
                assert await blobs.read(name, 0, 10) is None
            case "have":
                assert not await blobs.have(name, EPOCH)
            case "put":
                with pytest.raises(Unavailable):
                    await blobs.put(name, [data], EPOCH)
            case _:
                assert not blobs.holds(name)
                assert not blobs.usage().is_writable
        assert blobs.depots[0].offline is not None


async def test_damage_in_the_only_directory_takes_no_service_away(
    open_store: Open, blob: Build, rot: Callable[[BlobStore, Digest], None]
) -> None:
    async with open_store() as blobs:
        for seed in range(6):
            await blobs.put(blob(seed)[0], [blob(seed)[1]], EPOCH)
        for seed in range(5):
            rot(blobs, blob(seed)[0])
            with pytest.raises(Damaged):
                await blobs.read(blob(seed)[0], 0, 10)
        assert blobs.depots[0].damages_too_often()
        assert blobs.depots[0].offline is None
        assert blobs.holds(blob(5)[0])


FULL = "IO error: No space left on device: While appending to file: 000008.sst"


async def test_an_index_without_room_breaks_nothing_and_refuses_writes(
    open_store: Open, blob: Build, break_index: Callable[..., None], rot: Callable[[BlobStore, Digest], None], disk
) -> None:
    name, data = blob(1)
    async with open_store() as blobs:
        await blobs.put(name, [data], EPOCH)
        index = blobs.depots[0].directory.index
        real, get = index._rows, index._get
        break_index(blobs.depots[0].directory, FULL)
        index._get = get  # what is there can be read
        with pytest.raises(Unavailable, match="has no room"):
            await blobs.put(blob(2)[0], [blob(2)[1]], EPOCH)
        assert not blobs.forget(name, EPOCH)
        await blobs.depots[0].reclaim()
        assert await blobs.read(name, 0, len(data)) == data
        rot(blobs, name)
        with pytest.raises(Damaged):
            await blobs.read(name, 0, len(data))
        assert not await blobs.have(name, EPOCH)
        assert blobs.depots[0].offline is None
        index._rows = real
        await blobs.put(blob(2)[0], [blob(2)[1]], EPOCH)
        assert blobs.holds(blob(2)[0])
    async with open_store() as blobs:
        assert blobs.depots[0].directory.recovered_count == 0  # the index was not given up
