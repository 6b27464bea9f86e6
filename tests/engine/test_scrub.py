"""Every blob is read again in time, and what has rotted is replaced by a sound copy of another node."""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest
import trio
from trio.testing import MockClock

from mys3d import limits
from mys3d.engine.budget import BufferBudget
from mys3d.engine.get import read_blob
from mys3d.engine.put import put_object
from mys3d.engine.scrub import Scrub
from mys3d.errors import Unavailable
from mys3d.model.body import BlobRef, InlineBlobs
from mys3d.model.names import ObjectKey
from mys3d.model.scrub import ScrubAction, ScrubNote, ScrubState
from mys3d.registry import queries

MakeGrid = Callable[[int], Awaitable[Any]]
DAY_MS = 24 * 3600 * 1000


def noted(paper: Any) -> ScrubNote:
    return msgspec.json.decode(paper.text, type=ScrubNote)


async def put(grid: Any, pieces: Any, finisher: Any, key: str) -> BlobRef:
    body = key.encode() * 100
    await put_object(grid[0].ports, BufferBudget(), pieces(body), frozenset(), finisher(grid, key))
    version = queries.live(grid[0].ports.registry.view(), grid.bucket, ObjectKey(key))
    assert version is not None and isinstance(version.body, InlineBlobs)
    return version.body.blobs[0]


@pytest.fixture
def small(monkeypatch: Any) -> None:
    """One blob a step, at ten blobs a second."""
    monkeypatch.setattr(limits, "scrub_step_bytes", 1)
    monkeypatch.setattr(limits, "scrub_bytes_per_second", 5000)


async def until(statement: Callable[[], bool], seconds: float = 600.0) -> None:
    with trio.fail_after(seconds):
        while not statement():  # noqa: ASYNC110 # the scrub has no event for tests
            await trio.sleep(0.1)


