"""What one member may ask at once, and how it is answered."""

import pytest
import trio

from mys3d import limits
from mys3d.model.digest import digest_of
from mys3d.peers import frames, messages
from mys3d.peers.connection import Connection
from mys3d.peers.frames import FrameParser, Kind
from mys3d.peers.serving import Serving


class Tap:
    """A channel whose reader is fed by the test and whose writes are parsed."""

    def __init__(self):
        self.feed, self._arriving = trio.open_memory_channel(10_000)
        self.frames, self._parser, self.is_closed = [], FrameParser(limits.bulk_frame_bytes_max), False
        self.may_send = trio.Event()
        self.may_send.set()

    async def receive(self):
        return memoryview(await self._arriving.receive())

    async def receive_into(self, room):
        raise AssertionError("the test feeds whole frames")

    async def send(self, *pieces):
        await self.may_send.wait()
        self.frames += self._parser.feed(b"".join(pieces))

    def close(self):
        self.is_closed = True


@pytest.fixture
def world(room, nursery):
    tap, service, listener = Tap(), room.Service(room.B), room.Listener()
    serving = Serving(room.B, room.A, Connection(tap, limits.bulk_frame_bytes_max), service, listener)
    nursery.start_soon(serving.run)
    return tap, service, listener


def push(request, body):
    return frames.encode(Kind.PUSH, request, messages.push_head(digest_of(body), 1) + body)


async def test_pushes_that_become_durable_together_share_one_acknowledgement(world, nursery):
    tap, service, _ = world
    service.gate = trio.Event()
    tap.feed.send_nowait(b"".join(push(number, b"body %d" % number) for number in range(50)))
    await trio.testing.wait_all_tasks_blocked()
    assert tap.frames == [] and service.pushes_begun == 50
    service.gate.set()
    await trio.testing.wait_all_tasks_blocked(0.05)
    nursery.cancel_scope.cancel()
    assert len(tap.frames) <= 2
    assert sorted(number for frame in tap.frames for number in messages.parse_pushed(frame.payload)) == list(range(50))


async def test_a_push_that_failed_is_answered_alone(world, room, nursery):
    tap, service, _ = world
    service.error = room.errors[0]
    tap.feed.send_nowait(push(7, b"body"))
    await trio.testing.wait_all_tasks_blocked(0.01)
    nursery.cancel_scope.cancel()
    assert [(frame.kind, frame.request) for frame in tap.frames] == [(Kind.FAILED, 7)]


async def test_a_slow_push_delays_no_ping_and_no_raft_frame(world, room, nursery):
    tap, service, listener = world
    service.gate = trio.Event()
    tap.feed.send_nowait(push(1, b"slow") + frames.encode(Kind.PING, 2) + frames.encode(Kind.RAFT, 0, b"vote"))
    await trio.testing.wait_all_tasks_blocked(0.01)
    nursery.cancel_scope.cancel()
    assert [frame.kind for frame in tap.frames] == [Kind.PONG]
    assert listener.frames == {room.A: [b"vote"]}


async def test_more_than_its_share_of_calls_is_not_read(world, nursery):
    tap, service, _ = world
    service.gate = trio.Event()
    tap.feed.send_nowait(b"".join(push(number, b"x") for number in range(limits.peer_served_count_max + 10)))
    await trio.testing.wait_all_tasks_blocked()
    assert service.pushes_begun == limits.peer_served_count_max
    service.gate.set()
    await trio.testing.wait_all_tasks_blocked(0.05)
    nursery.cancel_scope.cancel()
    assert service.pushes_begun == limits.peer_served_count_max + 10


async def test_blobs_that_are_asked_for_all_at_once_are_read_a_few_at_a_time_and_all_are_answered(world, room, nursery):
    tap, service, _ = world
    body = bytes(limits.blob_bytes_max)
    service.blobs[digest_of(body)] = body
    asked = messages.FETCH.pack(digest_of(body), 0, len(body))
    begun, fetch, gate = [], service.on_fetch, trio.Event()

    async def slowly(*which):
        begun.append(which)
        await gate.wait()
        return await fetch(*which)

    service.on_fetch, tap.may_send = slowly, trio.Event()
    tap.feed.send_nowait(b"".join(frames.encode(Kind.FETCH, number, asked) for number in range(40)))
    await trio.testing.wait_all_tasks_blocked()
    assert len(begun) == limits.peer_served_bytes_max // len(body) - 1
    gate.set()
    await trio.testing.wait_all_tasks_blocked()
    assert not tap.is_closed and len(begun) < 20
    tap.may_send.set()
    await room.until(lambda: len(tap.frames) == 40)
    nursery.cancel_scope.cancel()


async def test_a_peer_that_does_not_read_its_answers_is_not_read(world, room, nursery):
    tap, service, _ = world
    tap.may_send = trio.Event()
    body = bytes(limits.blob_bytes_max)
    service.blobs[digest_of(body)] = body
    asked = messages.FETCH.pack(digest_of(body), 0, len(body))
    for number in range(40):
        tap.feed.send_nowait(frames.encode(Kind.FETCH, number, asked))
        await trio.testing.wait_all_tasks_blocked()
    assert not tap.is_closed
    tap.may_send.set()
    await room.until(lambda: len(tap.frames) == 40)
    nursery.cancel_scope.cancel()


@pytest.mark.parametrize(
    "wire",
    [
        frames.encode(Kind.HELLO, 0),
        frames.encode(99, 0),
        frames.encode(Kind.PUSH, 0, b"short"),
        frames.encode(Kind.FETCH, 0, b"short"),
        frames.encode(Kind.HAVE, 0, b"\xc1"),
    ],
)
async def test_what_is_not_a_call_ends_the_connection(room, wire):
    tap = Tap()
    serving = Serving(room.B, room.A, Connection(tap, 1000), room.Service(room.B), room.Listener())
    tap.feed.send_nowait(wire)
    with trio.fail_after(5), pytest.raises(ExceptionGroup) as raised:
        await serving.run()
    assert raised.group_contains(ValueError)
