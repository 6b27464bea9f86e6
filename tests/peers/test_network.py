"""Who is spoken to: seeds, members, and those that were removed. The calls themselves are in test_contract.py."""

import pytest
import trio

from mys3d.errors import Unavailable
from mys3d.peers.network import PeerNetwork


async def test_seeds_are_dialled_before_the_registry_knows_anybody(cluster, room):
    one = await cluster.start(room.A)
    other = await cluster.start(room.B)  # its identity's seeds name node A
    one.set_members([cluster.member(room.B)])
    await room.until(lambda: one.reachable(room.B) and other.reachable(room.A))


async def test_a_seed_stays_while_the_registry_is_replayed_and_goes_when_it_is_removed(cluster, room):
    one = await cluster.start(room.A)
    other = await cluster.start(room.B)
    other.set_members([])
    one.set_members([cluster.member(room.B)])
    await room.until(lambda: other.reachable(room.A))
    other.set_members([cluster.member(room.A), cluster.member(room.B)])
    assert other.reachable(room.A)
    other.set_members([cluster.member(room.B)])
    await room.until(lambda: not other.reachable(room.A) and not one.reachable(room.B))
    with pytest.raises(Unavailable, match="not a member that this node knows"):
        await other.status(room.A)


async def test_a_seed_that_was_removed_before_the_start_goes_once_the_registry_has_caught_up(cluster, room):
    one = await cluster.start(room.A)
    other = await cluster.start(room.B)  # its seeds name node A, its rows do not any more
    one.set_members([cluster.member(room.B)])
    other.set_members([cluster.member(room.B)])
    await room.until(lambda: other.reachable(room.A))
    other.forget_seeds()
    await room.until(lambda: not other.reachable(room.A) and not one.reachable(room.B))
    with pytest.raises(Unavailable, match="not a member that this node knows"):
        await other.status(room.A)


async def test_three_nodes_all_reach_each_other(cluster, room):
    peers = {node: await cluster.start(node) for node in (room.A, room.B, room.C)}
    for network in peers.values():
        network.set_members([cluster.member(node) for node in peers])
    await room.until(lambda: all(peers[one].reachable(two) for one in peers for two in peers if one != two))
    assert all(not peers[node].reachable(node) for node in peers)


async def test_a_port_that_is_taken_is_an_os_error(cluster, room):
    await cluster.start(room.A)
    port = int(cluster.addresses[room.A].rpartition(":")[2])
    again = PeerNetwork(
        cluster.identities[room.A],
        cluster.services[room.A],
        room.Listener(),
        room.Clock(),
        room.Dice(1),
        ("127.0.0.1", port),
        room.Bulk(room.Buffers(), room.Dice(1)),
    )
    with pytest.raises(OSError, match="in use"):
        await again.run()


async def test_stopping_tells_the_listener_and_frees_the_port(cluster, room):
    one, _ = await cluster.pair()
    cluster.stop(room.A)
    await room.until(lambda: not one.connected(room.B))
    assert cluster.listeners[room.A].losses == [room.B]
    port = int(cluster.addresses[room.A].rpartition(":")[2])
    listeners = await trio.open_tcp_listeners(port, host="127.0.0.1")
    await listeners[0].aclose()
