"""A snapshot takes the place of the rows: by hand step by step, and on running nodes that were away."""

import errno
from collections import deque

import pytest
import trio

from mys3d.consensus.disk import NO_OP, Work
from mys3d.errors import OutcomeUnknown, Unavailable
from mys3d.registry.outcomes import Applied

A, B, C = (letter * 32 for letter in "abc")


@pytest.fixture
def world(hand):
    """Three nodes that keep five applied entries; C was away while twenty were written."""
    world = hand.Hand()
    world.keep, world.members = 5, (A, B, C)
    for node in (A, B, C):
        world.start(node, initial=(A, B, C))
    world.elect(A)
    write(world, 3)
    world.kill(C)
    write(world, 20)
    for node in (A, B):
        world.flush(node)
    world.pump(2)
    world.start(C)
    world.pump(4)
    return world


def write(world, count):
    for _ in range(count):
        world.submit(A, f"w{len(world.acknowledged)}")
        world.pump(4)


def test_a_node_that_was_away_is_told_and_catches_up_by_a_snapshot(world):
    assert world.needs_snapshot(C) and len(world.names(C)) <= 3
    assert world.install(C, world.rows[A].export())
    assert world.resets_count == 1 and not world.needs_snapshot(C)
    write(world, 2)
    world.pump(3)
    assert world.names(C) == world.names(A) and len(world.names(C)) == 25
    assert world.nodes[C].raft.last_applied == world.nodes[A].raft.last_applied


def test_a_node_that_waits_for_a_snapshot_asks_for_what_follows_its_commit_index(world):
    world.time += 0.2
    world.cycle(A)
    world.deliver(A, C)
    world.cycle(C)
    reply = world.peek(C, A)[-1]
    assert (reply.next_index, reply.rejected) == (world.nodes[C].raft.commit_index + 1, None)


@pytest.mark.parametrize("steps", range(6))
def test_a_crash_after_any_step_is_finished_or_undone_by_the_next_start(world, steps):
    before = world.names(C)
    assert not world.install(C, world.rows[A].export(), crash_after=steps)
    world.start(C)
    assert world.names(C) in (before, world.names(A))
    assert world.names(C) == before or steps >= 2
    world.pump(4)
    if world.needs_snapshot(C):
        assert world.install(C, world.rows[A].export())
    write(world, 1)
    world.pump(3)
    assert world.names(C) == world.names(A)


def test_entries_above_the_snapshot_stay_when_the_log_agrees(world):
    export = world.rows[A].export()
    assert world.install(C, export)
    write(world, 3)
    world.pump(3)
    end = world.nodes[C].raft.log.last_index
    world.rows[C].flush()
    world.kill(C)
    world.lose_rows(C)
    world.disks[C].works.append(trimmed(world, C))
    world.start(C)
    assert world.nodes[C].raft.is_stale
    assert world.install(C, world.rows[B].export()) and world.resets_count == 1
    assert world.nodes[C].raft.log.last_index == end
    world.pump(4)
    assert world.names(C) == world.names(A)


def trimmed(world, node):
    last = world.disks[node].load().entries[-1]
    return Work(b"", None, (NO_OP, *last[1:]), 0, None, last[1] - 1)


def test_a_node_without_its_rows_stands_for_nothing_and_acknowledges_what_it_stores(world):
    world.kill(B)
    world.flush(A)
    world.lose_rows(B)
    world.start(B)
    raft = world.nodes[B].raft
    assert raft.is_stale and raft.self_node is None
    world.kill(C)
    count = len(world.acknowledged)
    write(world, 1)
    assert len(world.acknowledged) == count + 1, "A and B hold it"
    assert raft.last_applied == 0
    world.kill(A)
    world.pump(60)
    assert not raft.is_leader()
    world.start(A)
    world.pump(60)
    assert world.nodes[A].raft.is_leader(), "B may still vote: its log is whole"


def test_a_snapshot_that_is_no_step_forward_is_not_installed(world):
    old = world.rows[C].export()
    assert not world.install(C, old)
    export = world.rows[A].export()
    assert world.install(C, export)
    assert not world.install(C, export), "it is not needed any more"


def test_a_leader_installs_nothing(world):
    export = world.rows[B].export()
    world.nodes[A].raft.needs_snapshot = True
    assert not world.install(A, export)


