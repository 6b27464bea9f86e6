"""The acknowledgement rule: never below the write quorum, never slower than it must be."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from mys3d import limits
from mys3d.engine.budget import BufferBudget
from mys3d.engine.get import read_blob
from mys3d.engine.homes import present_layout
from mys3d.engine.put import put_object
from mys3d.engine.replicate import replicate
from mys3d.errors import Damaged, Unavailable
from mys3d.model.body import BlobRef
from mys3d.model.digest import digest_of, partition_of
from mys3d.model.names import GcEpoch
from mys3d.model.settings import WriteQuorum
from mys3d.registry import queries
from mys3d.registry.commands import ChangeSettings

Grid = Any  # of conftest
MakeGrid = Callable[[int], Awaitable[Grid]]
DATA = b"forty-two bytes that name themselves well."
BLOB = BlobRef(digest_of(DATA), len(DATA))


async def push(grid: Grid, number: int = 0) -> tuple[float, set[int]]:
    """Replicate DATA from one node; return the seconds it took and the nodes that acknowledged."""
    ports = grid[number].ports
    started = trio.current_time()
    durable = await replicate(ports, present_layout(ports), BLOB.digest, [DATA], GcEpoch(0))
    return trio.current_time() - started, {grid.ids.index(node) for node in durable}


def homes_of(grid: Grid) -> list[int]:
    return [grid.ids.index(node) for node in present_layout(grid[0].ports).homes(partition_of(BLOB.digest))]


@pytest.mark.parametrize("count", [1, 2, 3])
async def test_a_blob_is_on_every_home_when_all_are_well(make_grid: MakeGrid, count: int) -> None:
    grid = await make_grid(count)
    _, durable = await push(grid)
    assert durable == grid.holders(BLOB) == set(range(count))


async def test_of_two_nodes_both_are_needed(make_grid: MakeGrid) -> None:
    grid = await make_grid(2)
    grid.network.cut(grid.ids[0], grid.ids[1])
    with pytest.raises(Unavailable, match="of 2 durable copies"):
        await push(grid)


async def test_of_three_nodes_one_may_be_down_and_is_not_waited_for(
    make_grid: MakeGrid, autojump_clock: MockClock
) -> None:
    grid = await make_grid(3)
    grid.network.cut(grid.ids[0], grid.ids[2])
    seconds, durable = await push(grid)
    assert (seconds, durable) == (0.0, {0, 1})


async def test_of_three_nodes_two_down_are_too_many(make_grid: MakeGrid) -> None:
    grid = await make_grid(3)
    grid.network.cut(grid.ids[0], grid.ids[1])
    grid.network.cut(grid.ids[0], grid.ids[2])
    with pytest.raises(Unavailable, match="of 2 durable copies"):
        await push(grid)


async def test_a_full_disk_here_does_not_stop_a_put_that_others_can_keep(make_grid: MakeGrid) -> None:
    grid = await make_grid(3)
    grid[0].blobs.refusal = "the disk is full"
    _, durable = await push(grid)
    assert durable == {1, 2}


async def test_a_straggler_is_waited_for_its_time_and_then_left_to_repair(
    make_grid: MakeGrid, autojump_clock: MockClock
) -> None:
    grid = await make_grid(3)
    grid.network.delay(grid.ids[0], grid.ids[2], 30.0)
    seconds, durable = await push(grid)
    assert durable == {0, 1}
    assert seconds == pytest.approx(limits.straggler_ms / 1000)
    assert grid[0].ports.pace.misses(grid.ids[2]) == 1


async def test_a_peer_that_used_to_be_fast_is_waited_for_less(make_grid: MakeGrid, autojump_clock: MockClock) -> None:
    grid = await make_grid(3)
    for _ in range(50):
        grid[0].ports.pace.answered(grid.ids[2], 0.001)
    grid.network.delay(grid.ids[0], grid.ids[2], 30.0)
    seconds, _ = await push(grid)
    assert seconds == pytest.approx(limits.straggler_min_ms / 1000)


async def test_a_home_that_missed_several_times_is_pushed_to_and_not_waited_for(
    make_grid: MakeGrid, autojump_clock: MockClock
) -> None:
    grid = await make_grid(3)
    grid.network.delay(grid.ids[0], grid.ids[2], 30.0)
    taken = [(await push(grid))[0] for _ in range(5)]
    assert taken == pytest.approx([0.25, 0.25, 0.25, 0.0, 0.0])


async def test_a_lagging_home_is_probed_and_waited_for_again(make_grid: MakeGrid, autojump_clock: MockClock) -> None:
    grid = await make_grid(3)
    slow = grid.ids[2]
    while grid[0].ports.pace.misses(slow) < limits.lagging_probe_every:
        grid[0].ports.pace.missed(slow)
    grid.network.delay(grid.ids[0], slow, 0.01)
    _, durable = await push(grid)
    assert durable == {0, 1, 2}
    assert grid[0].ports.pace.misses(slow) == 0


async def test_below_the_quorum_a_slow_home_is_waited_for_to_the_deadline(
    make_grid: MakeGrid, autojump_clock: MockClock
) -> None:
    grid = await make_grid(2)
    grid.network.delay(grid.ids[0], grid.ids[1], 30.0)
    started = trio.current_time()
    with pytest.raises(Unavailable, match="of 2 durable copies"):
        await push(grid)
    assert trio.current_time() - started == pytest.approx(limits.push_deadline_seconds)


async def test_it_fails_at_once_when_the_quorum_is_out_of_reach_whatever_the_slow_one_says(
    make_grid: MakeGrid, autojump_clock: MockClock
) -> None:
    grid = await make_grid(3)
    grid[0].blobs.refusal = "the disk is full"
    grid.network.cut(grid.ids[0], grid.ids[1])
    grid.network.delay(grid.ids[0], grid.ids[2], 30.0)
    started = trio.current_time()
    with pytest.raises(Unavailable, match="of 2 durable copies"):
        await push(grid)
    assert trio.current_time() == started
    assert grid[0].ports.pace.misses(grid.ids[2]) == 0  # it had no time to answer


async def test_a_disk_that_hangs_here_is_a_straggler_like_any_other(
    make_grid: MakeGrid, autojump_clock: MockClock, monkeypatch: Any
) -> None:
    grid = await make_grid(3)

    async def hang(*_: object) -> None:
        await trio.sleep_forever()

    monkeypatch.setattr(grid[0].blobs, "put", hang)
    taken = [await push(grid) for _ in range(4)]
    assert [durable for _, durable in taken] == [{1, 2}] * 4
    assert [seconds for seconds, _ in taken] == pytest.approx([0.25, 0.25, 0.25, 0.0])


async def test_a_slow_substitute_is_waited_for_no_longer_than_a_slow_home(
    make_grid: MakeGrid, autojump_clock: MockClock
) -> None:
    grid = await make_grid(4)
    homes = homes_of(grid)
    substitute, sender = ({0, 1, 2, 3} - set(homes)).pop(), homes[0]
    grid.network.cut(grid.ids[sender], grid.ids[homes[2]])
    grid.network.delay(grid.ids[sender], grid.ids[substitute], 30.0)
    seconds, durable = await push(grid, sender)
    assert (seconds, durable) == (pytest.approx(0.25), {homes[0], homes[1]})


async def test_a_substitute_takes_the_copy_of_a_home_whose_disk_is_full(make_grid: MakeGrid) -> None:
    grid = await make_grid(4)
    homes = homes_of(grid)
    substitute, sender = ({0, 1, 2, 3} - set(homes)).pop(), homes[0]
    grid[homes[2]].blobs.refusal = "the disk is full"
    _, durable = await push(grid, sender)
    assert durable == {homes[0], homes[1], substitute}


async def test_a_strict_cluster_acknowledges_nothing_before_every_copy_is_durable(
    make_grid: MakeGrid, autojump_clock: MockClock
) -> None:
    grid = await make_grid(3)
    await grid[0].ports.registry.propose(ChangeSettings(WriteQuorum.ALL))
    grid.network.delay(grid.ids[0], grid.ids[2], 3.0)
    seconds, durable = await push(grid)
    assert (seconds, durable) == (pytest.approx(3.0), {0, 1, 2})
    grid.network.cut(grid.ids[0], grid.ids[2])
    with pytest.raises(Unavailable, match="of 3 durable copies"):
        await push(grid)


async def test_a_strict_cluster_of_four_goes_on_without_one_home(make_grid: MakeGrid) -> None:
    grid = await make_grid(4)
    await grid[0].ports.registry.propose(ChangeSettings(WriteQuorum.ALL))
    homes = homes_of(grid)
    grid.network.cut(grid.ids[homes[0]], grid.ids[homes[2]])
    _, durable = await push(grid, homes[0])
    assert len(durable) == 3


async def test_the_cluster_decides_how_long_a_straggler_is_waited_for(
    make_grid: MakeGrid, autojump_clock: MockClock
) -> None:
    grid = await make_grid(3)
    await grid[1].ports.registry.propose(ChangeSettings(straggler_ms=1000))
    grid.network.delay(grid.ids[0], grid.ids[2], 30.0)
    assert (await push(grid))[0] == pytest.approx(1.0)


async def test_with_a_fourth_node_a_substitute_takes_the_copy_of_a_home_that_is_down(make_grid: MakeGrid) -> None:
    grid = await make_grid(4)
    homes = homes_of(grid)
    substitute = ({0, 1, 2, 3} - set(homes)).pop()
    sender = homes[0]
    grid.network.cut(grid.ids[sender], grid.ids[homes[2]])
    _, durable = await push(grid, sender)
    assert durable == {homes[0], homes[1], substitute}


async def test_without_a_registry_that_can_be_read_there_is_no_substitute_and_two_homes_do(
    make_grid: MakeGrid, monkeypatch: Any
) -> None:
    """Damage of the rows, found just then, ended the request with a group of exceptions, a 500."""
    grid = await make_grid(4)
    homes = homes_of(grid)
    grid.network.cut(grid.ids[homes[0]], grid.ids[homes[2]])

    def damaged(_: object) -> Any:
        raise Unavailable("the registry is damaged")

    monkeypatch.setattr(queries, "members", damaged)
    _, durable = await push(grid, homes[0])
    assert durable == {homes[0], homes[1]}
    grid.network.cut(grid.ids[homes[0]], grid.ids[homes[1]])
    with pytest.raises(Unavailable, match="no substitute: the registry is damaged"):
        await push(grid, homes[0])


async def test_a_node_that_is_no_home_keeps_no_copy(make_grid: MakeGrid) -> None:
    grid = await make_grid(4)
    homes = homes_of(grid)
    outsider = ({0, 1, 2, 3} - set(homes)).pop()
    _, durable = await push(grid, outsider)
    assert durable == grid.holders(BLOB) == set(homes)


async def test_a_disk_that_hangs_on_a_single_node_ends_in_unavailable(
    make_grid: MakeGrid, autojump_clock: MockClock, monkeypatch: Any
) -> None:
    grid = await make_grid(1)

    async def hang(*_: object) -> None:
        await trio.sleep_forever()

    monkeypatch.setattr(grid[0].blobs, "put", hang)
    with pytest.raises(Unavailable, match="this node's disk"):
        await push(grid)


async def test_a_push_that_arrives_damaged_is_no_copy(make_grid: MakeGrid, monkeypatch: Any) -> None:
    grid = await make_grid(3)

    async def damaged(digest: Any, *_: object) -> None:
        raise Damaged(digest, grid.ids[1], "other bytes arrived")

    monkeypatch.setattr(grid[1].service, "on_push", damaged)
    _, durable = await push(grid)
    assert durable == {0, 2}


async def test_a_copy_that_this_node_could_not_keep_is_known_to_be_missing(make_grid: MakeGrid) -> None:
    grid = await make_grid(3)
    grid[0].blobs.refusal = "the disk is full"
    _, durable = await push(grid)
    assert durable == {1, 2}
    assert grid[0].missing.blobs_missing == 1


async def test_a_home_that_was_away_finds_its_copy_at_the_substitute_even_when_nobody_else_has_one(
    make_grid: MakeGrid, nursery: trio.Nursery, autojump_clock: MockClock, pieces: Any, finisher: Any
) -> None:
    grid = await make_grid(4)
    homes = homes_of(grid)
    sender, other, away = homes
    substitute = ({0, 1, 2, 3} - set(homes)).pop()
    grid.network.partition(grid.ids[away])
    await put_object(grid[sender].ports, BufferBudget(), pieces(DATA), frozenset(), finisher(grid))
    assert grid.holders(BLOB) == {sender, other, substitute}
    grid.network.heal_all()
    for number in (sender, other):
        grid.network.partition(grid.ids[number])
    assert await read_blob(grid[away].ports, BLOB) == DATA
    await nursery.start(grid[away].missing.run)
    await trio.sleep(10)
    assert grid.holders(BLOB) == {0, 1, 2, 3}
