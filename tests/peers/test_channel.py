"""Bytes over TLS on a socket that never blocks."""

import pytest
import trio

from mys3d import limits
from mys3d.peers import channel, pki


@pytest.fixture
async def ends(cluster, room, nursery):
    """Both ends of one connection: dialled by A, accepted by B."""
    one, other = cluster.identity(room.A, {}), cluster.identity(room.B, {})
    accepted = []

    async def accept(stream):
        accepted.append(await channel.accept(stream, pki.server_context(other.tls)))
        await trio.sleep_forever()

    listeners = await nursery.start(trio.serve_tcp, accept, 0)
    address = f"127.0.0.1:{listeners[0].socket.getsockname()[1]}"
    dialled = await channel.connect(address, pki.client_context(one.tls), pki.host_of(room.B))
    await room.until(lambda: accepted)
    yield dialled, accepted[0]
    dialled.close()
    accepted[0].close()
    nursery.cancel_scope.cancel()


async def receive(end, count):
    found = bytearray()
    while len(found) < count:
        found += await end.receive()
    return bytes(found)


async def test_both_ends_know_whom_they_speak_to(ends, room):
    assert [pki.node_of(end.certificate) for end in ends] == [room.B, room.A]


@pytest.mark.parametrize("size", [1, 16 * limits.KIB, 16 * limits.KIB + 1, 5 * limits.MIB])
async def test_bytes_arrive_as_sent_on_both_ways_at_once(ends, room, size):
    bodies = [room.Dice(number).token(size) for number in range(2)]
    received = {}

    async def read(number):
        received[number] = await receive(ends[1 - number], size)

    async with trio.open_nursery() as nursery:
        for number in range(2):
            nursery.start_soon(ends[number].send, bodies[number])
            nursery.start_soon(read, number)
    assert received == dict(enumerate(bodies))


async def test_both_ends_leave_tls_at_the_same_byte(ends):
    await ends[0].send(b"the last of TLS")
    assert await receive(ends[1], 15) == b"the last of TLS"
    sockets = {}

    async def leave(number):
        sockets[number] = await ends[number].bare()
        sockets[number].send(b"plain %d" % number)  # at once: the other end may not have left yet

    async with trio.open_nursery() as nursery:
        for number in range(2):
            nursery.start_soon(leave, number)
    for number, sock in sockets.items():
        await channel.ready(sock, for_reading=True)
        assert sock.recv(100) == b"plain %d" % (1 - number)
        sock.close()
    for end in ends:
        end.close()  # it owns nothing any more


async def test_leaving_tls_fails_when_the_other_side_goes_on_in_it(ends):
    await ends[1].send(b"more")
    with pytest.raises(OSError, match=r"(?i)after.close.notify"):
        await ends[0].bare()


async def test_a_peer_that_closes_is_the_end_of_the_stream(ends):
    ends[0].close()
    assert len(await ends[1].receive()) == 0


async def test_closing_wakes_who_receives_and_may_be_repeated(ends):
    async def wait():
        with pytest.raises(OSError, match="closed on this side"):
            await ends[0].receive()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(wait)
        await trio.testing.wait_all_tasks_blocked()
        ends[0].close()
        ends[0].close()


async def test_a_sender_waits_for_a_reader_that_does_not_read(ends, room):
    body = room.Dice(1).token(32 * limits.MIB)
    with trio.move_on_after(0.3) as scope:
        await ends[0].send(body)
    assert scope.cancelled_caught


async def test_a_certificate_of_another_node_is_refused_by_the_dialler(cluster, room, nursery):
    await cluster.start(room.A)
    other = cluster.identity(room.B, {})
    with pytest.raises(OSError, match="Hostname mismatch"):
        await channel.connect(cluster.addresses[room.A], pki.client_context(other.tls), pki.host_of(room.C))


@pytest.mark.parametrize("text", ["", "host", ":9002", "host:", "host:no", "host:0", "host:65536", "host:٣"])
def test_other_text_is_no_address(text):
    with pytest.raises(OSError, match="host:port"):
        channel.split_address(text)


def test_addresses_are_split():
    assert channel.split_address("n1.example:9002") == ("n1.example", 9002)
    assert channel.split_address("[fe80::1]:9002") == ("fe80::1", 9002)
