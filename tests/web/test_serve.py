"""Start and end of both listeners."""

from typing import Any

import trio

from mys3d.s3.message import BodySource, Request, Response

GET = b"GET /b/k HTTP/1.1\r\nHost: x\r\n\r\n"


async def test_idle_connections_are_closed_at_once_by_a_shutdown(open_house: Any) -> None:
    house = await open_house()
    async with await house.connect() as used, await house.connect() as fresh:
        await used.send_all(GET)
        await used.receive_some(65536)
        house.shutdown.set()
        with trio.fail_after(5):
            assert await used.receive_some(1) == b""
            assert await fresh.receive_some(1) == b""
            await house.ended.wait()


async def test_a_request_in_flight_is_answered_and_the_connection_closed(open_house: Any) -> None:
    started, may_end = trio.Event(), trio.Event()

    async def dispatch(request: Request, body: BodySource) -> Response:
        started.set()
        await may_end.wait()
        return Response(200, [], b"done")

    house = await open_house(dispatch)
    async with await house.connect() as stream:
        await stream.send_all(GET)
        await started.wait()
        house.shutdown.set()
        await trio.testing.wait_all_tasks_blocked()
        may_end.set()
        answer = await stream.receive_some(65536)
        assert b"connection: close\r\n" in answer
        assert answer.endswith(b"done")
        assert await stream.receive_some(1) == b""
    with trio.fail_after(5):
        await house.ended.wait()


async def test_a_request_that_never_ends_is_cancelled_after_the_grace(open_house: Any) -> None:
    async def dispatch(request: Request, body: BodySource) -> Response:
        await trio.sleep_forever()
        raise AssertionError

    house = await open_house(dispatch, graceful=0.1)
    async with await house.connect() as stream:
        await stream.send_all(GET)
        await trio.testing.wait_all_tasks_blocked(0.005)
        house.shutdown.set()
        with trio.fail_after(5):
            await house.ended.wait()


async def test_free_ports_are_told(open_house: Any) -> None:
    house = await open_house()
    assert house.s3_port != house.admin_port
    assert all(url.startswith("http://127.0.0.1:") for url in house.bound.s3 + house.bound.admin)
