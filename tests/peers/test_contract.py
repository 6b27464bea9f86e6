"""What every driver of ports.Peers and ports.Wire promises: one suite over TLS, plain lanes, and the memory fake."""

import pytest
import trio

from mys3d import limits
from mys3d.errors import Damaged, Rejected, Unavailable
from mys3d.model.body import BlobRef
from mys3d.model.digest import digest_of
from mys3d.model.scrub import ScrubAction
from mys3d.peers.memory import MemoryNetwork


class Pair:
    """Node A, and what can be seen of node B."""

    def __init__(self, one, other, services, listeners, stop):
        self.one, self.other, self.services, self.listeners, self.stop = one, other, services, listeners, stop


@pytest.fixture(params=["memory", "network", "plain"])
async def pair(request, room, nursery, cluster):
    if request.param != "memory":
        one, other = await cluster.pair(*((room.A, room.B) if request.param == "plain" else ()))
        if request.param == "plain":
            await room.until(lambda: one._links[room.B].plain.is_up)
        return Pair(one, other, cluster.services, cluster.listeners, lambda: cluster.stop(room.B))
    network = MemoryNetwork(nursery)
    services = {node: room.Service(node) for node in (room.A, room.B)}
    listeners = {node: room.Listener() for node in services}
    one, other = (network.attach(node, services[node], listeners[node]) for node in services)
    return Pair(one, other, services, listeners, lambda: network.detach(room.B))


@pytest.mark.parametrize("length", [1, 4096, 70_000, limits.blob_bytes_max])
async def test_a_pushed_blob_is_held_when_push_returns(pair, room, length):
    body = room.Dice(length).token(length)
    await pair.one.push(room.B, digest_of(body), [body[:3000], memoryview(body)[3000:]], 7)
    assert pair.services[room.B].blobs == {digest_of(body): body}
    assert pair.services[room.B].touches == {digest_of(body): 7}


async def test_many_pushes_go_side_by_side(pair, room):
    bodies = [room.Dice(seed).token(5000 + seed) for seed in range(300)]
    pair.services[room.B].gate = trio.Event()
    async with trio.open_nursery() as nursery:
        for body in bodies:
            nursery.start_soon(pair.one.push, room.B, digest_of(body), [body], 1)
        await room.until(lambda: pair.services[room.B].pushes_begun == len(bodies))
        pair.services[room.B].gate.set()
    assert sorted(pair.services[room.B].blobs.values()) == sorted(bodies)


async def test_push_does_not_return_before_the_blob_is_durable(pair, room):
    pair.services[room.B].gate = trio.Event()
    with trio.move_on_after(0.2) as scope:
        await pair.one.push(room.B, digest_of(b"x"), [b"x"], 1)
    assert scope.cancelled_caught and pair.services[room.B].pushes_begun == 1


