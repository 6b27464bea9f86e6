"""Who comes in with somebody else."""

import contextlib
import socket
import ssl
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import trio
from hypercorn.app_wrappers import ASGIWrapper

from mys3d import limits
from mys3d.web.arrivals import Arrivals
from mys3d.web.connection import Connection
from mys3d.web.deadlines import Deadlines
from mys3d.web.front_config import FrontConfig
from mys3d.web.s3_front import S3Front
from tests.web.booth import read_all

GET = b"GET /b/k HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"

Knock = Callable[[int], None]


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0), backlog=256) as listening:
        listening.setblocking(False)
        yield listening


@pytest.fixture
def knock(listening: socket.socket) -> Iterator[Knock]:
    """Have some clients wait to be let in."""
    with contextlib.ExitStack() as stack:

        def clients(count: int) -> None:
            for _ in range(count):
                stack.enter_context(socket.create_connection(listening.getsockname()))

        yield clients


async def taken(arrivals: Arrivals) -> list[Any]:
    streams = list(arrivals.take())
    for stream in streams:
        await trio.aclose_forcefully(stream)
    return streams


async def test_all_who_wait_come_in_at_once(listening: socket.socket, knock: Knock) -> None:
    arrivals = Arrivals()
    arrivals.listen([listening])
    assert await taken(arrivals) == []
    knock(5)
    streams = await taken(arrivals)
    assert [type(stream) for stream in streams] == [trio.SocketStream] * 5
    assert await taken(arrivals) == []


async def test_so_many_and_no_more(listening: socket.socket, knock: Knock) -> None:
    arrivals = Arrivals()
    arrivals.listen([listening])
    knock(limits.accepts_at_once + 1)
    assert len(await taken(arrivals)) == limits.accepts_at_once
    assert len(await taken(arrivals)) == 1


async def test_nobody_comes_in_by_a_closed_door(listening: socket.socket, knock: Knock) -> None:
    arrivals = Arrivals()
    arrivals.listen([listening])
    knock(1)
    listening.close()
    assert await taken(arrivals) == []


async def test_over_tls_they_come_in_over_tls(listening: socket.socket, knock: Knock) -> None:
    arrivals = Arrivals()
    arrivals.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    arrivals.listen([listening])
    knock(1)
    (stream,) = await taken(arrivals)
    assert isinstance(stream, trio.SSLStream)


async def test_a_listener_knows_its_sockets() -> None:
    config = FrontConfig("127.0.0.1:0", Deadlines())
    sockets = config.create_sockets()
    try:
        for one in sockets.insecure_sockets:
            one.listen()
            with socket.create_connection(one.getsockname()):
                assert len(await taken(config.arrivals)) == 1
    finally:
        for one in sockets.insecure_sockets:
            one.close()


async def test_one_connection_brings_in_all_who_wait(
    listening: socket.socket, knock: Knock, nursery: trio.Nursery, stand_in: Any
) -> None:
    """Nobody else accepts here."""
    front, config = S3Front(stand_in), FrontConfig("127.0.0.1:0", Deadlines())
    config.arrivals.listen([listening])
    clients = [await trio.open_tcp_stream(*listening.getsockname()) for _ in range(3)]
    ours, theirs = (trio.SocketStream(trio.socket.from_stdlib_socket(end)) for end in socket.socketpair())

    async def serve() -> None:
        await Connection(ASGIWrapper(front), config, None, None, ours)  # type: ignore[arg-type]  # an ASGI application

    nursery.start_soon(serve)
    for client in [*clients, theirs]:
        async with client:
            await client.send_all(GET)
            with trio.fail_after(5):
                assert (await read_all(client)).endswith(b"hello")
    assert config.lobby.is_empty
