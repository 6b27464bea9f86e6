"""The order of a cycle."""

import pytest
import trio

from mys3d import limits
from mys3d.consensus import messages
from mys3d.consensus.messages import AppendEntries
from mys3d.consensus.ticker import CLOSED, Ticker, busy_seconds, quiet_seconds
from mys3d.consensus.transport import RaftTransport

A, B, C, D = (letter * 32 for letter in "abcd")


def world_of(hand, *nodes):
    world = hand.Hand()
    for node in nodes:
        world.start(node, initial=nodes)
    world.elect(nodes[0])
    world.pump(3, 0.01)
    return world


def test_an_acknowledgement_leaves_only_after_the_sync(hand):
    world = world_of(hand, A, B, C)
    world.drop(A, B)
    world.submit(A, "one")
    world.cycle(A)
    assert world.peek(A, B)[-1].entries
    world.deliver(A, B)
    world.begin(B)
    assert world.peek(B, A) == []
    world.finish(B)
    assert [found.next_index for found in world.peek(B, A)] == [world.nodes[B].raft.log.last_index + 1]


def acknowledged_before_the_power_failed(hand, steps):
    """Half cycles and deliveries in turn, `steps` of them, then a power failure; two nodes come back without A."""
    world = world_of(hand, A, B, C)
    for number in range(3):
        world.submit(A, f"c{number}")
    moves = [(A, B, C)[step % 3] for step in range(steps)]
    for step, node in enumerate(moves):
        if world.works[node] is None:
            for source in (A, B, C):
                world.deliver(source, node)
            world.begin(node)
        elif node == A or step % 7 == 0:  # the followers' disks are slower
            world.finish(node)
        world.apply(node)
    for node in (A, B, C):
        world.kill(node)
    for node in (B, C):
        world.start(node)
    world.pump(40)
    return set(world.acknowledged), set(world.names(B))


def test_what_was_acknowledged_survives_a_power_failure_at_any_half_cycle(hand):
    counts = []
    for steps in range(60):
        acknowledged, found = acknowledged_before_the_power_failed(hand, steps)
        assert acknowledged <= found
        counts.append(len(acknowledged))
    assert counts[-1] == 3


def test_that_test_would_notice_acknowledgements_before_the_sync(hand, monkeypatch):
    flush = RaftTransport.flush_now
    monkeypatch.setattr(RaftTransport, "flush_now", lambda self: (flush(self), self.flush_gated()))
    with pytest.raises(AssertionError):
        test_what_was_acknowledged_survives_a_power_failure_at_any_half_cycle(hand)


def test_a_frame_of_a_stranger_is_dropped_and_counted(hand):
    world = world_of(hand, A, B, C)
    raft, before = world.nodes[A].raft, world.nodes[A].ticker.frames_dropped
    frame = messages.encode(AppendEntries(raft.term + 9, 1, 1, 0, ()))
    world.nodes[A].on_frame(D, frame)
    world.cycle(A)
    assert raft.is_leader()
    assert world.nodes[A].ticker.frames_dropped == before + 1


def test_a_frame_that_is_no_message_is_dropped_and_counted(hand):
    world = world_of(hand, A, B, C)
    before = world.nodes[A].ticker.frames_dropped
    world.nodes[A].on_frame(B, b"\xc1 no msgpack")
    world.cycle(A)
    assert world.nodes[A].ticker.frames_dropped == before + 1


def test_a_full_inbox_drops_frames_but_never_the_news_of_a_lane(hand):
    world = world_of(hand, A, B, C)
    node = world.nodes[A]
    for _ in range(limits.peer_queue_frames_max + 5):
        node.on_frame(B, b"\xc1")
    node.on_disconnected(B)
    assert node.ticker.frames_dropped == 5
    world.cycle(A)
    assert [str(peer) for peer in node.raft.connected] == [C]


async def test_a_leader_whose_disk_is_slow_hands_over(cluster, builders, autojump_clock):
    trinity = builders.nodes[:3]
    for node in trinity:
        await cluster.start(node, initial=trinity)
    first = await cluster.leader()

    async def slowly(work):
        work()
        await trio.sleep(0.7)

    await first.propose(builders.bucket("before"))
    await cluster.agree()
    first.ticker.sync = slowly
    with trio.move_on_after(5):
        await first.propose(builders.bucket("behind"))
    await cluster.until(lambda: not first.status().is_leader)
    assert (await cluster.leader()).node != first.node


