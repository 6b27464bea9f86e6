"""Chunks that promise more than their body holds."""

from typing import Any

import pytest
import trio

from mys3d import limits
from mys3d.engine.budget import BufferBudget
from mys3d.engine.intake import Intake
from mys3d.errors import S3Error
from mys3d.operations.payload import Payload
from mys3d.s3 import promises
from mys3d.s3.message import BodySource, Request, Response

FRAMED = b"400000\r\n" + bytes(140_000)
GET = b"GET /b/k HTTP/1.1\r\nHost: x\r\nX-Pad: " + b"x" * 4_000 + b"\r\n\r\n"
LAST = b"GET /b/k HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


def put(body: bytes, promised: int) -> bytes:
    head = (
        b"PUT /b/k HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n"
        b"x-amz-content-sha256: STREAMING-UNSIGNED-PAYLOAD-TRAILER\r\nx-amz-decoded-content-length: %d\r\n\r\n"
    )
    return head % (len(body), promised) + body


@pytest.fixture
async def house(open_house: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Takes in bodies as the engine does, into one buffer each."""

    async def dispatch(request: Request, body: BodySource) -> Response:
        if request.method == "GET":
            return Response(200, [], b"got")
        headers = {name.decode(): value.decode() for name, value in request.headers}
        source = Payload(body, promises.read(headers))
        intake = Intake(None, BufferBudget(), source, frozenset())  # type: ignore[arg-type]  # nothing is pushed here
        try:
            await intake.next_blob()
        except S3Error as error:
            return Response(400, [], error.code.encode())
        finally:
            intake.give_back()
        raise AssertionError("half a body was taken for a whole one")

    return await open_house(dispatch)


@pytest.mark.parametrize("body", [FRAMED, b"30d40\r\n" + bytes(993)])
@pytest.mark.parametrize("leaves", [True, False])
async def test_a_body_ends_where_its_head_says(house: Any, body: bytes, leaves: bool) -> None:
    """At once, and not when a client that waits for its answer is found to stall."""
    async with await house.connect() as stream:
        await stream.send_all(put(body, limits.blob_bytes_max))
        if leaves:
            await stream.send_eof()
        with trio.fail_after(5):
            answer = await stream.receive_some(65_536)
    assert answer.startswith(b"HTTP/1.1 400") and answer.endswith(b"IncompleteBody")


async def test_requests_behind_it_are_requests(house: Any) -> None:
    """Of a body that promises 4 MiB and holds 140 KB more than a buffer follows on the same connection."""
    count = 2 * limits.MIB // len(GET)
    answers = await house.talk(put(FRAMED, limits.blob_bytes_max) + GET * count + LAST)
    assert answers.startswith(b"HTTP/1.1 400")
    assert answers.count(b"got") == count + 1
