"""The plain lane: who gets one, what goes over it, and what a hostile network can do to it."""

import contextlib

import msgspec
import pytest
import trio

from mys3d import limits
from mys3d.errors import Unavailable
from mys3d.model.digest import digest_of
from mys3d.peers import channel, frames, handshake, messages, pki, plain
from mys3d.peers.connection import Connection
from mys3d.peers.frames import Kind
from mys3d.peers.messages import Hello, Refused, Welcome
from mys3d.peers.seal import seals_of

SECRET = b"s" * 32
LARGE = limits.plain_bulk_bytes_min + 1


class Tap:
    """A TCP relay in front of a node that keeps what passes, and may change it."""

    def __init__(self):
        self.seen, self.change = bytearray(), lambda data: data

    async def run(self, target, task_status):
        async def relay(stream):
            async with (
                await trio.open_tcp_stream(*channel.split_address(target)) as behind,
                trio.open_nursery() as both,
            ):
                both.start_soon(self._pass, stream, behind, both.cancel_scope, True)
                both.start_soon(self._pass, behind, stream, both.cancel_scope, False)

        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        task_status.started(f"127.0.0.1:{listeners[0].socket.getsockname()[1]}")
        await trio.serve_listeners(relay, listeners)

    async def _pass(self, source, target, scope, is_there):
        with contextlib.suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            async for data in source:
                self.seen += data
                await target.send_all(self.change(data) if is_there else data)
        scope.cancel()


@pytest.fixture
async def tapped(cluster, room, nursery):
    """Start both nodes; what A sends to B passes a tap."""
    tap = Tap()

    async def start(*plain):
        one = await cluster.start(room.A, has_plain=room.A in plain)
        other = await cluster.start(room.B, has_plain=room.B in plain)
        other.set_members([cluster.member(room.A), cluster.member(room.B)])
        cluster.addresses[room.B] = await nursery.start(tap.run, cluster.addresses[room.B])
        one.set_members([cluster.member(room.A), cluster.member(room.B)])
        await room.until(lambda: one.reachable(room.B) and other.reachable(room.A))
        return tap, one

    return start


async def push(room, peers, size, seed=1):
    """Push a body of `size` bytes and return it."""
    body = room.Dice(seed).token(size)
    await peers.push(room.B, digest_of(body), [body[:1000], body[1000:]], 1)
    return body


def plain_of(peers, room):
    return peers._links[room.B].plain


async def test_blobs_over_64_kib_are_readable_on_the_wire_and_nothing_else_is(tapped, cluster, room):
    tap, one = await tapped(room.A, room.B)
    await room.until(lambda: plain_of(one, room).is_up)
    large, small = await push(room, one, LARGE), await push(room, one, LARGE - 1, seed=2)
    assert bytes(large[2000:3000]) in tap.seen and bytes(small[2000:3000]) not in tap.seen
    assert cluster.services[room.B].blobs == {digest_of(body): body for body in (large, small)}
    del tap.seen[:]
    assert await one.fetch(room.B, digest_of(large), 0, LARGE) == large
    assert bytes(large[2000:3000]) in tap.seen
    del tap.seen[:]
    assert await one.fetch(room.B, digest_of(large), 0, LARGE - 1) == large[:-1]
    await one.snapshot_piece(room.B, 5, 1, 0, 3000)
    assert bytes(large[2000:3000]) not in tap.seen
    assert cluster.listeners[room.B].snapshot_bytes[1000:1100] not in tap.seen


@pytest.mark.parametrize("which", ["nobody", "A", "B"])
async def test_unless_both_are_told_so_everything_is_encrypted(tapped, cluster, room, which):
    tap, one = await tapped(*{"nobody": (), "A": (room.A,), "B": (room.B,)}[which])
    body = await push(room, one, LARGE)
    await trio.sleep(0.2)
    body = await push(room, one, LARGE, seed=3)
    assert not plain_of(one, room).is_up and bytes(body[2000:3000]) not in tap.seen
    assert cluster.services[room.B].blobs[digest_of(body)] == body


