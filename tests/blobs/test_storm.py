"""Three directories under a storm of everything that can happen to them, against a plain dict.

Puts, deletions, rot, failures, missing mounts, lost indexes, compactions, doubles and restarts, by chance: whatever is
on a disk in service and was not rotted is held and read right; no wrong byte is ever read.
"""

import shutil
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from mys3d import limits
from mys3d.blobs import record
from mys3d.blobs.depot import Depot
from mys3d.blobs.doubles import drop_doubles
from mys3d.blobs.space import Space
from mys3d.blobs.store import BlobStore, Folder
from mys3d.errors import Damaged, Unavailable
from mys3d.limits import KIB, MIB
from mys3d.model.digest import Digest, digest_of, partition_of
from mys3d.model.names import GcEpoch

NAMES = "abc"
LENGTHS = [1, 100, 4 * KIB, 30 * KIB, 64 * KIB, 100 * KIB]
EPOCH = GcEpoch(5)
STEPS = 400


class Storm:
    """The store, what was acknowledged, and on which disks a sound copy lies."""

    def __init__(self, folder: Path, dice: Random) -> None:
        self.folder, self.dice = folder, dice
        self.store: BlobStore
        self.bytes: dict[Digest, bytes] = {}
        self.sound: dict[Digest, set[str]] = {}  # disks with a sound copy, in service or not
        self.happened: dict[str, int] = {}

    def space(self, _: Path) -> Space:
        return Space(16 * MIB, 300 * MIB, self.dice.randrange(1 << 30))  # volumes of 256 KiB

    async def open(self) -> None:
        folders = [Folder(self.folder / "mnt" / name) for name in NAMES]
        self.store = BlobStore(folders, bytes(16), space=self.space, roster=self.folder / "data" / "directories.json")
        await self.store.__aenter__()

    async def close(self) -> None:
        await self.store.__aexit__(None, None, None)

    def serving(self) -> dict[str, Depot]:
        return {depot.directory.folder.name: depot for depot in self.store.depots if depot.offline is None}

    async def put(self) -> None:
        data = self.dice.randbytes(self.dice.choice(LENGTHS))
        if self.bytes and self.dice.random() < 0.3:
            data = self.bytes[self.dice.choice(sorted(self.bytes))]  # the same once more
        digest = digest_of(data)
        try:
            await self.store.put(digest, [data], EPOCH)
        except Unavailable:
            assert not self.serving(), "a directory in service with room refused a blob"
            return
        self.bytes[digest] = data
        holding = {name for name, depot in self.serving().items() if depot.find(digest) is not None}
        assert holding, "acknowledged, and held nowhere"
        fresh = await self.store.read(digest, 0, len(data))
        assert fresh == data
        right = {name for name in sorted(holding) if await self.is_right(name, digest)}
        self.sound.setdefault(digest, set()).update(right)

    async def is_right(self, name: str, digest: Digest) -> bool:
        try:
            return await self.serving()[name].read(digest, 0, 2**22) == self.bytes[digest]
        except Damaged:
            return False

    async def forget(self) -> None:
        for digest in self.dice.sample(sorted(self.bytes), min(len(self.bytes), self.dice.choice([1, 20]))):
            self.store.forget(digest, EPOCH)
            assert not self.store.holds(digest)
            self.sound[digest] -= set(self.serving())
            if not self.sound[digest]:
                del self.sound[digest], self.bytes[digest]

    async def rot(self) -> None:
        serving = self.serving()
        where = [(name, digest) for digest, names in self.sound.items() for name in sorted(names & set(serving))]
        if not where:
            return
        name, digest = self.dice.choice(sorted(where))
        directory = serving[name].directory
        place = directory.index.find(digest)
        assert place is not None
        start = self.dice.randrange(record.header_bytes(place.length) + place.length)
        with (directory.folder / f"{place.volume:08d}.volume").open("r+b") as file:
            file.seek(place.offset + start)
            byte = file.read(1)[0]
            file.seek(place.offset + start)
            file.write(bytes([byte ^ 1 << self.dice.randrange(8)]))
        serving[name]._verified.discard(digest)  # as after a day
        self.sound[digest].discard(name)

    async def fail(self) -> None:
        if len(self.serving()) > 1:
            self.serving()[self.dice.choice(sorted(self.serving()))].directory.take_offline("for the test")

    async def verify(self) -> None:
        after: str | None = ""
        while after is not None:
            after = (await self.store.verify(after, self.dice.choice([1000, 200 * KIB]))).after

    async def compact(self) -> None:
        for depot in self.serving().values():
            before = depot.directory.volume_numbers()
            await depot.reclaim()
            await depot.compact()
            if before != depot.directory.volume_numbers():
                self.happened["removed"] = self.happened.get("removed", 0) + 1

    async def thin_out(self) -> None:
        for partition in sorted({partition_of(digest) for digest in self.bytes}):
            await drop_doubles(self.store.depots, self.store._touches, partition)
        for digest, names in self.sound.items():
            left = {name for name, depot in self.serving().items() if depot.find(digest) is not None}
            assert left & names or not names & set(self.serving()), "the last sound copy was dropped"
            names -= set(self.serving()) - left

    async def lose_index(self) -> None:
        await self.close()
        shutil.rmtree(self.folder / "mnt" / self.dice.choice(NAMES) / "index", ignore_errors=True)
        await self.open()

    async def restart(self) -> None:
        await self.close()
        await self.open()

    async def restart_without_a_disk(self) -> None:
        name = self.dice.choice(NAMES)
        await self.close()
        (self.folder / "mnt" / name).rename(self.folder / "away")
        await self.open()
        assert name not in self.serving()
        await self.put()
        await self.close()
        (self.folder / "away").rename(self.folder / "mnt" / name)
        await self.open()

    async def check(self) -> None:
        serving = set(self.serving())
        for digest, names in self.sound.items():
            data = self.bytes[digest]
            if names & serving:
                assert self.store.holds(digest)
                assert await self.store.read(digest, 0, len(data)) == data
                assert await self.store.have(digest, EPOCH)
            else:
                await self.check_rest(digest, data)

    async def check_rest(self, digest: Digest, data: bytes) -> None:
        """What no sound copy in service stands for: nothing, damage, or the right bytes from a disk that is offline."""
        try:
            found = await self.store.read(digest, 0, len(data))
        except Damaged:
            return
        assert found in (None, data)