@pytest.mark.parametrize("length", [1, 4096, limits.blob_bytes_max])
async def test_a_blob_is_fetched_whole_and_in_part(pair, room, length):
    body = room.Dice(length).token(length)
    pair.services[room.B].blobs[digest_of(body)] = body
    assert await pair.one.fetch(room.B, digest_of(body), 0, length) == body
    assert await pair.one.fetch(room.B, digest_of(body), length // 2, length) == body[length // 2 :]
    assert await pair.one.fetch(room.B, digest_of(body), length, length) == b""


async def test_a_blob_that_is_not_held_is_none(pair, room):
    assert await pair.one.fetch(room.B, digest_of(b"missing"), 0, 7) is None


async def test_have_answers_for_each_blob_in_order(pair, room):
    pair.services[room.B].blobs[digest_of(b"yes")] = b"yes"
    asked = [BlobRef(digest_of(text), 3) for text in (b"no", b"yes", b"nay")]
    assert await pair.one.have(room.B, asked, 9) == (False, True, False)
    assert pair.services[room.B].touches[digest_of(b"yes")] == 9
    assert await pair.one.have(room.B, [], 9) == ()


async def test_status_crosses_unchanged(pair, room):
    found = await pair.one.status(room.B)
    assert found == await pair.services[room.B].on_status() and found.raft == room.RAFT


@pytest.mark.parametrize("action", list(ScrubAction))
async def test_a_scrub_is_asked_for_and_its_report_crosses_unchanged(pair, room, action):
    assert await pair.one.scrub(room.B, action) == room.SCRUB
    assert pair.services[room.B].scrub_actions == [action]


@pytest.mark.parametrize("which", [0, 1, 2])
async def test_each_error_kind_crosses_as_itself(pair, room, which):
    error = room.errors[which]
    pair.services[room.B].error = error
    for call in (
        pair.one.push(room.B, digest_of(b"x"), [b"x"], 1),
        pair.one.fetch(room.B, digest_of(b"x"), 0, 1),
        pair.one.have(room.B, [BlobRef(digest_of(b"x"), 1)], 1),
        pair.one.status(room.B),
        pair.one.scrub(room.B, ScrubAction.START),
    ):
        with pytest.raises(type(error)) as raised:
            await call
        match raised.value:
            case Rejected(reason=reason, detail=detail):
                assert (reason, detail) == (error.reason, error.detail)
            case Damaged(digest=digest, node=node):
                assert (digest, node) == (error.digest, room.B)
            case other:
                assert str(other) == str(error)


async def test_a_node_that_is_not_known_is_unavailable(pair, room):
    assert not pair.one.reachable(room.C) and not pair.one.connected(room.C)
    assert not pair.one.send(room.C, b"frame")
    with pytest.raises(Unavailable):
        await pair.one.status(room.C)


async def test_frames_arrive_in_order_on_both_ways(pair, room):
    sent = [b"%d" % number * (number % 50) for number in range(500)]
    assert all(pair.one.send(room.B, frame) and pair.other.send(room.A, frame) for frame in sent)
    heard = pair.listeners
    await room.until(lambda: len(heard[room.B].frames[room.A]) == len(heard[room.A].frames[room.B]) == len(sent))
    assert heard[room.B].frames[room.A] == sent and heard[room.A].frames[room.B] == sent
    assert all(type(frame) is bytes for frame in heard[room.B].frames[room.A])


async def test_the_largest_frame_passes_and_a_larger_one_is_a_broken_promise(pair, room):
    frame = b"f" * limits.control_frame_bytes_max
    assert pair.one.send(room.B, frame)
    await room.until(lambda: pair.listeners[room.B].frames[room.A] == [frame])
    with pytest.raises(AssertionError):
        pair.one.send(room.B, frame + b"f")


async def test_the_queue_of_frames_is_bounded(pair, room):
    taken = 0
    while pair.one.send(room.B, b"x"):
        taken += 1
        assert taken <= limits.peer_queue_frames_max
    assert taken > limits.peer_queue_frames_max // 4


async def test_who_is_connected_is_told_and_a_stop_breaks_every_call(pair, room):
    assert pair.listeners[room.A].linked == {room.B} and pair.listeners[room.B].linked == {room.A}
    pair.services[room.B].gate = trio.Event()

    async def push():
        with pytest.raises(Unavailable):
            await pair.one.push(room.B, digest_of(b"x"), [b"x"], 1)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(push)
        await room.until(lambda: pair.services[room.B].pushes_begun == 1)
        pair.stop()
        pair.services[room.B].gate.set()
    await room.until(lambda: not pair.one.reachable(room.B))
    assert pair.listeners[room.A].losses == [room.B]
    assert not pair.one.send(room.B, b"frame") and not pair.one.connected(room.B)
    with pytest.raises(Unavailable):
        await pair.one.fetch(room.B, digest_of(b"x"), 0, 1)


async def test_a_snapshot_is_offered_and_fetched_in_pieces(pair, room):
    offer = await pair.one.open_snapshot(room.B, 70_000)
    assert pair.listeners[room.B].asked_since == [70_000]
    assert offer == await pair.listeners[room.B].on_open_snapshot(70_000)
    whole = b"".join(
        [await pair.one.snapshot_piece(room.B, offer.id, 1, start, start + 1000) for start in range(0, 3000, 1000)]
    )
    assert whole == pair.listeners[room.B].snapshot_bytes
    assert pair.listeners[room.B].pieces == [(offer.id, 1, start, start + 1000) for start in range(0, 3000, 1000)]


async def test_a_snapshot_that_is_not_kept_is_unavailable(pair, room):
    pair.listeners[room.B].error = Unavailable("not kept any more")
    for call in (pair.one.open_snapshot(room.B, 0), pair.one.snapshot_piece(room.B, 5, 0, 0, 1)):
        with pytest.raises(Unavailable, match="not kept any more"):
            await call
    with pytest.raises(Unavailable):
        await pair.one.open_snapshot(room.C, 0)
