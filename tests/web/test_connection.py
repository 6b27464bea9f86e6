"""Whole conversations with a connection, on real sockets."""

import contextlib
import os
import socket
from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from mys3d import limits
from mys3d.s3.message import BodySource, Request, Response
from mys3d.web.connection import asgi_scope, is_departure
from mys3d.web.head import parse_head
from tests.web.booth import Booth, read_all

GET = b"GET /b/k HTTP/1.1\r\nHost: x\r\n\r\n"
LAST = b"GET /b/k HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"

UPGRADE = b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: %b\r\nConnection: Upgrade, HTTP2-Settings\r\n%b\r\n"
WEBSOCKET = b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
KILLS = {
    "a WebSocket upgrade with trailing bytes": UPGRADE % (b"websocket", WEBSOCKET) + b"\x81\x85garbage\xff\xff",
    "an h2c upgrade with malformed settings": UPGRADE % (b"h2c", b"HTTP2-Settings: !!!notbase64\r\n"),
    "an h2c upgrade with truncated settings": UPGRADE % (b"h2c", b"HTTP2-Settings: AAEC\r\n"),
    "an h2c upgrade without settings": UPGRADE % (b"h2c", b""),
    "an h2c upgrade with two settings": UPGRADE % (b"h2c", b"HTTP2-Settings: AA\r\nHTTP2-Settings: AA\r\n"),
    "HTTP/2 with prior knowledge": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0" + b"\xff" * 64,
    "a tunnel": b"CONNECT x:80 HTTP/1.1\r\nHost: x:80\r\n\r\ngarbage",
    "a TLS hello": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 100,
    "NUL bytes": b"\0" * 1000,
    "an endless head": b"GET / HTTP/1.1\r\nHost: x\r\n" + b"a: b\r\n" * 20_000,
}  # fmt: skip


@pytest.mark.parametrize("ending", ["close", "reset"])
@pytest.mark.parametrize("door", ["s3_port", "admin_port"])
@pytest.mark.parametrize("packet", KILLS.values(), ids=KILLS)
async def test_no_packet_takes_the_node_down(open_house: Any, packet: bytes, door: str, ending: str) -> None:
    house = await open_house(drain=0.05)
    async with await house.connect(getattr(house, door)) as stream:
        await stream.send_all(packet)
        if ending == "reset":
            stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    assert await house.is_answering()
    assert not house.ended.is_set()


