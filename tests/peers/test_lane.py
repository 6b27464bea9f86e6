"""Lanes over time: breaking, coming back, backing off, and staying out of each other's way."""

import itertools
from random import Random

import pytest
import trio

from mys3d import limits
from mys3d.errors import Unavailable
from mys3d.model.digest import digest_of
from mys3d.peers.connection import Connection
from mys3d.peers.frames import Kind
from mys3d.peers.lane import Lane


@pytest.fixture
async def pair(cluster):
    return await cluster.pair()


async def test_a_lane_comes_back_when_the_other_side_restarts_on_its_port(pair, cluster, room):
    one, _ = pair
    port = int(cluster.addresses[room.B].rpartition(":")[2])
    cluster.stop(room.B)
    await room.until(lambda: not one.connected(room.B))
    again = await cluster.start(room.B, port)
    again.set_members([cluster.member(room.A)])
    await room.until(lambda: one.reachable(room.B) and again.reachable(room.A))
    await one.push(room.B, digest_of(b"x"), [b"x"], 1)
    assert cluster.listeners[room.A].losses == [room.B] and cluster.listeners[room.A].linked == {room.B}


async def test_a_member_that_moved_is_dialled_at_its_new_address(pair, cluster, room):
    one, _ = pair
    cluster.stop(room.B)
    await room.until(lambda: not one.connected(room.B))
    await cluster.start(room.B)
    one.set_members([cluster.member(room.B)])
    await room.until(lambda: one.reachable(room.B))