async def test_while_the_plain_lane_is_down_its_blobs_are_encrypted_and_it_comes_back(tapped, room):
    tap, one = await tapped(room.A, room.B)
    await room.until(lambda: plain_of(one, room).is_up)
    plain_of(one, room).hang_up()
    await room.until(lambda: not plain_of(one, room).is_up)
    body = await push(room, one, LARGE)
    assert bytes(body[2000:3000]) not in tap.seen
    await room.until(lambda: plain_of(one, room).is_up)


async def test_a_peer_that_returns_without_a_plain_lane_gets_none(cluster, room):
    one, _ = await cluster.pair(room.A, room.B)
    await room.until(lambda: plain_of(one, room).is_up)
    port = int(cluster.addresses[room.B].rpartition(":")[2])
    cluster.stop(room.B)
    await room.until(lambda: not one.reachable(room.B) and not plain_of(one, room).is_up)
    other = await cluster.start(room.B, port)
    other.set_members([cluster.member(room.A), cluster.member(room.B)])
    await room.until(lambda: one.reachable(room.B))
    await push(room, one, LARGE)
    assert not plain_of(one, room).is_up


async def test_a_blob_that_was_changed_on_its_way_is_never_held_and_the_next_one_is(tapped, cluster, room):
    tap, one = await tapped(room.A, room.B)
    await room.until(lambda: plain_of(one, room).is_up)
    body = room.Dice(1).token(LARGE)
    middle = body[2000:2100]
    tap.change = lambda data: data.replace(middle, bytes(100))
    with pytest.raises(Exception, match="bytes of another name"):
        await one.push(room.B, digest_of(body), [body], 1)
    tap.change = lambda data: data
    assert cluster.services[room.B].blobs == {}
    await push(room, one, LARGE)
    assert digest_of(body) in cluster.services[room.B].blobs


async def test_a_name_that_was_changed_on_its_way_ends_the_lane_and_nothing_is_held(tapped, cluster, room):
    tap, one = await tapped(room.A, room.B)
    await room.until(lambda: plain_of(one, room).is_up)
    body, other = room.Dice(1).token(LARGE), room.Dice(2).token(LARGE)
    tap.change = lambda data: data.replace(digest_of(body), digest_of(other)).replace(body[:50_000], other[:50_000])
    with pytest.raises(Unavailable):
        await one.push(room.B, digest_of(body), [body], 1)
    assert cluster.services[room.B].blobs == {}
    tap.change = lambda data: data
    await room.until(lambda: plain_of(one, room).is_up)


# --- A member, or somebody in its place, that speaks to node A by hand


@pytest.fixture
def member(cluster, room):
    """Node B as far as greetings and seals go."""
    made = Member(cluster, room)
    yield made
    made.close()


class Member:
    """Speaks to node A; everything it opened is closed with it."""

    def __init__(self, cluster, room):
        self._cluster, self._room, self._open = cluster, room, []

    async def greets(self, secret=SECRET, **fields):
        """Greet node A as node B; returns the channel and A's answer."""
        me, address = self._cluster.identities[self._room.B], self._cluster.addresses[self._room.A]
        hello = Hello(messages.FORMAT, self._room.CLUSTER, me.node, me.incarnation, messages.PLAIN, secret)
        tls = await channel.connect(address, pki.client_context(me.tls), pki.host_of(self._room.A))
        self._open.append(tls)
        await tls.send(frames.encode(Kind.HELLO, 0, messages.encode(msgspec.structs.replace(hello, **fields))))
        return tls, await handshake.one_frame(Connection(tls, handshake.GREETING_BYTES_MAX))

    async def welcomed(self, **fields):
        """The answer to such a greeting."""
        _, frame = await self.greets(**fields)
        return messages.decode(handshake.expect(frame, Kind.WELCOME).payload, Welcome)

    async def lane(self):
        """A plain lane to node A, and the seal of what is sent on it."""
        tls, frame = await self.greets()
        welcome = messages.decode(handshake.expect(frame, Kind.WELCOME).payload, Welcome)
        made = plain.PlainChannel(await tls.bare())
        self._open.append(made)
        return made, seals_of(SECRET, welcome.secret)[0]

    def close(self):
        for each in self._open:
            each.close()


def sealed_push(seal, body, request=1):
    fixed = messages.push_head(digest_of(body), 1)
    return b"".join(seal.close(frames.head(Kind.PUSH, request, len(fixed) + len(body)), [fixed, body]))


