"""A directory under any order of batches, crashes, torn tails, lost indexes and restarts, against a plain dict."""

import contextlib
import os
import random
import shutil
import tempfile
from pathlib import Path

from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from mys3d.blobs import compaction, record
from mys3d.blobs.directory import Directory, NewBlob
from mys3d.blobs.reader import Reader
from mys3d.blobs.space import Space
from mys3d.blobs.volume import DiskCalls
from mys3d.errors import Unavailable
from mys3d.limits import KIB, MIB
from mys3d.model.digest import Digest, digest_of

PAGE = 4 * KIB
LENGTHS = [1, 15, 16, 17, 100, PAGE - 80, PAGE, 64 * KIB, 64 * KIB + 1, 300_000]


class PowerLost(OSError):
    """The sync never returned."""


class Crashes(RuleBasedStateMachine):
    """The disk keeps what was synced; of what was written since, each page is kept or lost by chance."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="crashes"))
        self.acknowledged: dict[Digest, bytes] = {}
        self.is_losing_power = False
        self.torn_count = 0  # batches that a power cut may have left with holes
        self.written: list[tuple[int, int, int]] = []  # descriptor, offset, size: not synced yet
        self.directory = self._open()

    @initialize(seed=st.integers(0, 2**32))
    def choose(self, seed: int) -> None:
        self.chance = random.Random(seed)

    @rule(lengths=st.lists(st.sampled_from(LENGTHS), min_size=1, max_size=6))
    def commit(self, lengths: list[int]) -> None:
        batch = self._batch(lengths)
        self.directory.commit(batch)
        self.acknowledged.update({blob.digest: bytes(blob.data[0]) for blob in batch})

    @rule()
    def commit_until_the_volume_is_full(self) -> None:
        self.commit([2 * MIB, 2 * MIB])

    @rule(lengths=st.lists(st.sampled_from(LENGTHS), min_size=1, max_size=6), loses_index=st.booleans())
    def lose_power_in_a_commit(self, lengths: list[int], loses_index: bool) -> None:
        self.is_losing_power = True
        self.torn_count += len(lengths)
        try:
            self.directory.commit(self._batch(lengths))
        except Unavailable:
            pass
        else:
            raise AssertionError("a batch was acknowledged without its sync")
        self.is_losing_power = False
        for path, data in self.left_behind:
            path.write_bytes(data)  # a process that lost its power did not clean up either
        self.written.clear()
        self._restart(loses_index)

    @rule(loses_index=st.booleans())
    def crash(self, loses_index: bool) -> None:
        self._restart(loses_index)

    @rule(share=st.integers(2, 4))
    def forget_some(self, share: int) -> None:
        for digest in list(self.acknowledged)[::share]:
            self.directory.forget(digest)
            del self.acknowledged[digest]

    @rule()
    def forget_all_but_one(self) -> None:
        for digest in list(self.acknowledged)[1:]:
            self.directory.forget(digest)
            del self.acknowledged[digest]

    @rule()
    def reclaim(self) -> None:
        self.directory.reclaim()

    @rule()
    def compact(self) -> None:
        number = compaction.choose(self.directory)
        if number is not None:
            self._copy(number)
            assert compaction.finish(self.directory, Reader(self.directory), number) == []
            assert number not in self.directory.volume_numbers()

    @rule(loses_index=st.booleans())
    def lose_power_in_a_compaction(self, loses_index: bool) -> None:
        number = compaction.choose(self.directory)
        if number is None:
            return
        self.is_losing_power = True
        self.left_behind = []
        self.torn_count += self.directory.index.blobs_count
        with contextlib.suppress(Unavailable):
            self._copy(number)
        self.is_losing_power = False
        for path, data in self.left_behind:
            path.write_bytes(data)
        self.written.clear()
        self._restart(loses_index)

    @rule()
    def begin_the_next_volume(self) -> None:
        self.directory.seal(lambda *_: True)

    @rule(loses_index=st.booleans())
    def lose_power_at_the_beginning_of_a_volume(self, loses_index: bool) -> None:
        self.is_losing_power = True
        self.left_behind = []
        with contextlib.suppress(Unavailable):
            self.directory.seal(lambda *_: True)
        self.is_losing_power = False
        for path, data in self.left_behind:
            path.write_bytes(data)
        self.written.clear()
        self._restart(loses_index)

    def _copy(self, number: int) -> None:
        offset: int | None = 0
        while offset is not None:
            step = compaction.copy_step(self.directory, Reader(self.directory), number, offset, 300 * KIB)
            assert step.bad == []
            offset = step.next_offset

    @rule()
    def close_and_open(self) -> None:
        self.directory.close()
        self.directory = self._open()

    @rule()
    def rebuild_the_index(self) -> None:
        self.directory.close()
        shutil.rmtree(self.folder / "index")
        self.directory = self._open()

    @invariant()
    def everything_acknowledged_is_read_right(self) -> None:
        reader = Reader(self.directory)
        for digest, data in self.acknowledged.items():
            place = self.directory.index.find(digest)
            assert place is not None, f"blob of {len(data)} bytes was lost"
            assert reader.read_waiting(digest, place, 0, len(data)) == data
        assert self.directory.gaps_count <= self.torn_count

    def teardown(self) -> None:
        self.directory.close()
        shutil.rmtree(self.folder)

    def _batch(self, lengths: list[int]) -> list[NewBlob]:
        pieces = [self.chance.randbytes(length) for length in lengths]
        return [NewBlob(digest_of(data), [data], len(data), 1) for data in pieces]

    def _open(self) -> Directory:
        calls = DiskCalls(self._write, self._sync)
        return Directory(self.folder, bytes(16), calls, lambda _: Space(512 * MIB, 512 * MIB))

    def _restart(self, loses_index: bool) -> None:
        index = self.folder / "index"
        kept = {path: path.read_bytes() for path in index.iterdir() if path.is_file()}
        self.directory.index.close()
        self.directory._close_files()
        if loses_index:  # the rows since the last flush were in memory
            for path in index.iterdir():
                path.unlink()
            for path, data in kept.items():
                path.write_bytes(data)
        self.directory = self._open()

    def _write(self, fd: int, buffers: list[bytes], offset: int) -> int:
        count = os.pwritev(fd, buffers, offset)
        self.written.append((fd, offset, count))
        return count

    def _sync(self, fd: int) -> None:
        if self.is_losing_power:
            for torn, offset, size in self.written:
                self._tear(torn, offset, size)
            paths = [path for path in self.folder.iterdir() if path.suffix in (".volume", ".new")]
            self.left_behind = [(path, path.read_bytes()) for path in paths]
            raise PowerLost("power lost")
        os.fdatasync(fd)
        self.written.clear()

    def _tear(self, fd: int, offset: int, size: int) -> None:
        """Lose pages of an unsynced write, in any combination, never those below it."""
        for page in range(offset - offset % PAGE, offset + size, PAGE):
            if self.chance.random() < 0.5:
                start = max(page, offset)
                os.pwrite(fd, bytes(min(page + PAGE, offset + size) - start), start)


assert record.RECORDS_START == PAGE

TestCrashes = Crashes.TestCase
TestCrashes.settings = settings(
    max_examples=20, stateful_step_count=20, deadline=None, derandomize=True, phases=[Phase.generate]
)
