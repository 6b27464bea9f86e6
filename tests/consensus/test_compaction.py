"""How much of the log stays: in memory, on disk, and for a snapshot that is being sent."""

import trio

from mys3d import limits
from mys3d.consensus.compaction import Compaction
from mys3d.consensus.membership import Voters
from mys3d.errors import Unavailable


class Log:
    """As much of a journal as is needed to count."""

    def __init__(self, first=1, last=1, size=100):
        self.first_index, self.last_index, self.size, self.dropped = first, last, size, []

    @property
    def entries_bytes(self):
        return (self.last_index - self.first_index + 1) * (self.size + 128)

    def __len__(self):
        return self.last_index - self.first_index + 1

    def between(self, start, stop):
        return [(b"x" * self.size, index, 1) for index in range(start, stop)]

    def trim(self, index):
        assert self.first_index < index <= self.last_index
        self.first_index = index

    def drop(self, index):
        assert index <= self.first_index
        self.dropped.append(index)


class Engine:
    def __init__(self, log, applied):
        self.log, self.last_applied = log, applied
        self.is_stale = self.is_installing = False
        self.voters_row = Voters(frozenset({"n1"}))


def looked(log, applied, keep, held=None):
    compaction = Compaction(Engine(log, applied), keep, lambda: held)
    compaction.look()
    return compaction


def test_nothing_goes_before_half_as_many_again_are_applied():
    log = Log(last=200)
    looked(log, 151, keep=100)
    assert log.first_index == 1
    looked(log, 152, keep=100)
    assert log.first_index == 52


def test_entries_that_are_not_applied_stay():
    log = Log(last=500)
    looked(log, 40, keep=0)
    assert log.first_index == 40


def test_what_follows_a_snapshot_that_is_being_sent_stays():
    log = Log(last=1000)
    looked(log, 1000, keep=100, held=300)
    assert log.first_index == 300
    looked(log, 1000, keep=100, held=300)
    assert log.first_index == 300


def test_the_memory_is_bounded_even_while_a_snapshot_is_being_sent():
    log = Log(last=limits.log_entries_max + 1)
    looked(log, log.last_index, keep=25_000, held=2)
    assert len(log) <= limits.log_entries_max // 2 + 1
    log = Log(last=2000, size=64 * 1024)
    looked(log, log.last_index, keep=25_000, held=2)
    assert log.entries_bytes <= limits.log_bytes_max // 2 + 64 * 1024 + 256


def test_a_log_that_is_full_of_entries_to_apply_is_left_alone():
    log = Log(last=limits.log_entries_max + 5)
    looked(log, 1, keep=10)
    assert log.first_index == 1


def test_a_node_without_its_rows_forgets_nothing():
    for reason in ("is_stale", "is_installing"):
        log = Log(last=500)
        engine = Engine(log, 500)
        setattr(engine, reason, True)
        Compaction(engine, 10, lambda: None).look()
        assert log.first_index == 1


async def test_the_disk_follows_once_the_rows_are_flushed(nursery, autojump_clock):
    log, flushed, woken = Log(last=500), [], []
    engine = Engine(log, 500)
    compaction = Compaction(engine, 100, lambda: None)
    faults = [Unavailable("the disk is full")]

    def flush():
        if faults:
            raise faults.pop()
        flushed.append(engine.last_applied)
        log.last_index = engine.last_applied = 900  # entries go on while the rows are flushed
        compaction.look()

    async def sync(work):
        work()
        await trio.lowlevel.checkpoint()

    nursery.start_soon(compaction.run, flush, sync, lambda: woken.append(True))
    await trio.sleep(60)
    assert flushed == []
    compaction.look()
    await trio.sleep(60)
    assert flushed[0] == 500 and log.dropped == [500, 800] and len(woken) == 2
    assert compaction.cuts_count == 2


async def test_a_change_of_voters_is_flushed_at_once_and_nothing_else_is(nursery, autojump_clock):
    log, flushed = Log(last=20), []
    engine = Engine(log, 20)
    compaction = Compaction(engine, 100, lambda: None)

    async def sync(work):
        work()

    nursery.start_soon(compaction.run, lambda: flushed.append(engine.voters_row.applied), sync, lambda: None)
    compaction.look()
    await trio.sleep(1)
    assert flushed == []
    engine.voters_row.applied = frozenset({"n1", "n2"})
    for _ in range(3):
        compaction.look()
        await trio.sleep(1)
    assert flushed == [{"n1", "n2"}] and log.dropped == []