async def test_bulk_does_not_delay_control(pair, cluster, room):
    """64 MiB are under way; a call on the control lane takes its own way past them."""
    one, _ = pair
    bodies = [room.Dice(seed).token(limits.blob_bytes_max) for seed in range(16)]
    waits = []
    async with trio.open_nursery() as nursery:
        for body in bodies:
            nursery.start_soon(one.push, room.B, digest_of(body), [body], 1)
        while len(cluster.services[room.B].blobs) < len(bodies):
            began = trio.current_time()
            await one.status(room.B)
            waits.append(trio.current_time() - began)
    assert len(waits) >= 4, "status calls went in between the blobs"
    assert sorted(waits)[len(waits) // 2] < 0.1
    assert len(cluster.services[room.B].blobs) == 16


async def test_only_so_many_bytes_are_under_way_to_one_peer(pair, cluster, room):
    one, _ = pair
    service = cluster.services[room.B]
    service.gate = trio.Event()
    body = room.Dice(1).token(limits.blob_bytes_max)
    async with trio.open_nursery() as nursery:
        for _ in range(12):
            nursery.start_soon(one.push, room.B, digest_of(body), [body], 1)
        fitting = limits.peer_pushed_bytes_max // (limits.blob_bytes_max + 40)
        await room.until(lambda: service.pushes_begun == fitting)
        await trio.sleep(0.1)
        assert service.pushes_begun == fitting
        service.gate.set()
    assert service.pushes_begun == 12


async def test_a_cancelled_call_leaves_nothing_behind(pair, cluster, room):
    one, _ = pair
    cluster.services[room.B].gate = trio.Event()
    with trio.move_on_after(0.1):
        await one.push(room.B, digest_of(b"x"), [b"x"], 1)
    cluster.services[room.B].gate.set()
    await room.until(lambda: cluster.services[room.B].blobs != {})
    await one.push(room.B, digest_of(b"y"), [b"y"], 1)


async def test_round_trips_are_measured(pair, room):
    one, _ = pair
    await room.until(lambda: one.round_trip_seconds(room.B) is not None)
    assert 0 < one.round_trip_seconds(room.B) < 5
    assert one.round_trip_seconds(room.C) is None


def lane_to(room, dial, changes):
    return Lane(room.B, "control", dial, changes.append, Random(1))


class StuckChannel:
    """A peer that reads nothing and says nothing until it is let go."""

    def __init__(self):
        self.gate = trio.Event()
        self.sent_bytes = 0

    async def send(self, *pieces):
        await self.gate.wait()
        self.sent_bytes += sum(map(len, pieces))

    async def receive(self):
        await trio.sleep_forever()

    def close(self):
        pass


async def test_pushes_that_were_given_up_count_until_they_are_sent(room, nursery, autojump_clock):
    channel = StuckChannel()
    connection = Connection(channel, limits.bulk_frame_bytes_max)

    async def dial():
        return connection

    lane = lane_to(room, dial, [])
    nursery.start_soon(lane.run)
    await trio.sleep(0.1)
    body = bytes(limits.blob_bytes_max)
    for _ in range(12):
        with trio.move_on_after(0.1):
            await lane.push(60.0, body)
    assert 0 < connection.queued_bytes <= limits.peer_pushed_bytes_max
    with pytest.raises(Unavailable, match="does not keep up"):
        await lane.push(1.0, body)
    channel.gate.set()
    await trio.sleep(0.1)
    assert connection.queued_bytes == 0
    with trio.move_on_after(0.1):
        await lane.push(60.0, body)
    assert channel.sent_bytes > limits.peer_pushed_bytes_max


async def test_retries_back_off_within_bounds(room, nursery, autojump_clock):
    tries = []

    async def dial():
        tries.append(trio.current_time())
        raise OSError("nobody there")

    lane = lane_to(room, dial, [])
    nursery.start_soon(lane.run)
    await trio.sleep(60)
    nursery.cancel_scope.cancel()
    gaps = [after - before for before, after in itertools.pairwise(tries)]
    assert gaps[0] <= 2 * limits.peer_retry_min_seconds
    assert limits.peer_retry_max_seconds / 2 <= max(gaps) <= limits.peer_retry_max_seconds
    assert len(set(gaps[-5:])) == 5, "retries have jitter"


async def test_a_peer_that_was_seen_is_dialled_at_once(room, nursery, autojump_clock):
    tries = []

    async def dial():
        tries.append(trio.current_time())
        raise OSError("nobody there")

    lane = lane_to(room, dial, [])
    nursery.start_soon(lane.run)
    await trio.sleep(30.1)
    before = len(tries)
    lane.nudge()
    await trio.sleep(limits.peer_retry_min_seconds + 0.001)
    nursery.cancel_scope.cancel()
    assert len(tries) == before + 1


async def test_a_peer_that_welcomes_and_hangs_up_is_not_dialled_in_a_busy_loop(room, nursery, autojump_clock):
    class Broken:
        async def receive(self):
            await trio.lowlevel.checkpoint()
            raise OSError("hung up")

        async def write(self):
            await trio.sleep_forever()

        def close(self):
            pass

    changes = []

    async def dial():
        await trio.lowlevel.checkpoint()
        return Broken()

    nursery.start_soon(lane_to(room, dial, changes).run)
    await trio.sleep(60)
    nursery.cancel_scope.cancel()
    assert 30 <= changes.count(True) <= 80
    assert changes.count(True) == changes.count(False)


async def test_a_dial_that_hangs_is_given_up(room, nursery, autojump_clock):
    tries = []

    async def dial():
        tries.append(trio.current_time())
        await trio.sleep_forever()

    nursery.start_soon(lane_to(room, dial, []).run)
    await trio.sleep(limits.peer_handshake_seconds + 1)
    nursery.cancel_scope.cancel()
    assert len(tries) == 2


async def test_a_lane_that_is_down_refuses_at_once(room):
    lane = lane_to(room, None, [])
    assert not lane.is_up and not lane.send(b"frame")
    with pytest.raises(Unavailable, match="not reachable"):
        await lane.call(Kind.STATUS, 1.0, len)


async def test_a_silent_peer_is_hung_up_on(pair, cluster, room, monkeypatch):
    """Its process stands still: the connection is whole, but no ping is answered."""
    one, _ = pair
    lane = one._links[room.B].control
    now = trio.current_time()
    lane.ping(now + limits.peer_silence_seconds - 0.5)
    assert lane.is_up
    lane.ping(now + limits.peer_silence_seconds + 60)
    await room.until(lambda: cluster.listeners[room.A].losses == [room.B])
    await room.until(lambda: one.reachable(room.B))
