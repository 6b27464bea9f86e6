"""What only the fake can do: links that break on demand. Its promises as a driver are in test_contract.py."""

import pytest
import trio

from mys3d import limits
from mys3d.errors import Unavailable
from mys3d.model.digest import digest_of
from mys3d.peers.memory import MemoryNetwork

BLOB = b"some bytes"
NAME = digest_of(BLOB)


@pytest.fixture
def world(room, nursery):
    """Two nodes: their ports, services and listeners."""
    network = MemoryNetwork(nursery)
    services = {node: room.Service(node) for node in (room.A, room.B)}
    listeners = {node: room.Listener() for node in services}
    peers = {node: network.attach(node, services[node], listeners[node]) for node in services}
    return network, peers, services, listeners


async def test_a_cut_is_one_way_for_frames(world, room, autojump_clock):
    network, peers, _, listeners = world
    network.cut(room.A, room.B)
    assert not peers[room.A].send(room.B, b"lost")
    assert peers[room.B].send(room.A, b"heard")
    await trio.sleep(1)
    assert listeners[room.B].frames == {} and listeners[room.A].frames == {room.B: [b"heard"]}
    assert (listeners[room.A].linked, listeners[room.B].linked) == (set(), {room.A})


async def test_a_call_whose_answer_is_cut_was_served_all_the_same(world, room, autojump_clock):
    network, peers, services, _ = world
    network.cut(room.B, room.A)
    with pytest.raises(Unavailable):
        await peers[room.A].push(room.B, NAME, [BLOB], 1)
    assert services[room.B].blobs == {NAME: BLOB}


async def test_a_healed_link_carries_again(world, room, autojump_clock):
    network, peers, _, listeners = world
    network.partition(room.A)
    assert not peers[room.A].reachable(room.B) and not peers[room.B].connected(room.A)
    network.heal_all()
    assert peers[room.A].send(room.B, b"after")
    await trio.sleep(1)
    assert listeners[room.B].frames == {room.A: [b"after"]}


async def test_frames_under_way_are_lost_with_their_link(world, room, autojump_clock):
    network, peers, _, listeners = world
    network.delay(room.A, room.B, 1.0)
    peers[room.A].send(room.B, b"lost")
    network.cut(room.A, room.B)
    network.heal(room.A, room.B)
    peers[room.A].send(room.B, b"kept")
    await trio.sleep(3)
    assert listeners[room.B].frames[room.A] == [b"kept"]


async def test_a_shorter_delay_overtakes_nothing(world, room, autojump_clock):
    network, peers, _, listeners = world
    network.delay(room.A, room.B, 1.0)
    peers[room.A].send(room.B, b"first")
    network.delay(room.A, room.B, 0.0)
    peers[room.A].send(room.B, b"second")
    await trio.sleep(3)
    assert listeners[room.B].frames[room.A] == [b"first", b"second"]


async def test_dropped_frames_vanish_silently(world, room, autojump_clock):
    network, peers, _, listeners = world
    network.drop(room.A, room.B, 2)
    assert all(peers[room.A].send(room.B, frame) for frame in (b"1", b"2", b"3"))
    await trio.sleep(1)
    assert listeners[room.B].frames[room.A] == [b"3"]


async def test_a_call_slower_than_its_deadline_is_unavailable(world, room, autojump_clock):
    network, peers, _, _ = world
    network.delay(room.A, room.B, limits.status_deadline_seconds + 1)
    started = trio.current_time()
    with pytest.raises(Unavailable, match="did not answer"):
        await peers[room.A].status(room.B)
    assert trio.current_time() - started == limits.status_deadline_seconds


async def test_a_node_that_went_down_is_told_to_the_others(world, room, autojump_clock):
    network, peers, services, listeners = world
    services[room.B].gate = trio.Event()

    async def push():
        with pytest.raises(Unavailable):
            await peers[room.A].push(room.B, NAME, [BLOB], 1)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(push)
        await trio.testing.wait_all_tasks_blocked()
        network.detach(room.B)
        services[room.B].gate.set()
    assert listeners[room.A].losses == [room.B]
    network.attach(room.B, services[room.B], room.Listener())
    assert peers[room.A].reachable(room.B)
