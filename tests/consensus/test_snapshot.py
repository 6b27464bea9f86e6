"""Copies of the registry: shared, bounded, let go of; and fetched piece by piece over lanes that break."""

import pytest
import trio

from mys3d import limits
from mys3d.consensus.snapshot import Snapshots, SnapshotUnusable, check_files, fetch
from mys3d.errors import Damaged, Unavailable
from mys3d.ports import SnapshotFile


class Log:
    first_index = 1


class Engine:
    """A node that has applied 10 entries."""

    def __init__(self):
        self.log, self.last_applied, self.request_counter = Log(), 10, 4_000_000
        self.is_stale = self.is_installing = False


async def at_once(work):
    work()
    await trio.lowlevel.checkpoint()


@pytest.fixture
def source(builders):
    rows = builders.Rows({b"k%d" % number: b"value" * 30 for number in range(40)})
    engine = Engine()
    return engine, rows, Snapshots(rows, engine, builders.TrioClock(), at_once)


class Wire:
    """Lanes to one node that fail as told: `faults` are raised by the next pieces."""

    def __init__(self, snapshots):
        self.snapshots, self.faults, self.pieces, self.cut = snapshots, [], 0, 0

    async def open_snapshot(self, node, since):
        return await self.snapshots.open(since)

    async def snapshot_piece(self, node, snapshot, file, start, stop):
        self.pieces += 1
        if self.faults:
            raise self.faults.pop(0)
        return (await self.snapshots.piece(snapshot, file, start, stop))[self.cut :]


async def test_a_copy_is_fetched_whole(source, builders, autojump_clock):
    _, rows, snapshots = source
    received = await fetch(Wire(snapshots), "b", builders.Rows(), at_once, 0)
    assert received.reader.rows == rows.rows


