"""Several directories behind one store: shares, failures, and disks that come and go."""

import errno
import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import trio
import trio.testing

from mys3d import limits
from mys3d.blobs.space import Space
from mys3d.blobs.store import BlobStore, Folder
from mys3d.blobs.volume import DiskCalls
from mys3d.errors import Damaged, Unavailable
from mys3d.limits import GIB, MIB
from mys3d.model.digest import Digest
from mys3d.model.names import GcEpoch, Partition
from mys3d.ports import Buffer

Build = Callable[..., tuple[Digest, bytes]]
Open = Callable[..., BlobStore]
CLUSTER = b"cluster of tests"
EPOCH = GcEpoch(3)


class Disks:
    """Disks named by the folders on them, each with its own room."""

    def __init__(self) -> None:
        self.free: dict[str, int] = {}

    def space(self, folder: Path) -> Space:
        return Space(512 * MIB, self.free.get(folder.name, 300 * MIB), ord(folder.name[0]))


@pytest.fixture
def disks() -> Disks:
    return Disks()


@pytest.fixture
def open_several(tmp_path: Path, disks: Disks) -> Open:
    def make(names: Sequence[str] = "ab", capacities: Sequence[int | None] = (None,) * 9) -> BlobStore:
        (tmp_path / "data").mkdir(exist_ok=True)
        folders = [Folder(tmp_path / "mnt" / name, size) for name, size in zip(names, capacities, strict=False)]
        return BlobStore(folders, CLUSTER, space=disks.space, roster=tmp_path / "data" / "directories.json")

    return make


async def fill(blobs: BlobStore, blob: Build, count: int, first: int = 0) -> list[Digest]:
    async with trio.open_nursery() as nursery:
        for seed in range(first, first + count):
            nursery.start_soon(blobs.put, blob(seed, 100)[0], [blob(seed, 100)[1]], EPOCH)
    return [blob(seed, 100)[0] for seed in range(first, first + count)]


def blob_of(blob: Build, seed: int) -> tuple[Digest, list[bytes]]:
    name, data = blob(seed, 100)
    return name, [data]


def of(blobs: BlobStore, name: str):  # type: ignore[no-untyped-def]
    return next(depot for depot in blobs.depots if depot.directory.folder.name == name)


async def test_blobs_are_shared_by_weight_and_read_back_wherever_they_are(open_several: Open, blob: Build) -> None:
    async with open_several("ab", [GIB, 3 * GIB]) as blobs:
        names = await fill(blobs, blob, 400)
        counts = {each.path[-1]: each.blobs_count for each in blobs.usage().directories}
        assert 60 < counts["a"] < 140
        assert counts["a"] + counts["b"] == blobs.usage().blobs_count == 400
        for seed, name in enumerate(names):
            assert await blobs.read(name, 0, 100) == blob(seed, 100)[1]
            assert await blobs.have(name, EPOCH)
        every = [blob.digest for number in range(limits.partitions_count) for blob in blobs.stored(Partition(number))]
        assert every == sorted(names)


async def test_usage_is_the_sum_of_the_file_systems(open_several: Open, disks: Disks) -> None:
    disks.free = {"a": 100 * MIB, "b": 50 * MIB}
    async with open_several() as blobs:
        usage = blobs.usage()
        assert (usage.size_bytes, usage.free_bytes, usage.is_writable) == (1024 * MIB, 150 * MIB, True)
        assert [each.is_writable for each in usage.directories] == [True, False]


async def test_a_full_directory_leaves_its_share_to_the_other(open_several: Open, disks: Disks, blob: Build) -> None:
    async with open_several() as blobs:
        disks.free["a"] = 10 * MIB
        await fill(blobs, blob, 50)
        assert of(blobs, "b").directory.index.blobs_count == 50
        disks.free["b"] = 10 * MIB
        assert not blobs.usage().is_writable
        with pytest.raises(Unavailable, match="free space"):
            await blobs.put(*blob_of(blob, 99), EPOCH)
        disks.free["a"] = 300 * MIB
        await fill(blobs, blob, 50, first=100)
        assert of(blobs, "a").directory.index.blobs_count == 50