async def is_cut(lane):
    with trio.fail_after(5), contextlib.suppress(OSError):
        while await lane.receive():
            pass


async def test_a_node_that_wants_tls_takes_no_plain_lane(member, cluster, room):
    await cluster.pair(room.B)
    _, frame = await member.greets()
    assert messages.decode(handshake.expect(frame, Kind.REFUSED).payload, Refused).message == (
        "this node takes no bulk that is not encrypted"
    )
    _, frame = await member.greets(lane=messages.BULK)
    assert not messages.decode(frame.payload, Welcome).has_plain


async def test_the_secrets_of_two_lanes_differ_and_other_lanes_get_none(member, cluster, room):
    await cluster.pair(room.A)
    secrets = {(await member.welcomed()).secret for _ in range(3)}
    assert {len(secret) for secret in secrets} == {32} and len(secrets) == 3
    assert (await member.welcomed(lane=messages.BULK)).secret == b""


async def test_a_member_without_a_secret_gets_no_lane(member, cluster, room):
    await cluster.pair(room.A)
    tls, _ = await member.greets(secret=b"")
    await is_cut(tls)


async def test_what_follows_the_end_of_tls_at_once_is_heard(member, cluster, room):
    await cluster.pair(room.A)
    lane, seal = await member.lane()
    body = room.Dice(1).token(1_000_000)
    await lane.send(sealed_push(seal, body) + sealed_push(seal, b"more", 2))
    await room.until(lambda: len(cluster.services[room.A].blobs) == 2)


@pytest.mark.parametrize("which", ["another key", "no seal", "played twice", "of another lane", "noise"])
async def test_what_the_member_did_not_seal_ends_the_lane(member, cluster, room, which):
    await cluster.pair(room.A)
    lane, seal = await member.lane()
    body, service = b"b" * 100_000, cluster.services[room.A]
    match which:
        case "another key":
            wire = sealed_push(seals_of(SECRET, SECRET)[0], body)
        case "no seal":
            wire = frames.encode(Kind.PUSH, 1, messages.push_head(digest_of(body), 1) + body)
        case "played twice":
            first = sealed_push(seal, b"first")
            await lane.send(first)
            await room.until(lambda: service.blobs)
            wire = first
        case "of another lane":
            wire = sealed_push((await member.lane())[1], body)
            lane, _ = await member.lane()
        case _:
            wire = bytes(64)
    begun = service.pushes_begun
    await lane.send(wire)
    await is_cut(lane)
    assert service.pushes_begun == begun and digest_of(body) not in service.blobs


@pytest.mark.parametrize("kind", [Kind.HAVE, Kind.STATUS, Kind.SNAPSHOT, Kind.PIECE, Kind.RAFT, Kind.PING, Kind.HELLO])
async def test_nothing_but_blobs_is_served_on_a_plain_lane(member, cluster, room, kind):
    await cluster.pair(room.A)
    lane, seal = await member.lane()
    await lane.send(b"".join(seal.close(frames.head(kind, 1, 0), [])))
    await is_cut(lane)
    assert cluster.listeners[room.A].frames == {} and cluster.listeners[room.A].asked_since == []


async def test_sealed_frames_without_a_session_are_noise(cluster, room):
    one, _ = await cluster.pair(room.A, room.B)
    stream = await trio.open_tcp_stream(*channel.split_address(cluster.addresses[room.A]))
    with trio.fail_after(5), contextlib.suppress(trio.BrokenResourceError):
        await stream.send_all(sealed_push(seals_of(SECRET, SECRET)[0], b"b" * 100_000))
        while await stream.receive_some():
            pass
    await stream.aclose()
    assert cluster.services[room.A].pushes_begun == 0
    await room.until(lambda: plain_of(one, room).is_up)
    body = await push(room, one, LARGE)
    assert digest_of(body) in cluster.services[room.B].blobs


async def test_a_peer_that_goes_on_in_tls_is_cut(member, cluster, room):
    await cluster.pair(room.A)
    tls, frame = await member.greets()
    assert frame.kind == Kind.WELCOME
    await tls.send(frames.encode(Kind.PING, 1))
    await is_cut(tls)