async def test_no_frame_is_handled_while_a_sync_runs(cluster, builders, autojump_clock):
    trinity = builders.nodes[:3]
    for node in trinity:
        await cluster.start(node, initial=trinity)
    leader = await cluster.leader()
    other = next(node for node in cluster.nodes.values() if node is not leader)
    gate, started = trio.Event(), trio.Event()

    async def held(work):
        work()
        started.set()
        await gate.wait()

    other.ticker.sync = held
    await leader.propose(builders.bucket("first"))
    await started.wait()
    cycles = other.ticker.cycles
    await leader.propose(builders.bucket("second"))
    assert other.ticker.cycles == cycles
    gate.set()
    await cluster.until(lambda: other.status().applied_index == leader.status().applied_index)


def test_the_inbox_is_bounded_by_its_bytes(hand, monkeypatch):
    world = world_of(hand, A, B, C)
    monkeypatch.setattr(limits, "inbox_bytes_max", 1000)
    ticker = world.nodes[B].ticker
    for _ in range(30):
        ticker.hear(A, b"x" * 100)
    assert ticker.frames_dropped == 20
    world.cycle(B)
    ticker.hear(A, b"x" * 1000)
    assert ticker.frames_dropped == 20 + 10, "ten that were no messages; there is room again"


@pytest.mark.parametrize("seconds", [1.6, 30.0])
async def test_heartbeats_leave_while_a_sync_hangs_but_not_for_ever(builders, nursery, autojump_clock, seconds):
    slow, hung = set(), []

    class Hung(builders.SimulatedDisk):
        """Its syncs hang while its node is in `slow`."""

    async def sync(work):
        work()
        await trio.lowlevel.checkpoint()

    def sync_of(node):
        async def hanging(work):
            if node in slow:
                slow.discard(node)
                hung.append(node)
                await trio.sleep(seconds)
            await sync(work)

        return hanging

    cluster = builders.Cluster(nursery, sync=sync)
    for node in builders.nodes[:3]:
        cluster.sync = sync_of(node)
        await cluster.start(node, initial=builders.nodes[:3])
    leader = await cluster.leader()
    await leader.propose(builders.bucket("before"))
    await trio.sleep(1)
    term = leader.status().term
    slow.add(leader.node)
    nursery.start_soon(leader.propose, builders.bucket("during"))
    await cluster.until(lambda: hung)
    await trio.sleep(min(seconds, 8) - 0.1)
    others = [found for name, found in cluster.nodes.items() if name != leader.node]
    leads = [found.status().is_leader for found in others]
    assert any(leads) == (seconds > 8), "another one leads only when the sync hangs for long"
    assert all(found.status().term == term for found in others) == (seconds < 8)


class Beaten:
    """A ticker whose beats are noted. The engine beneath does nothing."""

    def __init__(self):
        self.is_quiet, self.times = True, []
        self.ticker = Ticker(
            raft=None,
            clock=self,
            sync=None,
            after_tick=lambda: None,
            after_sync=lambda: None,
            is_quiet=self._look,
        )

    def monotonic(self):
        return 0.0

    def _look(self):
        """Asked for at the start of each rest."""
        self.times.append(round(trio.current_time() - self.began, 6))
        return self.is_quiet

    async def start(self, nursery):
        self.began = trio.current_time()
        nursery.start_soon(self.ticker.beat)
        await trio.sleep(0.5 * quiet_seconds)


@pytest.mark.parametrize("how", ["wake", "lane closed"])
async def test_a_long_rest_ends_when_somebody_waits_or_a_lane_broke(nursery, autojump_clock, how):
    beaten = Beaten()
    await beaten.start(nursery)
    beaten.is_quiet = False
    if how == "wake":
        beaten.ticker.wake()
    else:
        beaten.ticker.hear(B, CLOSED)
    await trio.sleep(2.5 * busy_seconds)
    first = 0.5 * quiet_seconds
    assert beaten.times == [0.0, *(pytest.approx(first + busy_seconds * number) for number in range(3))]


async def test_frames_do_not_end_a_long_rest(nursery, autojump_clock):
    beaten = Beaten()
    await beaten.start(nursery)
    beaten.ticker.hear(B, b"frame")
    await trio.sleep(2 * quiet_seconds)
    assert beaten.times == [0.0, pytest.approx(quiet_seconds), pytest.approx(2 * quiet_seconds)]


async def test_a_quiet_leader_sends_a_heartbeat_with_each_beat(cluster, builders, autojump_clock):
    for node in builders.nodes[:3]:
        await cluster.start(node, initial=builders.nodes[:3])
    leader = await cluster.leader()
    await trio.sleep(2)
    due, now = [], trio.current_time()
    while trio.current_time() < now + 20 * quiet_seconds:
        due.append(leader.raft.next_heartbeat)
        await trio.sleep(quiet_seconds / 10)
    assert 19 <= len(set(due)) <= 21