async def test_a_directory_that_fails_takes_its_own_blobs_only_and_they_go_to_the_other(
    open_several: Open, blob: Build
) -> None:
    async with open_several() as blobs:
        names = await fill(blobs, blob, 60)
        told: list[int] = []
        blobs.subscribe_losses(lambda: told.append(blobs.usage().blobs_count))
        lost = [name for name in names if of(blobs, "a").find(name) is not None]
        of(blobs, "a").directory.take_offline("its sync failed")
        await trio.testing.wait_all_tasks_blocked()
        assert 0 < len(lost) < 60
        assert told == [60 - len(lost)]
        assert [name for name in names if not blobs.holds(name)] == lost
        assert "its sync failed" in blobs.usage().directories[0].offline
        for seed, name in enumerate(names):
            assert await blobs.read(name, 0, 100) == blob(seed, 100)[1]  # what is left is read while it can be
            await blobs.put(name, [blob(seed, 100)[1]], EPOCH)
        assert all(blobs.holds(name) for name in names)
        assert of(blobs, "b").directory.index.blobs_count == 60


async def test_a_write_that_fails_in_one_directory_goes_to_the_other_at_once(
    tmp_path: Path, disks: Disks, blob: Build
) -> None:
    broken: set[str] = set()

    def sync(fd: int) -> None:
        if Path(os.readlink(f"/proc/self/fd/{fd}")).parent.name in broken:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        os.fdatasync(fd)

    folders = [Folder(tmp_path / name) for name in "ab"]
    async with BlobStore(folders, CLUSTER, space=disks.space, calls=DiskCalls(sync=sync)) as blobs:
        before = await fill(blobs, blob, 20)
        broken.add("a")
        after = await fill(blobs, blob, 20, first=20)
        assert [depot.offline is not None for depot in blobs.depots] == [True, False]
        assert all(blobs.depots[1].find(name) is not None for name in after)
        assert 0 < sum(blobs.holds(name) for name in before) < 20
        broken.add("b")
        with pytest.raises(Unavailable, match="offline"):
            await blobs.put(*blob_of(blob, 99), EPOCH)


async def test_three_damaged_blobs_within_a_minute_take_a_directory_offline_where_another_is(
    tmp_path: Path, disks: Disks, blob: Build, rot: Callable[[BlobStore, Digest], None]
) -> None:
    minutes = [0.0]
    folders = [Folder(tmp_path / name) for name in "ab"]
    async with BlobStore(folders, CLUSTER, space=disks.space, monotonic=lambda: minutes[0] * 60) as blobs:
        names = await fill(blobs, blob, 60)
        mine = [name for name in names if blobs.depots[0].find(name) is not None]
        for name in mine[:4]:
            assert blobs.depots[0].offline is None
            rot(blobs, name)
            with pytest.raises(Damaged):
                await blobs.read(name, 0, 100)
            minutes[0] += 0.6  # the third comes 1.2 minutes after the first
        assert blobs.depots[0].offline is None
        for name in mine[4:6]:
            rot(blobs, name)
            with pytest.raises(Damaged):
                await blobs.read(name, 0, 100)
        assert blobs.depots[0].offline is not None
        assert blobs.depots[1].offline is None


async def test_a_rotten_directory_stays_while_the_others_have_no_room_for_its_blobs(
    open_several: Open, disks: Disks, blob: Build, rot: Callable[[BlobStore, Digest], None]
) -> None:
    async with open_several() as blobs:
        names = await fill(blobs, blob, 60)
        mine = [name for name in names if blobs.depots[0].find(name) is not None]
        disks.free["b"] = 50 * MIB
        for name in mine[:7]:
            rot(blobs, name)
            with pytest.raises(Damaged):
                await blobs.read(name, 0, 100)
            assert blobs.depots[0].offline is None
        disks.free["b"] = 300 * MIB
        rot(blobs, mine[7])
        with pytest.raises(Damaged):
            await blobs.read(mine[7], 0, 100)
        assert blobs.depots[0].offline is not None