class TestRunning:
    """On trio, with fake rows and lanes: fetched and installed by the nodes themselves."""

    @pytest.fixture
    async def three(self, builders, nursery):
        async def at_once(work):
            work()
            await trio.lowlevel.checkpoint()

        cluster = builders.Cluster(nursery, sync=at_once, keep=5)
        for node in builders.nodes[:3]:
            await cluster.start(node, initial=builders.nodes[:3])
        return cluster

    async def away(self, cluster, builders, count=30):
        """Kill a follower, write more than is kept, and return its name."""
        leader = await cluster.leader()
        node = next(name for name in builders.nodes[:3] if name != leader.node)
        await leader.propose(builders.bucket("before"))
        cluster.kill(node)
        for number in range(count):
            await leader.propose(builders.bucket(f"b{number}"))
        return node

    async def test_a_node_that_was_away_fetches_and_applies_what_follows(self, three, builders, autojump_clock):
        node = await self.away(three, builders)
        back = await three.start(node)
        replaced = []
        back.on_replaced(lambda: replaced.append(back.status().applied_index))
        await three.until(lambda: back.installer.installs_count)
        leader = await three.leader()
        await leader.propose(builders.bucket("after"))
        await back.barrier()
        assert b"bucket:after" in await three.agree()
        assert len(replaced) == 1 and replaced[0] > 30

    async def test_a_new_node_joins_though_the_log_begins_later(self, three, builders, autojump_clock):
        await self.away(three, builders)
        fourth = builders.nodes[3]
        for found in three.nodes.values():
            found.set_members([fourth])
        joined = await three.start(fourth, members=builders.nodes[:3])
        leader = await three.leader()
        await three.until(lambda: joined.status().applied_index == leader.status().applied_index)
        await three.until(lambda: leader.caught_up(fourth))
        assert joined.installer.installs_count == 1

    async def test_a_reader_that_waits_is_woken_by_the_snapshot(self, three, builders, autojump_clock):
        node = await self.away(three, builders)
        back = await three.start(node)
        with trio.fail_after(20):
            await back.barrier()
        assert back.installer.installs_count == 1

    async def test_a_source_that_has_no_snapshot_is_asked_again(self, three, builders, autojump_clock):
        node = await self.away(three, builders)
        faults = [Unavailable("not now")] * 3
        for rows in three.rows.values():
            rows.export = failing(rows.export, faults)
        back = await three.start(node)
        await three.until(lambda: back.installer.installs_count)
        assert not faults

    @pytest.mark.parametrize("step", ["mark", "switch", "reset", "unmark"])
    async def test_a_full_disk_delays_an_install_and_no_more(self, three, builders, autojump_clock, step):
        node = await self.away(three, builders)
        faults = [OSError(errno.ENOSPC, "No space left on device")] * 3
        place = three.rows[node] if step == "switch" else three.disks[node]
        setattr(place, step, failing(getattr(place, step), faults))
        back = await three.start(node)
        await three.until(lambda: back.installer.installs_count)
        assert not faults
        leader = await three.leader()
        await leader.propose(builders.bucket("after"))
        assert b"bucket:after" in await three.agree()

    async def test_a_snapshot_that_finds_no_room_is_fetched_when_there_is_some(self, three, builders, autojump_clock):
        node = await self.away(three, builders)
        faults = [Unavailable("no room")] * 3
        three.rows[node].receive = failing(three.rows[node].receive, faults)
        back = await three.start(node)
        await three.until(lambda: back.installer.installs_count)
        assert not faults


async def test_a_disk_that_fails_in_an_install_ends_the_node(builders, autojump_clock):
    with pytest.RaisesGroup(pytest.RaisesExc(OSError, match="I/O"), flatten_subgroups=True):
        async with trio.open_nursery() as nursery:
            cluster = builders.Cluster(nursery, sync=builders.at_once, keep=5)
            for node in builders.nodes[:3]:
                await cluster.start(node, initial=builders.nodes[:3])
            node = await TestRunning().away(cluster, builders)
            cluster.disks[node].mark = failing(None, [OSError(errno.EIO, "I/O error")])
            await cluster.start(node)
            await trio.sleep(60)
            raise AssertionError("it went on")


def failing(call, faults):
    def attempt(*words):
        if faults:
            raise faults.pop()
        return call(*words)

    return attempt


async def test_proposals_under_way_are_settled_from_the_snapshot_or_proposed_again(builders, nursery, autojump_clock):
    async def at_once(work):
        work()
        await trio.lowlevel.checkpoint()

    cluster = builders.Cluster(nursery, sync=at_once)
    alone = await cluster.start(builders.nodes[0], initial=builders.nodes[:1])
    await alone.barrier()
    outcomes = {}
    alone.raft._queue = Swallowed()

    async def propose(name):
        try:
            outcomes[name] = await alone.propose(builders.bucket(name))
        except (Unavailable, OutcomeUnknown) as error:
            outcomes[name] = error

    names = ("known", "again", "late")
    for name in names:
        nursery.start_soon(propose, name)
    await trio.sleep(0.01)
    under_way = alone.proposer._slots.values()
    slots = {name: slot for name in names for slot in under_way if name.encode() in slot.command}
    slots["late"].expires_at = 3
    answers = {slots["known"].operation: Applied(7)}
    alone.proposer._outcome_of = answers.get
    alone.proposer.replaced(5)
    await trio.sleep(0.01)
    assert outcomes["known"].index == 7
    assert isinstance(outcomes["late"], OutcomeUnknown), "it may have been applied and forgotten"
    assert "again" not in outcomes
    alone.raft._queue = deque()
    alone.proposer.replaced(5)
    await trio.sleep(2)
    assert outcomes["again"].index > 1


class Swallowed(list):
    """A queue whose commands are lost."""

    def append(self, item):
        """Lost."""


def test_the_leader_is_asked_first_and_then_everybody(hand):
    world = hand.Hand()
    world.members = (A, B, C)
    for node in (A, B, C):
        world.start(node, initial=(A, B, C))
    world.elect(A)
    installer = world.nodes[B].installer
    assert [installer._source() for _ in range(6)] == [A, C, A, A, A, C]
    world.kill(A)
    world.pump(1, 0.0)
    assert {installer._source() for _ in range(3)} == {C}
