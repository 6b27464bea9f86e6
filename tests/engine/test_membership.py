"""What a leader does next, decided from applied state alone."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import msgspec
import pytest
import trio
from trio.testing import MockClock

from mys3d import limits
from mys3d.engine.budget import BufferBudget
from mys3d.engine.membership import Cluster, Membership, begin, next_duty, nodes_of
from mys3d.engine.put import put_object
from mys3d.engine.voting import SetVoter, voters_wanted
from mys3d.errors import OutcomeUnknown, Unavailable
from mys3d.model.body import BlobRef
from mys3d.model.digest import digest_of, partition_of
from mys3d.model.members import Addresses, Layout, Member, MemberState
from mys3d.model.names import Epoch, LogIndex, NodeId
from mys3d.registry import queries
from mys3d.registry.commands import BeginLayout, ChangeSettings, ReleaseLayout, RemoveMember, SealLayout, UpdateMember

ONE, TWO, THREE = (NodeId(digit * 32) for digit in "123")


def member(node: NodeId, state: MemberState = MemberState.ACTIVE) -> Member:
    return Member(1, node, node[:2], b"i" * 16, Addresses("s:1", "a:1", "p:1"), "", 10**12, state, LogIndex(1))


def layout_over(*nodes: NodeId) -> Layout:
    return Layout(1, Epoch(1), Epoch(0), LogIndex(0), base=(nodes,) * 1024)


def cluster(*members: Member, voters: tuple[NodeId, ...], layout: Layout, caught_up: bool = True) -> Cluster:
    answer: Callable[[NodeId], bool] = lambda _: caught_up  # noqa: E731 # a constant answer
    return Cluster(members, voters, layout, answer, may_seal=True)


SETTLED = cluster(member(ONE), voters=(ONE,), layout=layout_over(ONE))
JOINED = replace(SETTLED, members=(member(ONE), member(TWO, MemberState.JOINING)))


def test_a_settled_cluster_has_nothing_to_do() -> None:
    assert next_duty(SETTLED) is None


def test_a_joiner_that_lags_is_waited_for() -> None:
    assert next_duty(replace(JOINED, caught_up=lambda _: False)) is None


def test_a_caught_up_joiner_becomes_a_voter_first_and_then_active() -> None:
    assert next_duty(JOINED) == SetVoter(TWO)
    assert next_duty(replace(JOINED, voters=(ONE, TWO))) == UpdateMember(TWO, state=MemberState.ACTIVE)


def test_a_fourth_member_stays_a_learner_and_becomes_active() -> None:
    four = NodeId("4" * 32)
    voters = (ONE, TWO, THREE)
    active = tuple(member(node) for node in voters)
    grown = cluster(*active, member(four, MemberState.JOINING), voters=voters, layout=layout_over(*voters))
    assert next_duty(grown) == UpdateMember(four, state=MemberState.ACTIVE)


def test_an_active_member_without_homes_begins_a_layout_of_the_next_epoch() -> None:
    grown = cluster(member(ONE), member(TWO), voters=(ONE, TWO), layout=layout_over(ONE))
    duty = next_duty(grown)
    assert isinstance(duty, BeginLayout)
    assert (duty.epoch, set(duty.nodes)) == (2, {ONE, TWO})
    assert all(sorted(homes) == [0, 1] for homes in duty.target)


def test_a_packed_layout_fits_a_command() -> None:
    nodes = [NodeId(f"{number:032x}") for number in range(20)]
    command = begin(layout_over(nodes[0]), tuple(member(node) for node in nodes))
    assert command is not None
    assert len(msgspec.msgpack.encode(command)) < 16 * 1024


def test_a_layout_is_sealed_once_it_may_be_and_released_once_every_home_reported() -> None:
    moving = msgspec.structs.replace(layout_over(ONE), epoch=Epoch(2), target=((ONE, TWO),) * 1024)
    grown = cluster(member(ONE), member(TWO), voters=(ONE, TWO), layout=moving)
    assert next_duty(replace(grown, may_seal=False)) is None
    assert next_duty(grown) == SealLayout(Epoch(2))
    sealed = msgspec.structs.replace(moving, sealed=Epoch(1), seal_index=LogIndex(9), reported=(TWO,))
    assert next_duty(replace(grown, layout=sealed)) is None
    reported = msgspec.structs.replace(sealed, reported=(TWO, ONE))
    assert next_duty(replace(grown, layout=reported)) == ReleaseLayout(Epoch(2))


def test_a_member_that_leaves_is_not_counted_for_voters() -> None:
    homes = layout_over(ONE, TWO)
    leaving = cluster(member(ONE), member(TWO, MemberState.LEAVING), voters=(ONE,), layout=homes)
    assert isinstance(next_duty(leaving), BeginLayout)


def test_a_leaving_member_goes_once_it_is_no_home() -> None:
    leaving = cluster(member(ONE), member(TWO, MemberState.LEAVING), voters=(ONE,), layout=layout_over(ONE))
    assert next_duty(leaving) == RemoveMember(TWO)


def test_the_nodes_of_a_layout_are_those_of_all_partitions() -> None:
    assert nodes_of(((ONE,), (TWO, THREE))) == {ONE, TWO, THREE}


async def start_all(grid: Any, nursery: trio.Nursery) -> None:
    for node in grid.nodes:
        await nursery.start(node.missing.run)
        await nursery.start(Membership(node.ports, node.missing).run)


def homes_count(grid: Any) -> int:
    layout = queries.layout(grid[0].ports.registry.view())
    assert layout is not None
    return 0 if layout.target else len(layout.base[0])


@pytest.mark.parametrize("count", [2, 3, 4])
async def test_nodes_that_joined_become_voters_and_homes_and_existing_blobs_get_their_copies(
    make_grid: Callable[..., Awaitable[Any]], pieces: Any, finisher: Any, nursery: Any, autojump_clock: MockClock,
    count: int,
) -> None:  # fmt: skip
    grid = await make_grid(count, grown=False)
    blobs = []
    for number in range(20):
        body = f"object {number}".encode()
        await put_object(grid[0].ports, BufferBudget(), pieces(body), frozenset(), finisher(grid, f"key-{number}"))
        blobs.append(BlobRef(digest_of(body), len(body)))
    assert all(grid.holders(blob) == {0} for blob in blobs)
    await start_all(grid, nursery)
    await trio.sleep(60.0)
    view = grid[0].ports.registry.view()
    assert len(queries.voters(view)) == voters_wanted(count)
    assert {member.state for member in queries.members(view)} == {MemberState.ACTIVE}
    assert homes_count(grid) == min(3, count)
    layout = queries.layout(view)
    assert layout is not None
    for blob in blobs:
        homes = {grid.ids.index(node) for node in layout.homes(partition_of(blob.digest))}
        assert homes <= grid.holders(blob)


async def test_a_home_that_cannot_get_a_blob_keeps_the_old_layout_in_force(
    make_grid: Callable[..., Awaitable[Any]], pieces: Any, finisher: Any, nursery: Any, autojump_clock: MockClock
) -> None:
    grid = await make_grid(2, grown=False)
    await put_object(grid[0].ports, BufferBudget(), pieces(b"bytes"), frozenset(), finisher(grid))
    grid[1].blobs.refusal = "the disk is full"
    await start_all(grid, nursery)
    await trio.sleep(60.0)
    assert homes_count(grid) == 0  # the transition is still running
    grid[1].blobs.refusal = None
    await trio.sleep(120.0)
    assert homes_count(grid) == 2


async def test_a_duty_that_fails_is_tried_again(
    make_grid: Callable[..., Awaitable[Any]], nursery: Any, autojump_clock: MockClock, monkeypatch: Any
) -> None:
    grid = await make_grid(2, grown=False)
    propose, failures = grid[0].ports.registry.propose, [Unavailable("no majority"), OutcomeUnknown(b"o" * 16)]

    async def moody(command: Any) -> Any:
        if failures:
            raise failures.pop()
        return await propose(command)

    monkeypatch.setattr(grid[0].ports.registry, "propose", moody)
    await start_all(grid, nursery)
    await trio.sleep(60.0)
    assert (failures, homes_count(grid)) == ([], 2)


async def test_a_seal_waits_for_members_that_lag_but_not_for_ever(
    make_grid: Callable[..., Awaitable[Any]], nursery: Any, autojump_clock: MockClock
) -> None:
    grid = await make_grid(3)
    await grid[0].ports.registry.propose(UpdateMember(grid.ids[2], state=MemberState.LEAVING))
    grid.cluster.pause(grid.ids[2])
    await start_all(grid, nursery)
    await trio.sleep(1.0)
    assert homes_count(grid) == 0
    await trio.sleep(30.0)
    assert homes_count(grid) == 2


async def test_a_voter_that_stays_silent_is_replaced_after_the_configured_time(
    make_grid: Callable[..., Awaitable[Any]], nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    grid = await make_grid(4, grown=False)
    await start_all(grid, nursery)
    await trio.sleep(60.0)
    registry, lost = grid[0].ports.registry, grid.ids[2]
    await registry.propose(ChangeSettings(dead_after_ms=5_000))
    grid.network.partition(lost)
    grid.cluster.isolate(lost)
    await trio.sleep(4.0)
    assert lost in queries.voters(registry.view())
    await trio.sleep(4.0)
    assert set(queries.voters(registry.view())) == {grid.ids[0], grid.ids[1], grid.ids[3]}
    grid.network.heal_all()
    grid.cluster.heal(lost)
    await trio.sleep(10.0)
    assert lost not in queries.voters(registry.view())
    assert len(queries.voters(registry.view())) == 3


async def test_a_voter_in_another_incarnation_becomes_a_learner_and_a_voter_again(
    make_grid: Callable[..., Awaitable[Any]], nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    grid = await make_grid(3, grown=False)
    await start_all(grid, nursery)
    await trio.sleep(60.0)
    registry, node = grid[0].ports.registry, grid.ids[1]
    grid.cluster.incarnations[node] = b"n" * 16
    changes = len(grid.cluster.log)
    await trio.sleep(10.0)
    votes = [entry.votes for entry in grid.cluster.log[changes:] if entry.node == node]
    assert votes == [False, True]
    assert queries.incarnations(registry.view())[node] == b"n" * 16


async def test_a_settled_cluster_is_looked_at_once_a_second_and_at_once_when_somebody_goes(
    make_grid: Callable[..., Awaitable[Any]], nursery: trio.Nursery, autojump_clock: MockClock, monkeypatch: Any
) -> None:
    grid = await make_grid(4, grown=False)
    await start_all(grid, nursery)
    await trio.sleep(60.0)
    registry, times = grid[0].ports.registry, set[float]()
    incarnation_of = registry.incarnation_of  # asked for by each look of a leader, for each voter
    monkeypatch.setattr(registry, "incarnation_of", lambda node: times.add(trio.current_time()) or incarnation_of(node))
    await trio.sleep(10.2)
    assert 9 <= len(times) <= 11
    began = trio.current_time()
    await registry.propose(UpdateMember(grid.ids[3], state=MemberState.LEAVING))
    await trio.sleep(2.5 * limits.membership_tick_seconds)
    after = sorted(time - began for time in times if time >= began)
    assert [round(time / limits.membership_tick_seconds) for time in after] == [0, 1, 2]
    await trio.sleep(60.0)
    assert grid.ids[3] not in {member.id for member in queries.members(registry.view())}
