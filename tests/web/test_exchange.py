"""One request and its response on the wire: continue, refusal, framing."""

import socket
import struct
from typing import Any

import pytest
import trio
from structlog.testing import capture_logs
from trio.testing import wait_all_tasks_blocked

from mys3d.errors import S3Error
from mys3d.s3.message import BodySource, KnownBody, Request, Response
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


class Filling:
    """Stands for `operations.dispatch`: puts bodies into room of so many bytes at a time, and keeps them."""

    def __init__(self, step: int, first_reads: int = 0) -> None:
        self.step, self.first_reads, self.bodies, self.codes = step, first_reads, [], []

    async def __call__(self, request: Request, body: BodySource) -> Response:
        left = int(request.header(b"content-length") or 0)
        if left == 0:
            return Response(200, [], b"last")
        assert isinstance(body, KnownBody)
        found = bytearray()
        try:
            for _ in range(self.first_reads):
                found += await body.read()
            while len(found) < left:
                room = bytearray(min(self.step, left - len(found)))
                await body.fill(memoryview(room))
                found += room
            assert await body.read() == b""
        except S3Error as error:
            self.codes.append(error.code)
            with pytest.raises(S3Error) as again:
                await body.fill(memoryview(bytearray(1)))
            return Response(400, [], again.value.code.encode())
        self.bodies.append(bytes(found))
        return Response(200, [], b"stored")


BODY = bytes(range(256)) * 4096


@pytest.mark.parametrize(("step", "first_reads"), [(1, 0), (70_000, 0), (70_000, 3), (MIB, 0), (MIB, 1)])
async def test_a_body_is_put_in_its_place_and_the_next_request_is_found(
    open_house: Any, step: int, first_reads: int
) -> None:
    filling = Filling(step, first_reads)
    house = await open_house(filling)
    body = BODY[:2000] if step == 1 else BODY
    answer = await house.talk((PUT % len(body) + b"\r\n" + body) * 2 + LAST)
    assert filling.bodies == [body, body] and answer.count(b"stored") == 2 and answer.endswith(b"last")


async def test_a_body_that_arrives_slowly_is_put_in_its_place(open_house: Any) -> None:
    filling = Filling(MIB)
    house = await open_house(filling)
    async with await house.connect() as stream:
        await stream.send_all(PUT % len(BODY) + b"\r\n")
        for start in range(0, len(BODY), 100_000):
            await trio.sleep(0.01)  # the slowness is what is tested
            await stream.send_all(BODY[start : start + 100_000])
        assert (await stream.receive_some(65536)).endswith(b"stored")
    assert filling.bodies == [BODY]


async def test_the_client_is_asked_to_go_on_by_the_first_byte_that_is_put_in_place(open_house: Any) -> None:
    filling = Filling(MIB)
    house = await open_house(filling)
    async with await house.connect() as stream:
        await stream.send_all(PUT % 3 + EXPECT + b"\r\n")
        assert await stream.receive_some(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
        await stream.send_all(b"abc")
        assert (await stream.receive_some(65536)).endswith(b"stored")
    assert filling.bodies == [b"abc"]


async def test_a_body_that_breaks_off_is_an_error_where_it_is_put_in_place(open_house: Any) -> None:
    filling = Filling(MIB)
    house = await open_house(filling)
    async with await house.connect() as stream:
        await stream.send_all(PUT % len(BODY) + b"\r\n" + BODY[:-1])
        await stream.send_eof()
        assert (await stream.receive_some(65536)).endswith(b"IncompleteBody")
    assert filling.codes == ["IncompleteBody"] and filling.bodies == []


async def test_a_client_that_resets_ends_its_own_connection_only(open_house: Any) -> None:
    house = await open_house(Filling(MIB))
    async with await house.connect() as stream:
        await stream.send_all(PUT % len(BODY) + b"\r\n" + BODY[:100])
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    assert await house.is_answering()


async def test_a_body_that_stalls_is_an_error_where_it_is_put_in_place(open_house: Any) -> None:
    filling = Filling(MIB)
    house = await open_house(filling, body_stall=0.1, drain=0.05)
    answer = await house.talk(PUT % len(BODY) + b"\r\n" + BODY[:-1])
    assert answer.endswith(b"RequestTimeout") and filling.codes == ["RequestTimeout"]


async def test_a_body_in_chunks_is_not_known(open_house: Any) -> None:
    async def dispatch(request: Request, body: BodySource) -> Response:
        return Response(200, [], str(isinstance(body, KnownBody)).encode())

    house = await open_house(dispatch)
    request = (
        b"PUT /b/k HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
    )
    assert (await house.talk(request)).endswith(b"False")
