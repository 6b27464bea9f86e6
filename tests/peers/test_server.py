"""What the listener does with strangers, liars and noise: it hangs up, and goes on."""

import ssl

import msgspec
import pytest
import trio

from mys3d import limits
from mys3d.errors import Unavailable
from mys3d.model.digest import digest_of
from mys3d.peers import channel, frames, handshake, messages, pki
from mys3d.peers.connection import Connection
from mys3d.peers.frames import Kind
from mys3d.peers.messages import Hello, Refused


@pytest.fixture
async def pair(cluster):
    return await cluster.pair()


async def dial(cluster, room, context, host=True):
    return await channel.connect(cluster.addresses[room.A], context, pki.host_of(room.A) if host else None)


async def refusal(tls):
    """Read to the end of the connection; returns the reason that was given, if any."""
    connection, why = Connection(tls, limits.join_frame_bytes_max), None
    with trio.fail_after(5), pytest.raises(OSError):
        while True:
            for frame in await connection.receive():
                if frame.kind == Kind.REFUSED:
                    why = messages.decode(frame.payload, Refused).message
    tls.close()
    return why


async def works(pair, room):
    """Node B is served, on the connections it has or on new ones."""
    with trio.fail_after(5):
        while True:
            try:
                await pair[1].push(room.A, digest_of(b"after"), [b"after"], 1)
                return
            except Unavailable:
                await trio.sleep(0.01)


@pytest.mark.parametrize("noise", [b"", b"GET / HTTP/1.1\r\n\r\n", bytes(1000), b"\x16\x03\x01\xff\xff" + b"x" * 5000])
async def test_noise_on_the_port_ends_that_connection_only(pair, cluster, room, noise):
    host, port = channel.split_address(cluster.addresses[room.A])
    for _ in range(20):
        stream = await trio.open_tcp_stream(host, port)
        if noise:
            await stream.send_all(noise)
        await stream.aclose()
    await works(pair, room)


@pytest.mark.parametrize("kind", [Kind.PUSH, Kind.RAFT, Kind.HELLO, Kind.STATUS, Kind.PING])
async def test_a_stranger_that_sends_anything_but_join_is_cut(pair, cluster, room, kind):
    tls = await dial(cluster, room, pki.joining_context(), host=False)
    hello = Hello(1, room.CLUSTER, room.B, b"i", "control")
    await tls.send(frames.encode(kind, 0, messages.encode(hello)))
    assert f"kind JOIN was expected, found kind {int(kind)}" in await refusal(tls)
    assert cluster.listeners[room.A].frames == {} and cluster.services[room.A].pushes_begun == 0
    await works(pair, room)


@pytest.mark.parametrize("payload", [b"", b"\xc1", msgspec.msgpack.encode({"format": 1})])
async def test_a_malformed_join_is_cut(pair, cluster, room, payload):
    tls = await dial(cluster, room, pki.joining_context(), host=False)
    await tls.send(frames.encode(Kind.JOIN, 0, payload))
    assert await refusal(tls) is not None
    assert cluster.services[room.A].joins == []


async def test_a_stranger_may_not_announce_a_large_frame(pair, cluster, room):
    tls = await dial(cluster, room, pki.joining_context(), host=False)
    await tls.send(frames.head(Kind.JOIN, 0, limits.join_frame_bytes_max + 1))
    assert "at most 16384 bytes" in await refusal(tls)


async def test_strangers_are_counted(pair, cluster, room):
    waiting = [await dial(cluster, room, pki.joining_context(), host=False) for _ in range(limits.peer_strangers_max)]
    for tls in waiting:
        await tls.receive()
    assert await refusal(await dial(cluster, room, pki.joining_context(), host=False)) is None
    await works(pair, room)
    for tls in waiting:
        tls.close()


async def test_a_certificate_of_another_authority_is_cut(pair, cluster, room):
    other = cluster.identity(room.B, {}, name="forged", authority=pki.new_authority(room.CLUSTER, room.NOW))
    context = pki.client_context(other.tls)
    context.load_verify_locations(cadata=cluster.authority.certificate.decode())
    tls = await dial(cluster, room, context)  # in TLS 1.3 the server refuses after the client is done
    with pytest.raises(OSError, match=r"unknown ca|closed|reset|certificate"):
        while await tls.receive():
            pass
        raise OSError("closed")
    tls.close()
    await works(pair, room)


async def greet(cluster, room, me, **fields):
    hello = Hello(messages.FORMAT, room.CLUSTER, me.node, me.incarnation, messages.CONTROL)
    tls = await dial(cluster, room, pki.client_context(me.tls))
    await tls.send(frames.encode(Kind.HELLO, 0, messages.encode(msgspec.structs.replace(hello, **fields))))
    return tls


async def test_a_node_that_is_no_member_is_refused(pair, cluster, room):
    tls = await greet(cluster, room, cluster.identity(room.C, {}))
    assert await refusal(tls) == f"node {room.C} is not a member"


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"cluster_id": b"x" * 16}, "cluster .* was expected, found " + (b"x" * 16).hex()),
        ({"format": 2}, "format 1 was expected, found 2"),
        ({"node": "c" * 32}, "node b+ was expected, found c+"),
        ({"lane": "fast"}, "a lane is control or bulk"),
    ],
)
async def test_a_greeting_that_does_not_match_is_refused(pair, cluster, room, fields, why):
    tls = await greet(cluster, room, cluster.identities[room.B], **fields)
    with pytest.raises(AssertionError, match=why):
        raise AssertionError(await refusal(tls))
    await works(pair, room)


@pytest.mark.parametrize("wire", [frames.encode(Kind.HELLO, 0), frames.encode(99, 0), bytes(64), b"\xff" * 64])
async def test_a_member_that_sends_nonsense_is_cut(pair, cluster, room, wire):
    tls = await greet(cluster, room, cluster.identities[room.B])
    await handshake.one_frame(Connection(tls, handshake.GREETING_BYTES_MAX))
    await tls.send(wire)
    assert await refusal(tls) is None
    await works(pair, room)


async def test_a_fault_in_our_own_code_ends_one_connection_and_not_the_node(pair, cluster, room):
    cluster.services[room.A].error = AssertionError("a broken promise")
    with pytest.raises(Unavailable, match="closed"):
        await pair[1].status(room.A)
    cluster.services[room.A].error = None
    await works(pair, room)


async def test_a_node_that_is_removed_is_hung_up_on_and_stays_out(pair, cluster, room):
    one, other = pair
    one.set_members([cluster.member(room.A)])
    await room.until(lambda: not other.reachable(room.A) and not one.reachable(room.B))
    tls = await greet(cluster, room, cluster.identities[room.B])
    assert await refusal(tls) == f"node {room.B} is not a member"


async def test_plain_tls_1_2_is_refused(pair, cluster, room):
    context = pki.joining_context()
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises(OSError, match=r"(?i)version|alert|handshake"):
        await dial(cluster, room, context, host=False)
