"""S3 requests and responses between ASGI and dispatch."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import trio

from mys3d import limits
from mys3d.errors import S3Error, Unavailable
from mys3d.s3.message import BodySource, Request, Response
from mys3d.web.s3_front import ReceivedBody
from mys3d.web.turns import Turn, Turns

GET = b"GET %b HTTP/1.1\r\nHost: x\r\nX-A: 1\r\nx-a: \xff\r\nConnection: close\r\n\r\n"


@pytest.mark.parametrize("path", [b"/b/%2F", b"/b//a", b"//b/a", b"/b/%FF", b"/b/../a", b"/b/k/", b"/b/" + b"k" * 1024])
async def test_a_path_reaches_dispatch_as_it_was_sent(open_house: Any, stand_in: Any, path: bytes) -> None:
    house = await open_house(stand_in)
    await house.talk(GET % (path + b"?a=%2F&b"))
    (request,) = stand_in.requests
    assert (request.raw_path, request.raw_query) == (path, b"a=%2F&b")
    assert request.headers == ((b"host", b"x"), (b"x-a", b"1"), (b"x-a", b"\xff"), (b"connection", b"close"))
    assert (request.scheme, request.remote) == ("http", "127.0.0.1")


async def test_every_request_has_an_id_of_its_own(open_house: Any, stand_in: Any) -> None:
    house = await open_house(stand_in)
    await house.talk(GET % b"/b/1")
    await house.talk(GET % b"/b/2")
    first, second = (request.id for request in stand_in.requests)
    assert first != second
    assert len(first) == 16
    assert set(first) <= set("0123456789ABCDEF")


def streaming(pieces: list[bytes], length: int, closed: trio.Event, error: Exception | None = None) -> Any:
    async def dispatch(request: Request, body: BodySource) -> Response:
        async def stream() -> AsyncIterator[bytes]:
            try:
                for piece in pieces:
                    yield piece
                if error is not None:
                    raise error
            finally:
                closed.set()

        return Response(200, [], stream(), length)

    return dispatch


async def test_a_stream_is_sent_piece_by_piece(open_house: Any) -> None:
    closed = trio.Event()
    house = await open_house(streaming([b"he", b"l" * 200_000, b"o"], 200_003, closed))
    answer = await house.talk(GET % b"/b/k")
    assert b"content-length: 200003\r\n" in answer
    assert answer.endswith(b"\r\n\r\nhe" + b"l" * 200_000 + b"o")
    assert closed.is_set()


async def test_an_empty_stream_is_an_empty_body(open_house: Any) -> None:
    house = await open_house(streaming([], 0, trio.Event()))
    assert (await house.talk(GET % b"/b/k")).endswith(b"content-length: 0\r\nconnection: close\r\n\r\n")


@pytest.mark.parametrize("error", [None, Unavailable("gone"), ZeroDivisionError()])
async def test_a_stream_that_breaks_off_resets_the_connection(open_house: Any, error: Exception | None) -> None:
    house = await open_house(streaming([b"he"], 5, trio.Event(), error))
    async with await house.connect() as stream:
        await stream.send_all(GET % b"/b/k")
        with pytest.raises(trio.BrokenResourceError):  # a reset, never a clean end
            while await stream.receive_some(65536):
                continue
    assert await house.is_answering()


async def test_a_stream_is_closed_when_the_client_leaves(open_house: Any) -> None:
    closed = trio.Event()
    house = await open_house(streaming([bytes(1024 * 1024)] * 1024, 1024**3, closed))
    async with await house.connect() as stream:
        await stream.send_all(GET % b"/b/k")
        await stream.receive_some(65536)
    with trio.fail_after(5):
        await closed.wait()


async def test_head_closes_the_stream_that_it_does_not_send(open_house: Any) -> None:
    house = await open_house(streaming([b"hello"], 5, trio.Event()))
    answer = await house.talk((GET % b"/b/k").replace(b"GET", b"HEAD"))
    assert b"content-length: 5\r\n" in answer
    assert answer.endswith(b"\r\n\r\n")


async def test_a_refusal_of_head_claims_no_length(open_house: Any) -> None:
    async def dispatch(request: Request, body: BodySource) -> Response:
        return Response(404)

    house = await open_house(dispatch)
    answer = await house.talk((GET % b"/b/k").replace(b"GET", b"HEAD"))
    assert answer.startswith(b"HTTP/1.1 404 ")
    assert b"content-length" not in answer


class Slow:
    """An application that answers when it is told to."""

    def __init__(self) -> None:
        self.has_begun, self.may_end = trio.Event(), trio.Event()
        self.begun: list[bytes] = []

    async def __call__(self, request: Request, body: BodySource) -> Response:
        self.begun.append(request.raw_path)
        self.has_begun.set()
        await self.may_end.wait()
        return Response(200, [], b"done")


async def ask(house: Any, path: bytes, answers: list[bytes]) -> None:
    answers.append(await house.talk(GET % path))


async def begin(nursery: trio.Nursery, house: Any, slow: Slow) -> list[bytes]:
    """Have one request at work."""
    answers: list[bytes] = []
    nursery.start_soon(ask, house, b"/b/1", answers)
    await slow.has_begun.wait()
    return answers


async def test_a_request_waits_for_its_turn(open_house: Any) -> None:
    slow = Slow()
    house = await open_house(slow, turns=Turns(1, wait_seconds=30))
    async with trio.open_nursery() as nursery:
        answers = await begin(nursery, house, slow)
        nursery.start_soon(ask, house, b"/b/2", answers)
        await trio.testing.wait_all_tasks_blocked(0.005)
        assert slow.begun == [b"/b/1"]
        slow.may_end.set()
    assert slow.begun == [b"/b/1", b"/b/2"]
    assert all(answer.endswith(b"done") for answer in answers)


async def test_a_request_that_waits_for_too_long_is_told_to_slow_down(open_house: Any) -> None:
    slow, turns = Slow(), Turns(1, wait_seconds=0.05)
    house = await open_house(slow, turns=turns)
    async with trio.open_nursery() as nursery:
        await begin(nursery, house, slow)
        async with await house.connect() as stream:
            for method in (b"GET", b"HEAD"):  # the connection goes on
                await stream.send_all(b"%b /b/2 HTTP/1.1\r\nHost: x\r\n\r\n" % method)
                answer = await stream.receive_some(65536)
                assert answer.startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
                assert b"retry-after: 1\r\n" in answer
                assert (b"<Code>SlowDown</Code>" in answer) is (method == b"GET")
        put = b"PUT /b/2 HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n"
        assert (await house.talk(put)).startswith(b"HTTP/1.1 503 ")  # its body is not asked for
        slow.may_end.set()
    await trio.testing.wait_all_tasks_blocked(0.005)
    assert slow.begun == [b"/b/1"]
    assert turns.free_count == 1


async def test_health_waits_for_nobodys_turn(open_house: Any) -> None:
    slow = Slow()
    house = await open_house(slow, turns=Turns(1, wait_seconds=30))
    async with trio.open_nursery() as nursery:
        await begin(nursery, house, slow)
        assert await house.is_answering()
        slow.may_end.set()


@pytest.mark.parametrize("error", [None, Unavailable("gone"), ZeroDivisionError()])
async def test_a_place_is_free_again_however_a_request_ends(open_house: Any, error: Exception | None) -> None:
    turns = Turns(1)
    house = await open_house(streaming([b"he"], 5, trio.Event(), error), turns=turns)
    for _ in range(3):
        await house.talk(GET % b"/b/k")
    assert turns.free_count == 1


async def test_a_long_download_makes_place_for_others(open_house: Any) -> None:
    turns = Turns(1, wait_seconds=30)
    may_go_on = trio.Event()

    async def dispatch(request: Request, body: BodySource) -> Response:
        async def stream() -> AsyncIterator[bytes]:
            yield b"he"
            await may_go_on.wait()
            yield b"llo"

        return Response(200, [], stream(), 5) if request.raw_path == b"/b/long" else Response(200, [], b"short")

    house = await open_house(dispatch, turns=turns)
    async with await house.connect() as stream:
        await stream.send_all(GET % b"/b/long")
        assert (await stream.receive_some(65536)).endswith(b"he")
        assert (await house.talk(GET % b"/b/short")).endswith(b"short")
        may_go_on.set()
        assert await stream.receive_some(65536) == b"llo"
    await trio.testing.wait_all_tasks_blocked(0.005)
    assert (turns.free_count, turns.aside_free_count) == (1, limits.transfers_max)


async def test_a_long_upload_makes_place_for_others(open_house: Any, stand_in: Any) -> None:
    turns = Turns(1, wait_seconds=30)
    house = await open_house(stand_in, turns=turns)
    size = limits.transfer_bytes_min
    async with await house.connect() as stream:
        await stream.send_all(b"PUT /b/long HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % (size + 1))
        await stream.send_all(bytes(size))
        assert (await house.talk(GET % b"/b/short")).endswith(b"hello")
        await stream.send_all(b"x")
        assert (await stream.receive_some(65536)).startswith(b"HTTP/1.1 200 ")
    assert len(stand_in.objects[b"/b/long"]) == size + 1
    await trio.testing.wait_all_tasks_blocked(0.005)
    assert (turns.free_count, turns.aside_free_count) == (1, limits.transfers_max)


@pytest.mark.parametrize(("reason", "code"), [("left", "IncompleteBody"), ("stalled", "RequestTimeout")])
async def test_a_body_that_broke_off_keeps_nothing_of_its_reader(reason: str, code: str) -> None:
    """An error has frames, and they have buffers: a request that lives on would keep those of each that failed."""

    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect", "reason": reason}

    body, buffer = ReceivedBody(receive, Turn(Turns())), bytearray(1)

    async def take_in() -> None:
        room = memoryview(buffer)
        assert room and not await body.read()

    for _ in range(2):
        with pytest.raises(S3Error) as raised:
            await take_in()
        assert raised.value.code == code
        del raised
        buffer.append(0)  # a BufferError while there is a view of it
