"""Reads and writes of a socket with nothing in between."""

import socket
import struct

import pytest
import trio
from trio.testing import memory_stream_pair

from mys3d.web import direct


def pair() -> tuple[trio.SocketStream, trio.SocketStream]:
    ours, theirs = trio.socket.socketpair()
    return trio.SocketStream(ours), trio.SocketStream(theirs)


async def reset_by_client() -> trio.SocketStream:
    """Our end of a TCP connection that the client has reset."""
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    client = await trio.open_tcp_stream("127.0.0.1", listener.socket.getsockname()[1])
    ours = await listener.accept()
    client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    await client.aclose()
    await listener.aclose()
    return ours


async def test_what_comes_later_is_waited_for() -> None:
    ours, theirs = pair()
    async with ours, theirs, trio.open_nursery() as nursery:

        async def send_later() -> None:
            await trio.testing.wait_all_tasks_blocked()
            await theirs.send_all(b"hello")

        nursery.start_soon(send_later)
        assert await direct.receive_next(ours, 3) == b"hel"
        assert await direct.receive_next(ours, 3) == b"lo"


async def test_a_wake_up_without_bytes_is_waited_out(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = pair()
    async with ours, theirs:
        await theirs.send_all(b"a")
        read, refusals = direct.os.read, [BlockingIOError()]

        def reading(descriptor: int, size: int) -> bytes:
            if refusals:
                raise refusals.pop()
            return read(descriptor, size)

        monkeypatch.setattr(direct.os, "read", reading)
        assert await direct.receive_next(ours, 3) == b"a"
        assert refusals == []


async def test_the_end_of_a_connection_is_no_bytes() -> None:
    ours, theirs = pair()
    async with ours:
        await theirs.aclose()
        assert await direct.receive_next(ours, 3) == b""


async def test_a_connection_that_was_reset_is_broken() -> None:
    async with await reset_by_client() as ours:
        with pytest.raises(trio.BrokenResourceError):
            await direct.receive_next(ours, 3)
    async with await reset_by_client() as ours:
        await trio.lowlevel.wait_readable(ours.socket)
        with pytest.raises(trio.BrokenResourceError):
            await direct.send_small(ours, b"x")


async def test_what_a_full_socket_does_not_take_is_sent_later() -> None:
    ours, theirs = pair()
    data = bytes(range(256)) * 8192
    async with ours, theirs, trio.open_nursery() as nursery:
        nursery.start_soon(direct.send_small, ours, data)
        await trio.testing.wait_all_tasks_blocked()
        received = bytearray()
        while len(received) < len(data):
            received += await theirs.receive_some(65536)
        assert received == data


async def test_a_socket_that_takes_nothing_is_waited_for() -> None:
    ours, theirs = pair()
    async with ours, theirs, trio.open_nursery() as nursery:
        await direct.send_small(ours, b"")
        with trio.move_on_after(0):
            await direct.send_small(ours, bytes(1 << 22))
        nursery.start_soon(direct.send_small, ours, b"end")
        received = b""
        while not received.endswith(b"end"):
            received = received[-3:] + await theirs.receive_some(65536)


async def test_other_streams_are_asked_themselves() -> None:
    ours, theirs = memory_stream_pair()
    await direct.send_small(ours, b"hello")  # type: ignore[arg-type] # stands for TLS, whose bytes are not the socket's
    assert await direct.receive_next(theirs, 9) == b"hello"  # type: ignore[arg-type] # as above
