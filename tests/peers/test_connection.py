"""The queue in front of one channel: bounded, coalesced, in order."""

import ctypes

import pytest
import trio

from mys3d import limits
from mys3d.buffers import Buffers
from mys3d.peers import frames
from mys3d.peers.connection import Connection
from mys3d.peers.frames import Frame, Kind
from mys3d.peers.seal import seals_of


class Tap:
    """A channel that keeps every write, and hands out what it is given."""

    def __init__(self, arriving=()):
        self.writes, self.arriving, self.is_closed, self.is_open = [], list(arriving), False, trio.Event()
        self.placed = 0  # bytes that were received straight into their place

    async def send(self, *pieces):
        await self.is_open.wait()
        self.writes.append(pieces)

    async def receive(self):
        await trio.lowlevel.checkpoint()
        return memoryview(self.arriving.pop(0) if self.arriving else b"")

    async def receive_into(self, room):
        data = (await self.receive())[: len(room)]
        room[: len(data)] = data
        self.placed += len(data)
        return len(data)

    def close(self):
        self.is_closed = True


async def test_small_pieces_of_one_turn_share_a_write(nursery):
    tap = Tap()
    tap.is_open.set()
    connection = Connection(tap, 100)
    nursery.start_soon(connection.write)
    assert all(connection.send(b"%d" % number, b",") for number in range(10))
    await trio.testing.wait_all_tasks_blocked()
    nursery.cancel_scope.cancel()
    assert [b"".join(write) for write in tap.writes] == [b"0,1,2,3,4,5,6,7,8,9,"] and connection.queued_bytes == 0


async def test_a_large_piece_is_handed_on_without_a_copy_and_in_its_place(nursery):
    tap, large = Tap(), bytes(limits.peer_batch_bytes)
    tap.is_open.set()
    connection = Connection(tap, 100)
    connection.send(b"before", large, b"after")
    nursery.start_soon(connection.write)
    await trio.testing.wait_all_tasks_blocked()
    nursery.cancel_scope.cancel()
    assert tap.writes == [(b"before", large), (b"after",)] and tap.writes[0][1] is large


async def test_a_full_queue_takes_nothing_and_says_so(nursery):
    connection = Connection(Tap(), 100)
    large = bytes(limits.peer_queue_bytes_max - 10)
    assert connection.send(large)
    assert not connection.send(b"x" * 11)
    assert connection.send(b"x" * 10) and connection.queued_bytes == limits.peer_queue_bytes_max


async def test_the_count_of_pieces_is_bounded_too():
    connection = Connection(Tap(), 100)
    assert all(connection.send(b"") for _ in range(limits.peer_queue_frames_max))
    assert not connection.send(b"")


async def test_a_closed_connection_takes_nothing_and_holds_nobody_up():
    tap = Tap()
    connection = Connection(tap, 100)
    connection.send(bytes(100))
    connection.close()
    await connection.drained(10)
    assert tap.is_closed and not connection.send(b"x")


async def test_a_reader_waits_until_the_queue_is_short_again(nursery):
    tap = Tap()
    connection = Connection(tap, 100)
    connection.send(bytes(100))
    nursery.start_soon(connection.write)
    with trio.move_on_after(0.05) as scope:
        await connection.drained(99)
    assert scope.cancelled_caught
    tap.is_open.set()
    with trio.fail_after(5):
        await connection.drained(99)
    nursery.cancel_scope.cancel()


async def test_receive_returns_whole_frames_and_ends_with_the_stream():
    stream = frames.encode(Kind.RAFT, 0, b"one") + frames.encode(Kind.RAFT, 0, b"two")
    connection = Connection(Tap([stream[:5], stream[5:14], stream[14:]]), 100)
    assert await connection.receive() == [Frame(Kind.RAFT, 0, b"one")]
    assert await connection.receive() == [Frame(Kind.RAFT, 0, b"two")]
    with pytest.raises(OSError, match="peer closed"):
        await connection.receive()


async def test_frames_of_a_sealed_connection_are_sealed_and_opened_in_order(nursery):
    tap = Tap()
    tap.is_open.set()
    ours, theirs = seals_of(b"d" * 32, b"l" * 32)
    connection = Connection(tap, 100, ours, theirs)
    nursery.start_soon(connection.write)
    assert connection.send(frames.head(Kind.FETCH, 1, 5), b"first") and connection.queued_bytes == 5 + 9 + 16
    assert connection.send(frames.head(Kind.FETCH, 2, 6), b"second")
    await trio.testing.wait_all_tasks_blocked()
    nursery.cancel_scope.cancel()
    other = Connection(Tap([b"".join(write) for write in tap.writes]), 100, *seals_of(b"d" * 32, b"l" * 32)[::-1])
    assert await other.receive() == [Frame(Kind.FETCH, 1, b"first"), Frame(Kind.FETCH, 2, b"second")]


async def test_a_frame_that_was_not_queued_leaves_no_gap_in_the_seals():
    ours, _ = seals_of(b"d" * 32, b"l" * 32)
    connection = Connection(Tap(), 100, ours, None)
    assert not connection.send(frames.head(Kind.FETCH, 1, 0), bytes(limits.peer_queue_bytes_max))
    assert ours.count == 0


async def test_a_write_takes_so_many_pieces_and_bytes_and_no_more(nursery):
    tap = Tap()
    connection = Connection(tap, 100)
    for _ in range(limits.peer_batch_pieces + 1):
        connection.send(b"x")
    connection.send(bytes(limits.peer_batch_bytes), b"y")
    tap.is_open.set()
    nursery.start_soon(connection.write)
    await trio.testing.wait_all_tasks_blocked()
    nursery.cancel_scope.cancel()
    assert list(map(len, tap.writes)) == [limits.peer_batch_pieces, 2, 1]


async def test_the_rest_of_a_large_body_is_received_into_its_place_and_the_place_is_used_again():
    first, second = (bytes([number]) * limits.MIB for number in range(2))
    wire = [frames.encode(Kind.RAFT, number, body) for number, body in enumerate((first, second))]
    cut = [(each[:100], each[100:70_000], each[70_000:-10], each[-10:] + b"") for each in wire]
    tap = Tap(cut[0] + cut[1])
    connection = Connection(tap, 0)
    connection.admit(limits.MIB, Buffers())
    (frame,) = await connection.receive()
    assert (frame.request, frame.payload) == (0, first) and tap.placed > limits.MIB - 20_000
    view = frame.payload[-9:]
    place = ctypes.addressof(ctypes.c_char.from_buffer(frame.payload))
    del frame, view
    (frame,) = await connection.receive()
    assert (frame.request, frame.payload) == (1, second)
    assert ctypes.addressof(ctypes.c_char.from_buffer(frame.payload)) == place


async def test_a_peer_that_closes_within_a_large_body_is_an_os_error():
    connection = Connection(Tap([frames.head(Kind.RAFT, 0, limits.MIB) + b"x"]), limits.MIB)
    with pytest.raises(OSError, match="peer closed"):
        await connection.receive()


async def test_frames_may_be_larger_once_the_peer_is_known():
    wire = frames.encode(Kind.RAFT, 0, bytes(200))
    connection = Connection(Tap([wire, wire]), 100)
    with pytest.raises(ValueError, match="at most 100"):
        await connection.receive()
    connection.admit(200)
    assert len((await connection.receive())[0].payload) == 200