async def test_a_malformed_head_is_answered_in_xml(open_house: Any) -> None:
    house = await open_house(drain=0.05)
    answer = await house.talk(b"GET / HTTP/1.1\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert b"<Code>BadRequest</Code>" in answer
    assert b"connection: close\r\n" in answer


async def test_pipelined_requests_are_answered_in_order(open_house: Any, stand_in: Any) -> None:
    house = await open_house(stand_in)
    puts = [b"PUT /b/%d HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\na%d\n" % (n, n) for n in range(9)]
    gets = [b"GET /b/%d HTTP/1.1\r\nHost: x\r\n\r\n" % n for n in range(9)]
    answer = await house.talk(b"".join(puts) + b"\r\n" + b"".join(gets) + LAST)
    assert [request.raw_path for request in stand_in.requests] == [b"/b/%d" % n for n in range(9)] * 2 + [b"/b/k"]
    bodies = [part.split(b"\r\n\r\n")[1] for part in answer.split(b"HTTP/1.1 200 OK\r\n")[1:]]
    assert bodies == [b""] * 9 + [b"a%d\n" % n for n in range(9)] + [b"hello"]


async def test_a_connection_is_kept_until_the_client_says_close(open_house: Any) -> None:
    house = await open_house()
    async with await house.connect() as stream:
        for _ in range(3):
            await stream.send_all(GET)
            answer = await stream.receive_some(65536)
            assert answer.endswith(b"\r\n\r\nhello")
            assert b"connection:" not in answer
        await stream.send_all(LAST)
        assert b"connection: close\r\n" in await stream.receive_some(65536)
        assert await stream.receive_some(1) == b""


@pytest.mark.parametrize("connection", [b"", b"Connection: keep-alive\r\n"])
async def test_http_1_0_is_closed_unless_it_asks_to_stay(open_house: Any, connection: bytes) -> None:
    house = await open_house()
    async with await house.connect() as stream:
        await stream.send_all(b"GET /b/k HTTP/1.0\r\n%b\r\n" % connection)
        answer = await stream.receive_some(65536)
        if connection:
            assert b"connection: keep-alive\r\n" in answer
            await stream.send_all(GET)
            assert (await stream.receive_some(65536)).endswith(b"hello")
        else:
            assert b"connection: close\r\n" in answer
            assert await stream.receive_some(1) == b""


async def test_a_head_may_arrive_byte_by_byte(open_house: Any) -> None:
    house = await open_house()
    async with await house.connect() as stream:
        for byte in LAST:
            await stream.send_all(bytes([byte]))
        assert (await stream.receive_some(65536)).endswith(b"hello")


async def test_an_application_that_fails_costs_its_connection_only(open_house: Any) -> None:
    async def dispatch(request: Request, body: BodySource) -> Response:
        async with trio.open_nursery():
            raise ZeroDivisionError

    house = await open_house(dispatch)
    assert await house.talk(GET) == b""
    assert await house.is_answering()


async def test_an_application_that_fails_while_cancelled_does_not_fail_the_shutdown(open_house: Any) -> None:
    started = trio.Event()

    async def fail_at_the_end() -> None:
        try:
            await trio.sleep_forever()
        finally:
            raise ZeroDivisionError

    async def dispatch(request: Request, body: BodySource) -> Response:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(fail_at_the_end)
            nursery.start_soon(trio.sleep_forever)
            started.set()
        raise AssertionError

    house = await open_house(dispatch, graceful=0.05)
    async with await house.connect() as stream:
        await stream.send_all(GET)
        await started.wait()
        house.shutdown.set()
        with trio.fail_after(5):
            await house.ended.wait()


PARTING_WORDS = [
    LAST,
    GET,
    GET[:-2],
    GET * 9,
    b"\0",
    b"PUT /b/k HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n1",
    b"",
]


async def leave(house: Any, number: int) -> None:
    """Connect, say something, and leave, with or without waiting for an answer."""
    async with await house.connect() as stream:
        await stream.send_all(PARTING_WORDS[number % len(PARTING_WORDS)])
        if number % len(PARTING_WORDS) < 2:
            await stream.receive_some(1)


def descriptors_and_tasks() -> tuple[int, int]:
    return len(os.listdir("/proc/self/fd")), trio.lowlevel.current_statistics().tasks_living


async def test_connections_leave_no_descriptor_and_no_task_behind(open_house: Any) -> None:
    house = await open_house(drain=0.05)
    await house.talk(LAST)
    await wait_all_tasks_blocked(0.005)
    before = descriptors_and_tasks()
    for batch in range(20):
        async with trio.open_nursery() as nursery:
            for number in range(10):
                nursery.start_soon(leave, house, batch + number)
    for _ in range(1000):
        await wait_all_tasks_blocked(0.005)
        if descriptors_and_tasks() == before:
            break
    assert descriptors_and_tasks() == before


async def test_a_connection_without_a_place_is_told_to_slow_down(open_house: Any) -> None:
    started, may_end = trio.Event(), trio.Event()

    async def dispatch(request: Request, body: BodySource) -> Response:
        started.set()
        await may_end.wait()
        return Response(200, [], b"done")

    house = await open_house(dispatch, connections_max=1, drain=0.05)
    async with await house.connect() as first:
        await first.send_all(LAST)
        await started.wait()
        for said in (GET, b""):
            async with await house.connect() as second:
                await second.send_all(said)
                await second.send_eof()
                answer = await second.receive_some(65536)
                assert answer.startswith(b"HTTP/1.1 503 ")
                assert b"<Code>SlowDown</Code>" in answer
                assert b"connection: close\r\n" in answer
        assert await house.is_answering_admin()
        may_end.set()
        assert (await first.receive_some(65536)).endswith(b"done")
    assert await house.is_answering()


async def test_the_connection_that_was_idle_longest_makes_place(open_house: Any) -> None:
    house = await open_house(connections_max=2, rest=0.0)
    async with await house.connect() as first, await house.connect() as second:
        for stream in (first, second):
            await stream.send_all(GET)
            await stream.receive_some(65536)
        async with await house.connect() as third:
            await third.send_all(GET)
            assert (await third.receive_some(65536)).endswith(b"hello")
            assert await first.receive_some(1) == b""
            await second.send_all(GET)
            assert (await second.receive_some(65536)).endswith(b"hello")


async def test_a_head_that_goes_on_and_on_makes_place(open_house: Any) -> None:
    house = await open_house(connections_max=1, rest=0.0)
    async with await house.connect() as stream:
        await stream.send_all(GET[:9])
        await wait_all_tasks_blocked(0.005)
        assert (await house.talk(LAST)).endswith(b"hello")
        with trio.fail_after(5):
            assert await stream.receive_some(1) == b""


async def test_those_who_are_turned_away_are_not_waited_for(nursery: trio.Nursery, autojump_clock: object) -> None:
    """None of them reads, leaves or says anything; a few are told, the others are closed unheard."""

    async def think(*_: object) -> None:
        await trio.sleep_forever()

    booth = Booth(nursery, think, connections_max=1)
    served = booth.connect()
    await served.send_all(GET)
    await wait_all_tasks_blocked()
    async with contextlib.AsyncExitStack() as stack:
        others = [await stack.enter_async_context(booth.connect()) for _ in range(limits.turned_away_max + 9)]
        await trio.sleep(booth.lobby.deadlines.turn_away + 1)
        told = sorted([(await read_all(other))[:12] for other in others])
    assert told == [b""] * 9 + [b"HTTP/1.1 503"] * limits.turned_away_max
    await served.aclose()
    nursery.cancel_scope.cancel()


def test_the_scope_keeps_the_raw_target_beside_the_decoded_path() -> None:
    head = parse_head(b"GET /b/%2F%FF?a=%2F HTTP/1.1\r\nHost: x\r\n\r\n")
    scope = asgi_scope(head, "http", ("127.0.0.1", 1), None)
    assert (scope["raw_path"], scope["query_string"], scope["path"]) == (b"/b/%2F%FF", b"a=%2F", "/b//\ufffd")


def test_only_a_broken_stream_is_a_departure() -> None:
    left = trio.BrokenResourceError()
    assert is_departure(left)
    assert is_departure(ExceptionGroup("", [left, ExceptionGroup("", [left])]))
    assert not is_departure(OSError())  # a disk may raise it too
    assert not is_departure(ExceptionGroup("", [left, OSError()]))