@pytest.mark.parametrize("seed", range(3))
async def test_nothing_sound_is_lost_and_nothing_wrong_is_read_in_any_storm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr(limits, "volume_bytes_min", 256 * KIB)
    monkeypatch.setattr(limits, "damages_per_minute_max", 1_000_000)  # rot is of single records here
    monkeypatch.setattr(limits, "compaction_bytes_per_second", 1 << 40)
    monkeypatch.setattr(limits, "seal_early_bytes_min", 64 * KIB)
    (tmp_path / "data").mkdir()
    storm = Storm(tmp_path, Random(seed))
    await storm.open()
    events: list[tuple[Callable[[], object], int]] = [
        (storm.put, 60), (storm.forget, 8), (storm.rot, 6), (storm.verify, 3), (storm.compact, 6), (storm.thin_out, 2),
        (storm.fail, 1), (storm.lose_index, 1), (storm.restart, 2), (storm.restart_without_a_disk, 1),
    ]  # fmt: skip
    for step in range(STEPS):
        event = storm.dice.choices([event for event, _ in events], [weight for _, weight in events])[0]
        await event()  # type: ignore[misc]
        storm.happened[event.__name__] = storm.happened.get(event.__name__, 0) + 1
        if step % 10 == 0 or event != storm.put:
            await storm.check()
    await storm.check()
    await storm.close()
    assert storm.happened["removed"] > 3, "no volume was compacted: the storm proves little"