async def test_a_rotten_copy_does_not_hide_a_sound_one_in_another_directory(
    open_several: Open, blob: Build, rot: Callable[[BlobStore, Digest], None], disks: Disks
) -> None:
    name, data = blob(1, 100)
    async with open_several("a") as blobs:
        await blobs.put(name, [data], EPOCH)
    async with open_several("b") as blobs:
        await blobs.put(name, [data], EPOCH)
    async with open_several("ab") as blobs:
        rot(blobs, name)
        assert await blobs.read(name, 0, 100) == data
        assert blobs.holds(name)
        assert not blobs.depots[0].find(name)
        assert blobs.forget(name, EPOCH)
        assert not blobs.holds(name)


async def test_directories_may_come_and_go_with_the_configuration(open_several: Open, blob: Build) -> None:
    async with open_several("a") as blobs:
        first = await fill(blobs, blob, 40)
    async with open_several("ab") as blobs:
        assert all(blobs.holds(name) for name in first)
        second = await fill(blobs, blob, 40, first=40)
        assert 0 < of(blobs, "b").directory.index.blobs_count < 40
    async with open_several("b") as blobs:
        assert not any(blobs.holds(name) for name in first)
        assert 0 < sum(blobs.holds(name) for name in second) < 40
    async with open_several("ba") as blobs:
        assert all(blobs.holds(name) for name in first + second)


async def test_a_missing_mount_is_out_of_service_and_not_filled(
    open_several: Open, blob: Build, tmp_path: Path
) -> None:
    disk, away = tmp_path / "mnt" / "a", tmp_path / "away"
    async with open_several() as blobs:
        names = await fill(blobs, blob, 40)
    disk.rename(away)
    disk.mkdir()
    for _ in range(2):  # remembered, however often the node starts without it
        async with open_several() as blobs:
            assert 0 < sum(blobs.holds(name) for name in names) < 40
            assert [bool(each.offline) for each in blobs.usage().directories] == [False, True]
            assert "mount its disk" in blobs.usage().directories[1].offline
            await fill(blobs, blob, 10, first=100)
    assert not any(disk.iterdir())
    disk.rmdir()
    away.rename(disk)
    async with open_several() as blobs:
        assert all(blobs.holds(name) for name in names)


async def test_a_node_without_any_of_its_disks_starts_and_holds_nothing(
    open_several: Open, blob: Build, tmp_path: Path
) -> None:
    async with open_several("a") as blobs:
        names = await fill(blobs, blob, 3)
    shutil.rmtree(tmp_path / "mnt" / "a")
    async with open_several("a") as blobs:
        assert not blobs.holds(names[0])
        assert await blobs.read(names[0], 0, 100) is None
        assert (await blobs.verify("", MIB)).after is None
        with pytest.raises(Unavailable, match="no data directory"):
            await blobs.put(*blob_of(blob, 1), EPOCH)


async def test_swapped_disks_are_refused(open_several: Open, tmp_path: Path) -> None:
    async with open_several():
        pass
    for source, target in [("a", "x"), ("b", "a"), ("x", "b")]:
        (tmp_path / "mnt" / source).rename(tmp_path / "mnt" / target)
    with pytest.raises(Unavailable, match="right disk"):
        async with open_several():
            pass
    async with open_several("x"):  # whoever was open before the refusal has been closed
        pass


async def test_a_new_directory_that_cannot_be_made_is_refused_and_a_known_one_is_out_of_service(
    open_several: Open, tmp_path: Path, blob: Build
) -> None:
    (tmp_path / "mnt").mkdir()
    (tmp_path / "mnt" / "c").write_text("a file")
    with pytest.raises(Unavailable, match="cannot be used"):
        async with open_several("ac"):
            pass
    async with open_several("ab") as blobs:
        await fill(blobs, blob, 3)
    volumes = list((tmp_path / "mnt" / "b").glob("*.volume"))
    for volume in volumes:
        volume.unlink()
        volume.mkdir()
    async with open_several("ab") as blobs:
        assert any("cannot be used" in each.offline for each in blobs.usage().directories) or not volumes


