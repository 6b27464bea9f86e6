"""From a command to its outcome, whatever happens to the leader."""

import pytest
import trio

from mys3d import limits
from mys3d.errors import OutcomeUnknown, Reason, Rejected, Unavailable
from mys3d.model.names import AccessKey
from mys3d.registry.commands import PutCredential


@pytest.fixture
async def trinity(cluster, builders):
    for node in builders.nodes[:3]:
        await cluster.start(node, initial=builders.nodes[:3])
    return cluster


def followers(trinity, leader):
    return [node for node in trinity.nodes.values() if node is not leader]


async def test_a_proposal_waits_for_the_first_leader(trinity, builders, autojump_clock):
    assert (await trinity.nodes[builders.nodes[0]].propose(builders.bucket("early"))).index > 0


async def test_proposals_under_way_survive_their_leader_and_apply_once(trinity, builders, autojump_clock):
    leader = await trinity.leader()
    others = followers(trinity, leader)
    done = []

    async def propose(node, number):
        done.append(await node.propose(builders.bucket(f"b{number}")))

    async with trio.open_nursery() as proposals:
        for number in range(60):
            proposals.start_soon(propose, others[number % 2], number)
        await trio.lowlevel.checkpoint()
        await trio.lowlevel.checkpoint()
        trinity.kill(leader.node)
    assert len(done) == 60
    state = await trinity.agree()
    assert state[b"count"] == bytes([60])


async def test_without_a_majority_a_proposal_that_reached_a_log_is_unknown(trinity, builders, autojump_clock):
    leader = await trinity.leader()
    await leader.barrier()
    for other in followers(trinity, leader):
        trinity.kill(other.node)
    with pytest.raises(OutcomeUnknown):
        await leader.propose(builders.bucket("perhaps"))


async def test_without_a_leader_a_proposal_is_definitely_not_applied(trinity, builders, autojump_clock, monkeypatch):
    monkeypatch.setattr(limits, "hopeless_seconds", 1000.0)
    leader = await trinity.leader()
    last = followers(trinity, leader)[0]
    for node in list(trinity.nodes.values()):
        if node is not last:
            trinity.kill(node.node)
    await trio.sleep(1)
    before = trio.current_time()
    with pytest.raises(Unavailable, match="no leader took the command"):
        await last.propose(builders.bucket("never"))
    assert trio.current_time() - before == pytest.approx(limits.propose_deadline_seconds, abs=0.1)


async def test_without_a_majority_within_reach_a_proposal_is_refused_soon(trinity, builders, autojump_clock):
    leader = await trinity.leader()
    last = followers(trinity, leader)[0]
    for node in list(trinity.nodes.values()):
        if node is not last:
            trinity.kill(node.node)
    before = trio.current_time()
    with pytest.raises(Unavailable, match="no majority of the voters is within reach"):
        await last.propose(builders.bucket("never"))
    assert trio.current_time() - before < limits.hopeless_seconds + 0.5
    before = trio.current_time()
    with pytest.raises(Unavailable, match="within reach"):
        await last.propose(builders.bucket("never"))
    assert trio.current_time() - before < 0.2


async def test_a_forwarded_frame_that_was_lost_is_sent_again(trinity, builders, autojump_clock):
    leader = await trinity.leader()
    follower = followers(trinity, leader)[0]
    await follower.barrier()
    send, lost = follower.raft.transport._wire.send, []

    def lossy(node, frame):
        if not lost and node == leader.node and b"fw" in frame[:4]:
            lost.append(frame)
            return False
        return send(node, frame)

    follower.raft.transport._wire.send = lossy
    await follower.propose(builders.bucket("again"))
    assert len(lost) == 1


async def test_a_command_over_the_bound_is_rejected_before_it_travels(trinity, builders, autojump_clock):
    node = trinity.nodes[builders.nodes[0]]
    large = PutCredential(AccessKey("k"), bytes(limits.command_bytes_max), "root", is_root=True, replace=True)
    with pytest.raises(Rejected) as refusal:
        await node.propose(large)
    assert refusal.value.reason is Reason.TOO_LARGE


async def test_a_node_whose_clock_differs_is_refused_by_the_leader(trinity, builders, autojump_clock):
    leader = await trinity.leader()
    follower = followers(trinity, leader)[0]
    await follower.barrier()
    clock = builders.TrioClock()

    class Skewed:
        monotonic = clock.monotonic

        def now(self):
            return clock.now() + limits.clock_skew_max_ms + 1

    follower.raft._clock = Skewed()
    with pytest.raises(Unavailable, match="clock differs"):
        await follower.propose(builders.bucket("tomorrow"))
    assert leader.view().get(b"bucket:tomorrow") is None