async def test_a_copy_is_fetched_in_pieces_of_a_bounded_size(source, builders, autojump_clock, monkeypatch):
    _, rows, snapshots = source
    monkeypatch.setattr(limits, "snapshot_piece_bytes", 100)
    wire = Wire(snapshots)
    received = await fetch(wire, "b", builders.Rows(), at_once, 0)
    assert received.reader.rows == rows.rows
    assert wire.pieces == sum(-(-file.length // 100) for file in rows.export().files) > 4


async def test_a_piece_that_was_lost_or_changed_on_its_way_is_asked_for_again(source, builders, autojump_clock):
    _, rows, snapshots = source
    wire = Wire(snapshots)
    wire.faults = [Unavailable("the lane broke"), Damaged(b"d" * 32, "b", "changed"), Unavailable("and again")]
    received = await fetch(wire, "b", builders.Rows(), at_once, 0)
    assert received.reader.rows == rows.rows


async def test_a_lane_that_stays_broken_ends_the_fetch_and_leaves_nothing(
    source, builders, autojump_clock, monkeypatch
):
    wire, target, kept = Wire(source[2]), builders.Rows(), []
    wire.faults = [Unavailable("the lane broke")] * limits.snapshot_retries_max
    receive = target.receive
    target.receive = lambda files: kept.append(receive(files)) or kept[0]
    with pytest.raises(Unavailable, match="lane broke"):
        await fetch(wire, "b", target, at_once, 0)
    assert kept[0].is_abandoned


async def test_a_piece_of_another_length_is_refused(source, builders, autojump_clock):
    wire = Wire(source[2])
    wire.cut = 1
    with pytest.raises(SnapshotUnusable, match="bytes, received"):
        await fetch(wire, "b", builders.Rows(), at_once, 0)


async def test_several_nodes_share_a_copy_while_the_log_reaches_it(source, autojump_clock):
    engine, rows, snapshots = source
    first = await snapshots.open(0)
    rows.write([(b"later", b"row")])
    engine.last_applied = 20
    assert await snapshots.open(0) == first and first.index == 10
    engine.log.first_index = 15
    second = await snapshots.open(0)
    assert (second.id, second.index) == (first.id + 1, 20)
    assert snapshots.held_index() == 10
    engine.log.first_index = 25
    with pytest.raises(Unavailable, match="being sent"):
        await snapshots.open(0)
    await trio.sleep(limits.snapshot_quiet_seconds / 2)
    await snapshots.piece(first.id, 0, 0, 10)
    await trio.sleep(limits.snapshot_quiet_seconds * 0.6)
    third = await snapshots.open(0)
    assert third.id == second.id + 1
    assert await snapshots.piece(first.id, 0, 0, 10)
    with pytest.raises(Unavailable, match="not kept"):
        await snapshots.piece(second.id, 0, 0, 10)


async def test_the_log_is_held_from_the_moment_in_which_a_copy_is_begun(source):
    engine, rows, snapshots = source
    held, export = [], rows.export

    def slow():
        engine.last_applied = 30
        held.append(snapshots.held_index())
        return export()

    rows.export = slow
    assert (await snapshots.open(0)).index == 10 == snapshots.held_index()
    assert held == [10]
    rows.export = lambda: [][0]
    engine.log.first_index = 25
    with pytest.raises(IndexError):
        await snapshots.open(0)
    assert snapshots.held_index() == 10


async def test_a_copy_too_old_for_the_asker_is_not_offered(source):
    """A node that lost its rows and kept its log was offered the same old copy for ever: its asking kept it alive."""
    engine, _, snapshots = source
    first = await snapshots.open(0)
    engine.last_applied = 20
    assert await snapshots.open(10) == first
    assert (await snapshots.open(15)).index == 20
    with pytest.raises(Unavailable, match="end at entry 20, before entry 21"):
        await snapshots.open(21)


async def test_a_copy_that_nobody_reads_is_let_go_of(source, nursery, autojump_clock):
    _, rows, snapshots = source
    nursery.start_soon(snapshots.expire)
    exports, export = [], rows.export
    rows.export = lambda: exports.append(export()) or exports[-1]
    offer = await snapshots.open(0)
    for _ in range(5):
        await trio.sleep(limits.snapshot_idle_seconds * 0.9)
        await snapshots.piece(offer.id, 0, 0, 10)
    await trio.sleep(limits.snapshot_idle_seconds * 1.5)
    assert exports[0].is_closed and snapshots.held_index() is None
    with pytest.raises(Unavailable, match="not kept any more"):
        await snapshots.piece(offer.id, 0, 0, 10)


async def test_a_copy_that_two_tasks_let_go_of_is_closed_once(source):
    _, rows, snapshots = source
    exports, export = [], rows.export
    rows.export = lambda: exports.append(export()) or exports[-1]
    await snapshots.open(0)
    kept = next(iter(snapshots._kept.values()))
    for _ in range(2):
        await snapshots._let_go(kept)
    assert exports[0].is_closed and snapshots.held_index() is None


async def test_only_pieces_of_the_copy_are_read(source):
    _, _, snapshots = source
    offer = await snapshots.open(0)
    for file, start, stop in ((9, 0, 1), (-1, 0, 1), (0, -1, 1), (0, 5, 4), (0, 0, limits.snapshot_piece_bytes + 1)):
        with pytest.raises(Unavailable, match="has no piece"):
            await snapshots.piece(offer.id, file, start, stop)


@pytest.mark.parametrize("flaw", ["is_stale", "is_installing"])
async def test_a_node_whose_rows_are_not_whole_offers_none(source, flaw):
    engine, _, snapshots = source
    setattr(engine, flaw, True)
    with pytest.raises(Unavailable, match="not whole"):
        await snapshots.open(0)


@pytest.mark.parametrize("name", ["../x", "a/b", ".hidden", "", "x" * 101, "a\0b", "/etc/passwd"])
def test_a_file_name_that_could_lead_elsewhere_is_refused(name):
    with pytest.raises(SnapshotUnusable):
        check_files([SnapshotFile(name, 1)])


def test_files_that_are_none_too_many_or_twice_are_refused():
    file = SnapshotFile("CURRENT", 1)
    check_files([file])
    for files in ([], [file, file], [SnapshotFile("CURRENT", -1)], [file] * (limits.snapshot_files_max + 1)):
        with pytest.raises(SnapshotUnusable):
            check_files(files)