async def test_every_directory_is_verified(open_several: Open, blob: Build) -> None:
    async with open_several("abc") as blobs:
        await fill(blobs, blob, 90)
        count, after = 0, ""
        while True:
            step = await blobs.verify(after, 2000)
            count += step.blobs_count
            if step.after is None:
                break
            assert step.after > after
            after = step.after
        assert count == 90
        of(blobs, "b").directory.take_offline("for the test")
        serving = sum(depot.directory.index.blobs_count for depot in blobs.depots if depot.offline is None)
        count, cursor = 0, ""
        while cursor is not None:
            step = await blobs.verify(cursor, GIB)
            count, cursor = count + step.blobs_count, step.after  # type: ignore[assignment]
        assert count == serving


async def test_a_disk_that_cannot_say_how_full_it_is_goes_offline(
    tmp_path: Path, blob: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_gone = [False]

    def space(folder: Path) -> Space:
        if is_gone[0] and folder.name == "a":
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return Space(512 * MIB, 300 * MIB, ord(folder.name[0]))

    async with BlobStore([Folder(tmp_path / name) for name in "ab"], CLUSTER, space=space) as blobs:
        is_gone[0] = True
        await fill(blobs, blob, 20)
        usage = blobs.usage()
        assert (usage.blobs_count, usage.size_bytes) == (20, 512 * MIB)
        assert "free space" in usage.directories[0].offline


async def test_what_is_read_wrong_from_an_offline_directory_is_not_written_there(
    open_several: Open, blob: Build, rot: Callable[[BlobStore, Digest], None]
) -> None:
    name, data = blob(1, 100)
    async with open_several("a") as blobs:
        await blobs.put(name, [data], EPOCH)
        rot(blobs, name)
        blobs.depots[0].directory.take_offline("for the test")
        with pytest.raises(Damaged):
            await blobs.read(name, 0, 100)
        assert blobs.depots[0].directory.index.find(name) is not None
        assert blobs.depots[0].damages_count == 0


async def test_a_roster_that_cannot_be_written_stops_the_start(tmp_path: Path, disks: Disks) -> None:
    with pytest.raises(Unavailable, match="cannot be written"):
        async with BlobStore([Folder(tmp_path / "a")], CLUSTER, space=disks.space, roster=tmp_path / "no" / "r.json"):
            pass
    async with BlobStore([Folder(tmp_path / "a")], CLUSTER, space=disks.space):  # it was closed again
        pass


async def test_a_disk_that_turns_read_only_goes_offline_alone_and_is_read_from(
    tmp_path: Path, disks: Disks, blob: Build
) -> None:
    read_only: set[str] = set()

    def write(fd: int, buffers: Sequence[Buffer], offset: int) -> int:
        if Path(os.readlink(f"/proc/self/fd/{fd}")).parent.name in read_only:
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))
        return os.pwritev(fd, buffers, offset)

    folders = [Folder(tmp_path / name) for name in "ab"]
    async with BlobStore(folders, CLUSTER, space=disks.space, calls=DiskCalls(write=write)) as blobs:
        names = await fill(blobs, blob, 40)
        mine = [name for name in names if blobs.depots[0].find(name) is not None]
        read_only.add("a")
        await fill(blobs, blob, 20, first=100)
        assert "Read-only" in blobs.usage().directories[0].offline
        assert len(mine) > 5
        assert not any(blobs.holds(name) for name in mine)
        for seed, name in enumerate(names):
            assert await blobs.read(name, 0, 100) == blob(seed, 100)[1]


async def test_a_wiped_directory_begins_anew_even_when_the_first_start_ends_half_way(
    tmp_path: Path, disks: Disks, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Folder(tmp_path / "data" / "blobs")

    def store() -> BlobStore:
        return BlobStore([folder], CLUSTER, space=disks.space, roster=tmp_path / "data" / "directories.json")

    def end(*_: object) -> None:
        raise OSError(errno.EIO, "the power went")

    async with store():
        pass
    shutil.rmtree(folder.path)
    with monkeypatch.context() as patch:
        patch.setattr("mys3d.blobs.identity._write_new", end)
        with pytest.raises(Unavailable):
            async with store():
                pass
    assert folder.path.exists() and not any(folder.path.iterdir())
    async with store() as blobs:
        assert [each.offline for each in blobs.usage().directories] == [""]