async def test_an_expired_command_is_unavailable_not_rejected(cluster, builders, autojump_clock, monkeypatch):
    node = builders.nodes[0]
    alone = await cluster.start(node, initial=[node])
    await alone.barrier()
    monkeypatch.setattr(limits, "operation_lifetime_entries", -5)
    with pytest.raises(Unavailable, match="expired"):
        await alone.propose(builders.bucket("late"))


async def test_a_cancelled_proposal_leaves_nothing_behind(trinity, builders, autojump_clock):
    node = trinity.nodes[builders.nodes[0]]
    with trio.move_on_after(0):
        await node.propose(builders.bucket("gone"))
    assert not node.proposer._slots


async def test_a_proposal_whose_deadline_passes_is_settled_by_its_cancellation(
    trinity, builders, autojump_clock, monkeypatch
):
    """The leader is cut off with the proposal in its log alone; it heals within the time of the cancellation."""
    monkeypatch.setattr(limits, "hopeless_seconds", 1000.0)
    leader = await trinity.leader()
    await leader.barrier()
    others = followers(trinity, leader)
    for other in others:
        trinity.network.cut(leader.node, other.node)
    told = []

    async def propose():
        try:
            await leader.propose(builders.bucket("late"))
        except Unavailable as error:
            told.append(str(error))

    async with trio.open_nursery() as proposals:
        proposals.start_soon(propose)
        await trio.sleep(limits.propose_deadline_seconds + 0.5)
        assert told == []
        for other in others:
            trinity.network.heal(leader.node, other.node)
    assert told == ["the command expired, or was given up, before it reached the log"]
    state = await trinity.agree()
    assert b"bucket:late" not in state
    await leader.propose(builders.bucket("late"))  # nothing stands in the way of a new attempt


async def test_a_proposal_that_was_applied_is_told_so_though_its_deadline_passed(
    trinity, builders, autojump_clock, monkeypatch
):
    leader = await trinity.leader()
    follower = followers(trinity, leader)[0]
    await follower.barrier()
    settled, missed = follower.applier.settled, []

    def deaf(command, outcome):
        if b"applied" in command:
            missed.append(outcome)  # as when a snapshot that holds the entry was installed
        else:
            settled(command, outcome)

    follower.applier.settled = deaf
    applied = await follower.propose(builders.bucket("applied"))
    assert missed == [applied]
    assert (await trinity.agree())[b"count"] == b"\x01"


async def test_whoever_leaves_leaves_no_doubt_behind(trinity, builders, autojump_clock):
    leader = await trinity.leader()
    await leader.barrier()
    with trio.CancelScope() as scope:
        scope.cancel()
        await leader.propose(builders.bucket("gone"))
    assert scope.cancelled_caught
    assert not leader.proposer._slots
    decided = [key for key in leader.view().rows if key.startswith(b"op:")]
    assert len(decided) == 1, "the outcome of the operation was known before the caller was let go"


@pytest.mark.parametrize("seconds", [0.2, 1.5])
async def test_a_node_that_ends_keeps_nobody_waiting(trinity, builders, autojump_clock, seconds):
    leader = await trinity.leader()
    await leader.barrier()
    for other in followers(trinity, leader):
        trinity.network.cut(leader.node, other.node)
    before = trio.current_time()
    async with trio.open_nursery() as proposals:
        proposals.start_soon(leader.propose, builders.bucket("perhaps"))
        await trio.sleep(0.2)
        if seconds > 1:
            proposals.cancel_scope.cancel()  # its caller has left, its cancellation is under way
            with trio.CancelScope(shield=True):
                await trio.sleep(1.0)
        trinity.kill(leader.node)
        await trio.lowlevel.cancel_shielded_checkpoint()
        proposals.cancel_scope.cancel()
    assert trio.current_time() - before < seconds + 0.3


async def test_proposals_under_way_are_bounded_by_their_bytes(trinity, builders, autojump_clock, monkeypatch):
    leader = await trinity.leader()
    monkeypatch.setattr(limits, "proposals_bytes_max", 10)
    with pytest.raises(Unavailable, match="too many proposals"):
        await leader.propose(builders.bucket("large"))
    monkeypatch.setattr(limits, "proposals_bytes_max", 10_000)
    for number in range(100):
        await leader.propose(builders.bucket(f"b{number}"))
