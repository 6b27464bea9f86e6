"""S3 requests and responses between ASGI and dispatch."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import trio

from mys3d.errors import Unavailable
from mys3d.s3.message import BodySource, Request, Response

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
