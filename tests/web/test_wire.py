"""Deadlines of a connection: whoever keeps us waiting is cut, and nobody else notices."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
import trio

from mys3d.errors import S3Error
from mys3d.s3.message import BodySource, KnownBody, Request, Response
from mys3d.web.s3_front import S3Front
from tests.web.booth import Booth, read_all

GET = b"GET /b/k HTTP/1.1\r\nHost: x\r\n\r\n"
LAST = b"GET /b/k HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
MIB = 1024 * 1024


async def test_a_head_that_trickles_in_is_cut_at_its_deadline(open_house: Any, reading: Any) -> None:
    house = await open_house(head=0.2)
    async with await house.connect() as stream, trio.open_nursery() as nursery:
        await stream.send_all(b"GET / HTTP/1.1\r\n")

        async def trickle() -> None:
            while True:
                try:
                    await stream.send_all(b"a: b\r\n")
                except trio.BrokenResourceError:
                    return
                await trio.sleep(0.02)

        nursery.start_soon(trickle)
        with trio.fail_after(5):
            assert await reading(stream) == b""
        nursery.cancel_scope.cancel()
    assert await house.is_answering()


async def test_an_idle_connection_is_closed_at_its_deadline(open_house: Any) -> None:
    house = await open_house(keep_alive=0.1)
    async with await house.connect() as stream:
        await stream.send_all(GET)
        assert (await stream.receive_some(65536)).endswith(b"hello")
        with trio.fail_after(5):
            assert await stream.receive_some(1) == b""


async def test_the_deadlines_of_reading_do_not_bound_the_work(open_house: Any) -> None:
    async def dispatch(request: Request, body: BodySource) -> Response:
        await trio.sleep(0.5)
        return Response(200, [], b"done")

    house = await open_house(dispatch, head=0.1, keep_alive=0.1, write_stall=0.1, body_stall=0.1)
    assert (await house.talk(LAST)).endswith(b"done")


async def test_a_body_that_stalls_is_told_to_the_application(open_house: Any) -> None:
    async def dispatch(request: Request, body: BodySource) -> Response:
        try:
            while await body.read():
                continue
        except S3Error as error:
            return Response(400, [], error.code.encode())
        return Response(200)

    house = await open_house(dispatch, body_stall=0.1, drain=0.05)
    answer = await house.talk(b"PUT /b/k HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n1234")
    assert answer.endswith(b"RequestTimeout")
    assert b"connection: close\r\n" in answer


@pytest.mark.parametrize("is_put_in_place", [False, True])
@pytest.mark.parametrize(("pause", "is_heard"), [(1.9, True), (2.1, False)])
async def test_a_body_that_trickles_in_is_heard_to_its_end_only_above_its_pace(
    nursery: trio.Nursery, autojump_clock: object, pause: float, is_heard: bool, is_put_in_place: bool
) -> None:
    """A byte gains two seconds: with one every 2.1 s the patience of 30 s is used up after 300 bytes."""

    async def dispatch(request: Request, body: BodySource) -> Response:
        size = 0
        try:
            if is_put_in_place:
                assert isinstance(body, KnownBody)
                await body.fill(memoryview(bytearray(500)))
                size = 500
            while piece := await body.read():
                size += len(piece)
        except S3Error as error:
            return Response(400, [], error.code.encode())
        return Response(200, [], b"%d" % size)

    booth = Booth(nursery, S3Front(dispatch), body_stall=30, body_pace=0.5)
    async with booth.connect() as stream:
        await stream.send_all(b"PUT /b/k HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n\r\n")
        sent = 0
        with contextlib.suppress(trio.BrokenResourceError):
            while sent < 500:
                await trio.sleep(pause)
                await stream.send_all(b"x")
                sent += 1
            await stream.send_eof()
        answer = await read_all(stream)
    assert answer.endswith(b"500" if is_heard else b"RequestTimeout")


async def test_the_pace_of_a_body_is_not_measured_while_it_is_not_wanted(
    nursery: trio.Nursery, autojump_clock: object
) -> None:
    async def dispatch(request: Request, body: BodySource) -> Response:
        size = 0
        while piece := await body.read():
            size += len(piece)
            await trio.sleep(100)
        return Response(200, [], b"%d" % size)

    booth = Booth(nursery, S3Front(dispatch), body_stall=30)
    answer = await booth.talk(b"PUT /b/k HTTP/1.1\r\nHost: x\r\nContent-Length: 200000\r\n\r\n" + bytes(200_000))
    assert answer.endswith(b"200000")


async def endless(_: Request, __: BodySource) -> Response:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(1024):
            yield bytes(MIB)

    return Response(200, [], pieces(), 1024 * MIB)


async def test_a_client_that_does_not_read_is_cut_at_the_write_deadline(open_house: Any, reading: Any) -> None:
    house = await open_house(endless, write_stall=0.2)
    async with await house.connect() as stream:
        await stream.send_all(GET)
        await trio.sleep(0.6)  # the silence is what is tested
        with trio.fail_after(20):
            assert len(await reading(stream)) < 64 * MIB
    assert await house.is_answering()


async def test_a_client_that_does_not_read_cannot_delay_the_shutdown(open_house: Any) -> None:
    house = await open_house(endless, graceful=0.2, write_stall=60)
    async with await house.connect() as stream:
        await stream.send_all(GET)
        await stream.receive_some(1)
        house.shutdown.set()
        with trio.fail_after(5):
            await house.ended.wait()


async def test_a_slow_application_slows_its_client(open_house: Any) -> None:
    """The server reads nothing ahead: what the client can send is what the kernel buffers."""
    go_on = trio.Event()

    async def dispatch(request: Request, body: BodySource) -> Response:
        await body.read()
        await go_on.wait()
        size = 0
        while piece := await body.read():
            assert len(piece) <= 65536
            size += len(piece)
        return Response(200, [], b"%d" % size)

    house = await open_house(dispatch)
    async with await house.connect() as stream:
        await stream.send_all(b"PUT /b/k HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % (64 * MIB))
        sent = 0
        with trio.move_on_after(0.5):
            while True:
                sent += await stream.socket.send(bytes(65536))
        assert sent < 32 * MIB
        go_on.set()
        await stream.send_all(bytes(64 * MIB - sent))
        assert b"HTTP/1.1 200 OK" in await stream.receive_some(65536)


async def test_a_large_answer_arrives_whole_however_slowly_it_is_read(nursery: trio.Nursery) -> None:
    body = bytes(range(256)) * 20_000

    async def dispatch(_: Request, __: BodySource) -> Response:
        async def pieces() -> AsyncIterator[bytes | memoryview]:
            yield memoryview(body)[: 3 * MIB]
            yield body[3 * MIB : 3 * MIB + 70_000]
            yield memoryview(body)[3 * MIB + 70_000 :]

        return Response(200, [], pieces(), len(body))

    booth = Booth(nursery, S3Front(dispatch))
    async with booth.connect() as stream:
        await stream.send_all(LAST)
        received = bytearray()
        while data := await stream.receive_some(50_000):
            received += data
            await trio.lowlevel.checkpoint()
    assert received.endswith(b"\r\n\r\n" + body[:1000] + body[1000:])


async def test_a_client_that_leaves_within_a_large_answer_ends_its_connection_only(nursery: trio.Nursery) -> None:
    booth = Booth(nursery, S3Front(endless))
    async with booth.connect() as stream:
        await stream.send_all(GET)
        await stream.receive_some(1)
    async with booth.connect() as stream:
        await stream.send_all(GET)
        assert (await stream.receive_some(100)).startswith(b"HTTP/1.1 200 ")