async def test_a_started_scrub_finds_a_rotten_copy_and_it_is_healed(
    make_grid: MakeGrid, paper: Any, pieces: Any, finisher: Any, nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    grid = await make_grid(3)
    blobs = [await put(grid, pieces, finisher, f"k{number:03}") for number in range(40)]
    await nursery.start(grid[1].missing.run)
    scrub = Scrub(grid[1].ports, paper.load, paper.save)
    await nursery.start(scrub.run)
    assert scrub.report().state is ScrubState.WAITING
    for blob in blobs[::10]:
        grid[1].blobs.damage(blob.digest)
    began = await scrub.act(ScrubAction.START)
    assert (began.state, began.is_fast, began.next_at) == (ScrubState.RUNNING, True, 0)
    await until(lambda: scrub.report().finished_at > 0)
    await until(lambda: scrub.report().open_count == 0)
    ended = scrub.report()
    assert (ended.state, ended.found_count, ended.healed_count, ended.blobs_count) == (ScrubState.WAITING, 4, 4, 40)
    for blob in blobs:
        assert grid[1].blobs.holds(blob.digest)
        assert len(await read_blob(grid[1].ports, blob)) == blob.length
    assert (await scrub.act(ScrubAction.STATUS)).healed_count == 4


async def test_a_round_reads_the_rows_of_the_registry_and_goes_on_when_they_are_damaged(
    make_grid: MakeGrid, paper: Any, monkeypatch: Any
) -> None:
    grid = await make_grid(1)
    read: list[str] = []

    async def prove() -> None:
        read.append("rows")
        raise Unavailable("a rotten block")

    monkeypatch.setattr(grid[0].ports.registry, "prove", prove)
    scrub = Scrub(grid[0].ports, paper.load, paper.save)
    assert (await scrub.act(ScrubAction.START)).state is ScrubState.RUNNING
    assert read == ["rows"]


async def test_a_round_begins_by_itself_after_fourteen_days_and_keeps_to_its_rate(
    make_grid: MakeGrid,
    paper: Any,
    pieces: Any,
    finisher: Any,
    nursery: trio.Nursery,
    autojump_clock: MockClock,
    small: None,
) -> None:
    grid = await make_grid(1)
    for number in range(50):
        await put(grid, pieces, finisher, f"k{number:03}")
    scrub = Scrub(grid[0].ports, paper.load, paper.save)
    await nursery.start(scrub.run)
    await trio.sleep(14 * DAY_MS / 1000 - 60)
    assert scrub.report().state is ScrubState.WAITING
    await until(lambda: scrub.report().state is ScrubState.RUNNING, 70)
    started = trio.current_time()
    await until(lambda: 0.4 < scrub.report().progress < 0.6)
    assert scrub.report().eta_seconds in (1, 2, 3)
    await until(lambda: scrub.report().state is ScrubState.WAITING)
    assert trio.current_time() - started == pytest.approx(50 * 400 / 5000, abs=0.5)
    assert scrub.report().next_at == pytest.approx(grid[0].ports.clock.now() + 14 * DAY_MS, abs=60_000)


async def test_a_round_goes_on_after_a_restart_where_it_was_noted(
    make_grid: MakeGrid,
    paper: Any,
    pieces: Any,
    finisher: Any,
    autojump_clock: MockClock,
    small: None,
    monkeypatch: Any,
) -> None:
    monkeypatch.setattr(limits, "scrub_checkpoint_seconds", 1.0)
    grid = await make_grid(1)
    for number in range(100):
        await put(grid, pieces, finisher, f"k{number:03}")
    paper.text = msgspec.json.encode(ScrubNote(is_running=True, began_at=grid[0].ports.clock.now()))
    async with trio.open_nursery() as life:
        first = Scrub(grid[0].ports, paper.load, paper.save)
        await life.start(first.run)
        await until(lambda: first.report().progress > 0.5)
        life.cancel_scope.cancel()
    read: list[str] = []
    verify = grid[0].blobs.verify

    async def spy(after: str, bytes_max: int) -> Any:
        read.append(after)
        return await verify(after, bytes_max)

    monkeypatch.setattr(grid[0].blobs, "verify", spy)
    note = noted(paper)
    assert 35 <= note.blobs_count <= 55
    async with trio.open_nursery() as life:
        second = Scrub(grid[0].ports, paper.load, paper.save)
        await life.start(second.run)
        await until(lambda: second.report().state is ScrubState.WAITING)
        life.cancel_scope.cancel()
    assert read[0] == note.cursor
    assert len(read) == 100 - note.blobs_count
    assert second.report().blobs_count == 100


async def test_a_paused_scrub_stands_still_also_over_a_restart_and_resumes(
    make_grid: MakeGrid, paper: Any, pieces: Any, finisher: Any, autojump_clock: MockClock, small: None
) -> None:
    grid = await make_grid(1)
    for number in range(20):
        await put(grid, pieces, finisher, f"k{number:03}")
    paper.text = msgspec.json.encode(ScrubNote(is_running=True, began_at=grid[0].ports.clock.now()))
    async with trio.open_nursery() as life:
        first = Scrub(grid[0].ports, paper.load, paper.save)
        await life.start(first.run)
        await until(lambda: first.report().blobs_count >= 5)
        paused = await first.act(ScrubAction.PAUSE)
        assert paused.state is ScrubState.PAUSED
        assert paused.next_at - grid[0].ports.clock.now() == limits.scrub_pause_ms_max
        await trio.sleep(100)
        assert first.report().blobs_count <= paused.blobs_count + 1  # the step that was under way
        life.cancel_scope.cancel()
    async with trio.open_nursery() as life:
        second = Scrub(grid[0].ports, paper.load, paper.save)
        await life.start(second.run)
        await trio.sleep(100)
        assert second.report().state is ScrubState.PAUSED
        await second.act(ScrubAction.RESUME)
        await until(lambda: second.report().state is ScrubState.WAITING)
        life.cancel_scope.cancel()
    assert second.report().blobs_count == 20


async def test_a_pause_ends_by_itself_after_a_day(
    make_grid: MakeGrid, paper: Any, pieces: Any, finisher: Any, nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    grid = await make_grid(1)
    await put(grid, pieces, finisher, "k")
    scrub = Scrub(grid[0].ports, paper.load, paper.save)
    paper.text = msgspec.json.encode(ScrubNote(is_running=True, began_at=grid[0].ports.clock.now()))
    await nursery.start(scrub.run)
    await scrub.act(ScrubAction.PAUSE)
    await trio.sleep(DAY_MS / 1000 - 60)
    assert scrub.report().state is ScrubState.PAUSED
    await until(lambda: scrub.report().state is ScrubState.WAITING, 120)
    assert scrub.report().finished_at > 0


async def test_a_start_ends_a_pause_and_begins_at_the_first_blob(
    make_grid: MakeGrid,
    paper: Any,
    pieces: Any,
    finisher: Any,
    nursery: trio.Nursery,
    autojump_clock: MockClock,
    small: None,
) -> None:
    grid = await make_grid(1)
    for number in range(20):
        await put(grid, pieces, finisher, f"k{number:03}")
    paper.text = msgspec.json.encode(ScrubNote(is_running=True, began_at=grid[0].ports.clock.now()))
    scrub = Scrub(grid[0].ports, paper.load, paper.save)
    await nursery.start(scrub.run)
    await until(lambda: scrub.report().blobs_count >= 10)
    await scrub.act(ScrubAction.PAUSE)
    began = await scrub.act(ScrubAction.START)
    assert (began.state, began.is_fast, began.blobs_count) == (ScrubState.RUNNING, True, 0)
    await until(lambda: scrub.report().state is ScrubState.WAITING)
    assert scrub.report().blobs_count == 20


async def test_starting_twice_is_starting_once(
    make_grid: MakeGrid, paper: Any, pieces: Any, finisher: Any, nursery: trio.Nursery, autojump_clock: Any,
    small: None, monkeypatch: Any,
) -> None:  # fmt: skip
    monkeypatch.setattr(limits, "scrub_fast_bytes_per_second", 5000)
    grid = await make_grid(1)
    for number in range(20):
        await put(grid, pieces, finisher, f"k{number:03}")
    scrub = Scrub(grid[0].ports, paper.load, paper.save)
    await nursery.start(scrub.run)
    await scrub.act(ScrubAction.START)
    await until(lambda: scrub.report().blobs_count >= 10)
    assert (await scrub.act(ScrubAction.START)).blobs_count >= 10


async def test_damage_that_nobody_needs_any_more_does_not_stay_open(
    make_grid: MakeGrid, paper: Any, nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    grid = await make_grid(3)
    blob = await grid.hold(b"an orphan of a broken upload", [0])
    grid[0].blobs.damage(blob.digest)
    scrub = Scrub(grid[0].ports, paper.load, paper.save)
    await nursery.start(scrub.run)
    await scrub.act(ScrubAction.START)
    await until(lambda: scrub.report().finished_at > 0)
    report = await scrub.act(ScrubAction.STATUS)
    assert (report.found_count, report.healed_count, report.open_count) == (1, 0, 0)


async def test_damage_without_another_copy_stays_open_over_a_restart(
    make_grid: MakeGrid, paper: Any, pieces: Any, finisher: Any, autojump_clock: MockClock
) -> None:
    grid = await make_grid(1)
    blob = await put(grid, pieces, finisher, "only")
    grid[0].blobs.damage(blob.digest)
    async with trio.open_nursery() as life:
        scrub = Scrub(grid[0].ports, paper.load, paper.save)
        await life.start(scrub.run)
        await scrub.act(ScrubAction.START)
        await until(lambda: scrub.report().finished_at > 0)
        life.cancel_scope.cancel()
    async with trio.open_nursery() as life:
        again = Scrub(grid[0].ports, paper.load, paper.save)
        await life.start(again.run)
        report = await again.act(ScrubAction.STATUS)
        life.cancel_scope.cancel()
    assert (report.found_count, report.healed_count, report.open_count) == (1, 0, 1)


@pytest.mark.parametrize("text", [b"", b"{", b"\xff", b'{"format": "x"}'])
async def test_a_note_that_cannot_be_read_is_begun_anew(
    make_grid: MakeGrid, paper: Any, nursery: trio.Nursery, autojump_clock: MockClock, text: bytes
) -> None:
    grid = await make_grid(1)
    paper.text = text
    scrub = Scrub(grid[0].ports, paper.load, paper.save)
    await nursery.start(scrub.run)
    assert scrub.report().state is ScrubState.WAITING


async def test_a_note_that_cannot_be_saved_stops_no_round(
    make_grid: MakeGrid, paper: Any, pieces: Any, finisher: Any, nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    grid = await make_grid(1)
    await put(grid, pieces, finisher, "k")
    paper.is_torn = True
    scrub = Scrub(grid[0].ports, paper.load, paper.save)
    await nursery.start(scrub.run)
    await scrub.act(ScrubAction.START)
    await until(lambda: scrub.report().finished_at > 0)


async def test_a_clock_that_was_set_back_puts_no_round_off_for_longer_than_a_cycle(
    make_grid: MakeGrid, paper: Any, nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    grid = await make_grid(1)
    paper.text = msgspec.json.encode(ScrubNote(began_at=grid[0].ports.clock.now() + 1000 * DAY_MS))
    scrub = Scrub(grid[0].ports, paper.load, paper.save)
    await nursery.start(scrub.run)
    assert scrub.report().next_at == grid[0].ports.clock.now() + 14 * DAY_MS


async def test_damage_is_open_for_as_long_as_the_rows_cannot_tell(
    make_grid: MakeGrid, paper: Any, pieces: Any, finisher: Any, nursery: trio.Nursery, autojump_clock: MockClock,
    monkeypatch: Any,
) -> None:  # fmt: skip
    grid = await make_grid(1)
    blob = await put(grid, pieces, finisher, "only")
    grid[0].blobs.damage(blob.digest)
    scrub = Scrub(grid[0].ports, paper.load, paper.save)
    await nursery.start(scrub.run)
    monkeypatch.setattr(queries, "layout", lambda _reader: None)
    await scrub.act(ScrubAction.START)
    await until(lambda: scrub.report().finished_at > 0)
    assert (await scrub.act(ScrubAction.STATUS)).open_count == 1
