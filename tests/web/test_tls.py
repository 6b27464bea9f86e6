"""The same conversations over TLS: bodies both ways, refusals, deadlines, and a full house."""

import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import trio

from mys3d.s3.message import BodySource, Request, Response
from mys3d.web.certificate import Certificate
from tests.web.certificates import write_pair

MIB = 1024 * 1024
GET = b"GET /b/k HTTP/1.1\r\nHost: x\r\n\r\n"
LAST = b"GET /b/k HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
PUT = b"PUT /b/k HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n%b\r\n"

Secured = Callable[[Any], Awaitable[trio.SSLStream[trio.SocketStream]]]


@pytest.fixture
def pair(tmp_path: Path) -> Certificate:
    certificate = Certificate(tmp_path / "chain.pem", tmp_path / "key.pem")
    write_pair(certificate.chain, certificate.key)
    return certificate


@pytest.fixture
def secured(pair: Certificate) -> Secured:
    """Connect to a house, over TLS."""
    context = ssl.create_default_context(cafile=str(pair.chain))

    async def connect(house: Any) -> trio.SSLStream[trio.SocketStream]:
        return trio.SSLStream(await house.connect(), context, server_hostname="localhost", https_compatible=True)

    return connect


async def heard(stream: trio.SSLStream[trio.SocketStream]) -> bytes:
    received = bytearray()
    with contextlib.suppress(trio.BrokenResourceError):
        while data := await stream.receive_some(65536):
            received += data
    return bytes(received)


async def test_large_bodies_go_both_ways_and_the_connection_goes_on(
    open_house: Any, pair: Certificate, secured: Secured, stand_in: Any
) -> None:
    house = await open_house(stand_in, certificate=pair)
    async with await secured(house) as stream:
        for number in range(2):
            body = bytes([number]) * (3 * MIB)
            await stream.send_all(PUT % (len(body), b"") + body)
            assert (await stream.receive_some(65536)).startswith(b"HTTP/1.1 200 OK\r\n")
            assert stand_in.objects[b"/b/k"] == body
        await stream.send_all(GET + LAST)
        answers = await heard(stream)
    assert answers.count(b"HTTP/1.1 200 OK\r\n") == 2
    assert answers.endswith(body)


async def test_a_refused_client_reads_its_answer_and_is_cut_off(
    open_house: Any, pair: Certificate, secured: Secured
) -> None:
    async def refuse(request: Request, body: BodySource) -> Response:
        return Response(403, [], b"no")

    house = await open_house(refuse, certificate=pair, drain=0.3)
    async with await secured(house) as stream:
        await stream.send_all(PUT % (64 * MIB, b"Expect: 100-continue\r\n"))
        answer = await heard(stream)
    assert answer.startswith(b"HTTP/1.1 403 Forbidden\r\n")
    assert answer.endswith(b"\r\n\r\nno")


async def test_a_malformed_head_is_answered(open_house: Any, pair: Certificate, secured: Secured) -> None:
    house = await open_house(certificate=pair, drain=0.05)
    async with await secured(house) as stream:
        await stream.send_all(b"GET / HTTP/1.1\r\n\r\n")
        assert (await heard(stream)).startswith(b"HTTP/1.1 400 Bad Request\r\n")


@pytest.mark.parametrize(
    "said", [b"", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"], ids=["nothing", "half a hello"]
)
async def test_a_handshake_that_stalls_is_cut_at_its_deadline(open_house: Any, pair: Certificate, said: bytes) -> None:
    house = await open_house(certificate=pair, handshake=0.1)
    async with await house.connect() as stream:
        if said:
            await stream.send_all(said)
        with trio.fail_after(5):
            assert await stream.receive_some(1) == b""


async def test_a_client_that_does_not_read_is_cut_at_the_write_deadline(
    open_house: Any, pair: Certificate, secured: Secured
) -> None:
    closed = trio.Event()

    async def endless(_: Request, __: BodySource) -> Response:
        async def pieces() -> AsyncIterator[bytes]:
            try:
                for _ in range(1024):
                    yield bytes(MIB)
            finally:
                closed.set()

        return Response(200, [], pieces(), 1024 * MIB)

    house = await open_house(endless, certificate=pair, write_stall=0.2)
    async with await secured(house) as stream:
        await stream.send_all(GET)
        with trio.fail_after(20):
            await closed.wait()


async def test_without_a_place_a_client_is_told_so(open_house: Any, pair: Certificate, secured: Secured) -> None:
    started, may_end = trio.Event(), trio.Event()

    async def dispatch(request: Request, body: BodySource) -> Response:
        started.set()
        await may_end.wait()
        return Response(200, [], b"done")

    house = await open_house(dispatch, certificate=pair, connections_max=1, turn_away=10, rest=60)
    async with await secured(house) as first, await secured(house) as second:
        await first.send_all(LAST)
        await started.wait()
        await second.send_all(GET)
        assert (await second.receive_some(65536)).startswith(b"HTTP/1.1 503 ")
        may_end.set()
        assert (await heard(first)).endswith(b"done")


async def test_a_handshake_that_is_not_made_makes_place(open_house: Any, pair: Certificate, secured: Secured) -> None:
    house = await open_house(certificate=pair, connections_max=1, rest=0.0)
    async with await house.connect() as silent:
        await trio.testing.wait_all_tasks_blocked(0.005)
        async with await secured(house) as stream:
            await stream.send_all(LAST)
            assert (await heard(stream)).endswith(b"hello")
        with trio.fail_after(5):
            assert await silent.receive_some(1) == b""
