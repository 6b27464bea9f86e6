"""Greetings from the dialler's side; the listener's refusals are in test_server.py."""

import msgspec
import pytest
import trio

from mys3d.peers import channel, frames, handshake, messages, pki
from mys3d.peers.connection import Connection
from mys3d.peers.frames import Frame, Kind
from mys3d.peers.messages import Refused, Welcome


@pytest.fixture
async def answer(cluster, room, nursery):
    """Dial a listener of node B that answers the greeting with the given bytes; returns what the dialler made of it."""
    one, other = cluster.identity(room.A, {}), cluster.identity(room.B, {})

    async def dial(wire):
        async def accept(stream):
            tls = await channel.accept(stream, pki.server_context(other.tls))
            try:
                await handshake.one_frame(Connection(tls, handshake.GREETING_BYTES_MAX))
                await tls.send(wire)
                await trio.sleep_forever()
            finally:
                tls.close()

        listeners = await nursery.start(trio.serve_tcp, accept, 0)
        address = f"127.0.0.1:{listeners[0].socket.getsockname()[1]}"
        context = pki.client_context(one.tls)
        return (await handshake.dial(one, room.B, address, messages.BULK, context, room.Buffers()))[0]

    yield dial
    nursery.cancel_scope.cancel()


def welcome(room, **fields):
    greeting = Welcome(messages.FORMAT, room.CLUSTER, room.B, b"i")
    return frames.encode(Kind.WELCOME, 0, messages.encode(msgspec.structs.replace(greeting, **fields)))


async def test_a_welcome_opens_the_lane_for_frames_of_its_size(answer, room):
    connection = await answer(welcome(room))
    assert pki.node_of(connection.channel.certificate) == room.B
    connection.close()


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"cluster_id": b"x" * 16}, "cluster .* was expected"),
        ({"format": 2}, "format 1 was expected, found 2"),
        ({"node": "c" * 32}, "node b+ was expected"),
    ],
)
async def test_a_welcome_that_does_not_match_is_refused(answer, room, fields, why):
    with pytest.raises(ValueError, match=why):
        await answer(welcome(room, **fields))


async def test_a_refusal_tells_its_reason(answer, room):
    with pytest.raises(OSError, match="refuses: too young"):
        await answer(frames.encode(Kind.REFUSED, 0, messages.encode(Refused("too young"))))


async def test_another_frame_or_two_at_once_are_refused(answer, room):
    with pytest.raises(ValueError, match="WELCOME was expected, found kind 18"):
        await answer(frames.encode(Kind.PONG, 0))
    with pytest.raises(ValueError, match="one frame was expected, found 2"):
        await answer(welcome(room) * 2)


def test_each_lane_has_its_own_bound():
    assert handshake.frame_bytes_max(messages.CONTROL) < handshake.frame_bytes_max(messages.BULK)


def test_another_format_is_seen_before_its_fields_are():
    later = Frame(Kind.HELLO, 0, messages.encode({"format": 2, "everything": "else"}))
    with pytest.raises(ValueError, match="run the same version"):
        handshake.read_hello(later, None, "a" * 32)
