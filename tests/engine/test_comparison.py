"""Which nodes hold other rows than most, and who is told."""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest
import trio
from trio.testing import MockClock

from mys3d import limits
from mys3d.engine.comparison import Comparison, differing_nodes, judge
from mys3d.errors import Unavailable
from mys3d.model.names import LogIndex, NodeId
from mys3d.ports import Compared
from mys3d.registry import codec, keys, queries
from mys3d.registry.commands import CompareRows, CondemnRows, UpdateMember

MakeGrid = Callable[[int], Awaitable[Any]]
A, B, C = NodeId("a"), NodeId("b"), NodeId("c")
ROT = (b"t" + b"x" * 32, b"rot")


def name(digest: str, index: int = 7) -> Compared:
    return Compared(LogIndex(index), digest.encode(), 3, b"")


@pytest.mark.parametrize(
    ("named", "differing", "digest", "silent"),
    [
        ({A: "x", B: "x", C: "x"}, (), b"x", ()),
        ({A: "x", B: "x", C: "y"}, (C,), b"x", ()),
        ({A: "y", B: "x", C: "x"}, (A,), b"x", ()),
        ({A: "x", B: "y", C: "z"}, (A, B, C), None, ()),
        ({A: "x", B: "x"}, (), b"x", (C,)),
        ({A: "x", B: "y"}, (A, B), None, (C,)),
        ({A: "x"}, (), None, (B, C)),
    ],
)
def test_most_of_all_members_decide_and_not_most_of_those_that_answered(
    named: dict[NodeId, str], differing: tuple[NodeId, ...], digest: bytes | None, silent: tuple[NodeId, ...]
) -> None:
    found = judge(name("x"), {node: name(digest) for node, digest in named.items()}, (A, B, C))
    assert (found.differing, found.digest, found.silent) == (differing, digest, silent)


def test_a_status_names_the_nodes_that_differed_at_any_index() -> None:
    found = {A: (name("x", 1), name("p", 2)), B: (name("x", 1), name("p", 2)), C: (name("y", 1), name("p", 2))}
    assert differing_nodes(found) == (C,)
    assert differing_nodes({A: (name("x"),), B: ()}) == ()
    assert differing_nodes({}) == ()


@pytest.fixture
def condemned() -> list[NodeId]:
    return []


async def watched(make_grid: MakeGrid, count: int, condemned: list[NodeId]) -> Any:
    grid = await make_grid(count)

    def listen(entries: Any) -> None:
        condemned.extend(entry.command.node for entry in entries if isinstance(entry.command, CondemnRows))

    grid[0].ports.registry.subscribe(listen)
    return grid


async def test_equal_rows_condemn_nobody(make_grid: MakeGrid, condemned: list[NodeId]) -> None:
    grid = await watched(make_grid, 3, condemned)
    (finding,) = await Comparison(grid[0].ports).compare_all()
    assert (finding.differing, finding.silent, condemned) == ((), (), [])
    assert finding.rows_count > 5


async def test_a_node_that_differs_from_most_is_condemned(make_grid: MakeGrid, condemned: list[NodeId]) -> None:
    grid = await watched(make_grid, 3, condemned)
    grid[2].ports.registry.rows.commit([ROT])
    (finding,) = await Comparison(grid[0].ports).compare_all()
    assert finding.differing == (grid.ids[2],)
    assert condemned == [grid.ids[2]]


async def test_of_two_nodes_that_differ_none_is_condemned(make_grid: MakeGrid, condemned: list[NodeId]) -> None:
    grid = await watched(make_grid, 2, condemned)
    grid[1].ports.registry.rows.commit([ROT])
    (finding,) = await Comparison(grid[0].ports).compare_all()
    assert set(finding.differing) == set(grid.ids)
    assert condemned == []


async def test_a_walk_goes_on_where_the_last_stretch_ended(
    make_grid: MakeGrid, condemned: list[NodeId], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "compare_rows_max", 4)
    grid = await watched(make_grid, 3, condemned)
    found = await Comparison(grid[1].ports).compare_all()
    assert len(found) > 2
    assert [bool(finding.next_start) for finding in found] == [True] * (len(found) - 1) + [False]


async def test_a_silent_node_is_told_of_and_not_condemned(
    make_grid: MakeGrid, condemned: list[NodeId], autojump_clock: MockClock
) -> None:
    grid = await watched(make_grid, 3, condemned)
    grid.cluster.pause(grid.ids[2])
    (finding,) = await Comparison(grid[0].ports).compare_all()
    assert (finding.silent, finding.differing, condemned) == ((grid.ids[2],), (), [])


async def test_the_leader_compares_again_and_again_and_the_others_do_not(
    make_grid: MakeGrid, nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    grid = await make_grid(3)
    compared: list[CompareRows] = []
    grid[0].ports.registry.subscribe(
        lambda entries: compared.extend(entry.command for entry in entries if isinstance(entry.command, CompareRows))
    )
    for node in grid.nodes:
        await nursery.start(Comparison(node.ports).run)
    await trio.sleep(3.5 * limits.compare_tick_seconds)
    assert len(compared) == 3


async def test_without_a_majority_nothing_is_compared_and_the_duty_goes_on(
    make_grid: MakeGrid, nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    grid = await make_grid(3)
    comparison = Comparison(grid[0].ports)
    grid.cluster.isolate(grid.ids[0])
    with pytest.raises(Unavailable):
        await comparison.compare_all()
    await nursery.start(comparison.run)
    await trio.sleep(2 * limits.compare_tick_seconds)
    grid.cluster.heal(grid.ids[0])
    assert len(await comparison.compare_all()) == 1


async def test_nodes_of_different_software_are_not_compared_until_all_are_upgraded(
    make_grid: MakeGrid, condemned: list[NodeId], nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    grid = await watched(make_grid, 3, condemned)
    member = queries.member(grid[0].ports.registry.view(), grid.ids[2])
    assert member is not None
    for node in grid.nodes:
        old = msgspec.structs.replace(member, level=0)
        node.ports.registry.rows.commit([(keys.member(member.id), codec.encode(old))])
    grid[2].ports.registry.rows.commit([ROT])
    await nursery.start(Comparison(grid[0].ports).run)
    await trio.sleep(2.5 * limits.compare_tick_seconds)
    assert condemned == []
    await grid[0].ports.registry.propose(UpdateMember(member.id, level=member.level))
    await trio.sleep(2 * limits.compare_tick_seconds)
    assert set(condemned) == {grid.ids[2]}
