"""Who answers which request, and how large a body Quart ever sees."""

from typing import Any

import pytest

from mys3d import limits

GET = b"GET %b HTTP/1.1\r\nHost: node.example:9000\r\n%bConnection: close\r\n\r\n"
HTML = b"Accept: text/html,*/*;q=0.8\r\n"


async def test_a_browser_at_the_root_is_sent_to_the_console(open_house: Any, stand_in: Any) -> None:
    house = await open_house(stand_in)
    answer = await house.talk(GET % (b"/", HTML))
    assert answer.startswith(b"HTTP/1.1 302 ")
    assert b"location: http://node.example:9001/\r\n" in answer.lower()
    assert stand_in.requests == []


@pytest.mark.parametrize(("path", "headers"), [
    (b"/", b""),
    (b"/", HTML + b"Authorization: AWS4-HMAC-SHA256 x\r\n"),
    (b"/?max-buckets=1", HTML),
    (b"/b", HTML),
    (b"/_mys3d", b""),
    (b"//_mys3d/health/live", b""),
    (b"/b/_mys3d/health/live", b""),
])  # fmt: skip
async def test_everything_else_on_the_s3_port_is_s3(
    open_house: Any, stand_in: Any, path: bytes, headers: bytes
) -> None:
    house = await open_house(stand_in)
    assert (await house.talk(GET % (path, headers))).endswith(b"hello")
    assert len(stand_in.requests) == 1


@pytest.mark.parametrize("path", [b"/", b"/_mys3d/health/live"])
async def test_every_path_of_a_bucket_that_the_host_names_is_s3(open_house: Any, stand_in: Any, path: bytes) -> None:
    house = await open_house(stand_in, domains=("example",))
    assert (await house.talk(GET % (path, HTML))).endswith(b"hello")
    assert len(stand_in.requests) == 1


async def test_own_paths_of_the_s3_port_are_never_s3(open_house: Any, stand_in: Any) -> None:
    house = await open_house(stand_in)
    assert (await house.talk(GET % (b"/_mys3d/nothing", b""))).startswith(b"HTTP/1.1 404 ")
    options = b"OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    assert (await house.talk(options)).startswith(b"HTTP/1.1 4")
    assert stand_in.requests == []


async def test_the_s3_port_has_no_admin_api(open_house: Any, token: str) -> None:
    house = await open_house()
    bearer = f"Authorization: Bearer {token}\r\n".encode()
    assert (await house.talk(GET % (b"/_mys3d/api/v1/status", bearer))).startswith(b"HTTP/1.1 404 ")


async def test_the_admin_port_names_the_command_line(open_house: Any) -> None:
    house = await open_house()
    answer = await house.talk(GET % (b"/", HTML), house.admin_port)
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b"mys3d status" in answer


@pytest.mark.parametrize("framing", ["length", "chunked"])
async def test_a_large_body_is_refused_before_quart(open_house: Any, framing: str) -> None:
    house = await open_house(drain=0.05, keep_alive=0.2)
    size = limits.admin_body_bytes_max + 1
    head = b"POST /_mys3d/api/v1/token HTTP/1.1\r\nHost: x\r\n"
    if framing == "length":
        data = head + b"Content-Length: %d\r\n\r\n" % size + bytes(size)
    else:
        data = head + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % (64 * size) + bytes(2 * size)
    assert (await house.talk(data, house.admin_port)).startswith(b"HTTP/1.1 413 ")
    assert await house.is_answering()


async def test_quart_keeps_the_connection_too(open_house: Any) -> None:
    house = await open_house()
    live = b"GET /_mys3d/health/live HTTP/1.1\r\nHost: x\r\n\r\n"
    answer = await house.talk(live * 3 + GET % (b"/", b""), house.admin_port)
    assert answer.count(b"HTTP/1.1 200 ") == 4
