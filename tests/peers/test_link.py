"""Two lanes that share one fate where they must."""

from random import Random

import trio

from mys3d.peers import pki
from mys3d.peers.link import PeerLink


async def test_when_control_breaks_bulk_is_hung_up_with_it_and_both_return(cluster, room):
    one, _ = await cluster.pair()
    link = one._links[room.B]
    before = link.bulk._session
    link.control.hang_up()
    await room.until(lambda: cluster.listeners[room.A].losses == [room.B])
    await room.until(lambda: link.control.is_up and link.bulk.is_up and link.bulk._session is not before)


async def test_a_broken_bulk_lane_leaves_control_alone(cluster, room):
    one, _ = await cluster.pair()
    link = one._links[room.B]
    before = link.bulk._session
    link.bulk.hang_up()
    await room.until(lambda: link.bulk.is_up and link.bulk._session is not before)
    assert cluster.listeners[room.A].losses == [] and one.connected(room.B)


async def test_a_link_that_is_stopped_before_it_runs_ends_at_once(cluster, room):
    me = cluster.identity(room.A, {})
    link = PeerLink(
        me,
        room.B,
        "127.0.0.1:1",
        pki.client_context(me.tls),
        room.Listener(),
        Random(1),
        room.Bulk(room.Buffers(), room.Dice(1)),
    )
    link.stop()
    with trio.fail_after(5):
        await link.run()
    assert not link.control.is_up
