"""One request and its response on the wire: continue, refusal, framing."""

from typing import Any

import pytest
import trio
from structlog.testing import capture_logs
from trio.testing import wait_all_tasks_blocked

from mys3d.errors import S3Error
from mys3d.s3.message import BodySource, Request, Response
from mys3d.web.s3_front import S3Front
from tests.web.booth import Booth

MIB = 1024 * 1024
PUT = b"PUT /b/k HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n"
EXPECT = b"Expect: 100-continue\r\n"
LAST = b"GET /b/k HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


async def refuse(request: Request, body: BodySource) -> Response:
    return Response(403, [], b"no")


async def test_the_client_is_asked_to_go_on_by_the_first_read(open_house: Any) -> None:
    may_read, is_called = trio.Event(), trio.Event()

    async def dispatch(request: Request, body: BodySource) -> Response:
        is_called.set()
        await may_read.wait()
        return Response(200, [], await body.read())

    house = await open_house(dispatch)
    async with await house.connect() as stream:
        await stream.send_all(PUT % 3 + EXPECT + b"\r\n")
        await is_called.wait()
        with trio.move_on_after(0.1) as silence:
            await stream.receive_some(1)
        assert silence.cancelled_caught
        may_read.set()
        assert await stream.receive_some(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
        await stream.send_all(b"abc")
        assert (await stream.receive_some(65536)).endswith(b"\r\n\r\nabc")


async def test_a_client_that_did_not_wait_is_not_asked_to_go_on(open_house: Any, stand_in: Any) -> None:
    house = await open_house(stand_in)
    answer = await house.talk(PUT % 3 + EXPECT + b"\r\nabc" + LAST)
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert stand_in.objects == {b"/b/k": b"abc"}


async def test_a_refused_client_that_waits_never_sends_its_body(open_house: Any) -> None:
    house = await open_house(refuse)
    async with await house.connect() as stream:
        await stream.send_all(PUT % (64 * MIB) + EXPECT + b"\r\n")
        answer = await stream.receive_some(65536)
        assert answer.startswith(b"HTTP/1.1 403 Forbidden\r\n")
        assert b"connection: close\r\n" in answer
        with trio.fail_after(5):
            assert await stream.receive_some(1) == b""


async def test_a_refused_client_that_sends_64_mib_reads_its_answer(open_house: Any) -> None:
    house = await open_house(refuse, drain=0.3)
    with trio.fail_after(10):
        answer = await house.talk(PUT % (64 * MIB) + b"\r\n" + bytes(64 * MIB))
    assert answer.startswith(b"HTTP/1.1 403 Forbidden\r\n")
    assert answer.endswith(b"\r\n\r\nno")
    assert await house.is_answering()


async def test_a_small_unread_body_does_not_end_the_connection(open_house: Any) -> None:
    house = await open_house(refuse)
    answer = await house.talk(PUT % 3 + b"\r\nabc" + LAST)
    assert answer.count(b"HTTP/1.1 403 Forbidden\r\n") == 2


@pytest.mark.parametrize(("data", "code"), [
    (PUT % 9 + b"\r\n1234", b"IncompleteBody"),
    (b"PUT /b/k HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n12", b"IncompleteBody"),
    (b"PUT /b/k HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n12", b"IncompleteBody"),
])  # fmt: skip
async def test_a_body_that_breaks_off_is_an_error_each_time_it_is_read(
    open_house: Any, data: bytes, code: bytes
) -> None:
    async def dispatch(request: Request, body: BodySource) -> Response:
        codes = []
        while len(codes) < 2:
            try:
                assert await body.read()
            except S3Error as error:
                codes.append(error.code.encode())
        return Response(400, [], b"|".join(codes))

    house = await open_house(dispatch, drain=0.05)
    async with await house.connect() as stream:
        await stream.send_all(data)
        await stream.send_eof()
        assert (await stream.receive_some(65536)).endswith(b"\r\n\r\n" + code + b"|" + code)


@pytest.mark.parametrize("expect", [b"", EXPECT], ids=["in its body", "before it is asked to go on"])
async def test_a_client_that_resets_has_left_and_is_no_fault_of_ours(
    nursery: trio.Nursery, autojump_clock: object, expect: bytes
) -> None:
    codes: list[str] = []
    may_read = trio.Event()

    async def dispatch(request: Request, body: BodySource) -> Response:
        if request.method == "GET":
            return Response(200)
        await may_read.wait()
        try:
            while await body.read():
                continue
        except S3Error as error:
            codes.append(error.code)
        return Response(400)

    booth = Booth(nursery, S3Front(dispatch))
    with capture_logs() as lines:
        async with booth.connect() as stream:  # closing it with an answer that was not read is a reset
            await stream.send_all(
                b"GET /b/k HTTP/1.1\r\nHost: x\r\n\r\n" + PUT % 9 + expect + b"\r\n" + (b"" if expect else b"1")
            )
            await wait_all_tasks_blocked()
        may_read.set()
        await wait_all_tasks_blocked()
    assert codes == ["IncompleteBody"]
    assert lines == []
    assert booth.lobby.is_empty


async def test_a_chunked_body_is_read_whole_and_the_next_request_found(open_house: Any, stand_in: Any) -> None:
    house = await open_house(stand_in)
    chunks = b"".join(b"%x\r\n%b\r\n" % (n, b"x" * n) for n in (1, 70_000, 3)) + b"0\r\nX-Trailer: a\r\n\r\n"
    answer = await house.talk(b"PUT /b/k HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks + LAST)
    assert stand_in.objects == {b"/b/k": b"x" * 70_004}
    assert answer.endswith(b"x" * 70_004)


async def test_head_204_and_304_have_no_body_and_the_connection_goes_on(open_house: Any) -> None:
    async def dispatch(request: Request, body: BodySource) -> Response:
        if request.method == "HEAD":
            return Response(200, [], b"", 12345)
        return Response(204) if request.method == "DELETE" else Response(304)

    house = await open_house(dispatch)
    request = b"%b /b/k HTTP/1.1\r\nHost: x\r\n\r\n"
    answer = await house.talk(request % b"HEAD" + request % b"DELETE" + LAST)
    head, deleted, unchanged = answer.split(b"HTTP/1.1 ")[1:]
    assert head.startswith(b"200 OK")
    assert b"content-length: 12345\r\n" in head
    assert b"content-length" not in deleted
    assert [part[-4:] for part in (head, deleted, unchanged)] == [b"\r\n\r\n"] * 3
