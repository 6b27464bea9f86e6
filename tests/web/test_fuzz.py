"""Random and mutated byte streams: every connection ends, every answer is HTTP, and nobody reads requests otherwise.

`make fuzz-http` sends 200,000 of them to a real store and the admin API. A stream follows from its seed and number.
"""

import contextlib
import gc
import logging
import os
import random
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio
from structlog.testing import capture_logs

from mys3d.operations.dispatch import dispatch
from mys3d.web.admin import AdminCalls
from mys3d.web.app import admin_app, s3_app
from mys3d.web.connection import Connection
from mys3d.web.exchange import Exchange
from mys3d.web.health import Health, Verdict
from mys3d.web.wire import Wire
from tests.operations.conftest import Client, open_store, sign_at_now
from tests.web.booth import Booth, read_all
from tests.web.judging import Heard, check_answers, check_readings
from tests.web.streams import Said, said

SEED = int(os.environ.get("MYS3D_FUZZ_HTTP_SEED") or 20261127)
COUNT = int(os.environ.get("MYS3D_FUZZ_HTTP_COUNT") or 200_000)
TOKEN = "a" * 64
BATCH = 40  # connections at a time
STORE = 4_000  # streams to one store
ADMIN_EVERY = 10

HOST = b"Host: localhost:9000\r\n"
CHUNKS = b"3;a=b\r\nhel\r\n2\r\nlo\r\n0\r\nX: y\r\n\r\n"
UNSIGNED = [
    b"GET /open/k HTTP/1.1\r\n" + HOST + b"\r\n",
    b"GET /open/large HTTP/1.1\r\n" + HOST + b"Range: bytes=1-9\r\n\r\n",
    b"HEAD /open/large HTTP/1.1\r\n" + HOST + b"\r\n",
    b"GET /open?list-type=2 HTTP/1.1\r\n" + HOST + b"\r\n",
    b"PUT /open/k HTTP/1.1\r\n" + HOST + b"Content-Length: 5\r\n\r\nhello",
    b"PUT /open/k HTTP/1.1\r\n" + HOST + b"Expect: 100-continue\r\nContent-Length: 5\r\n\r\nhello",
    b"PUT /open/k HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n" + CHUNKS,
    b"PUT /open/b HTTP/1.1\r\n" + HOST + b"Content-Length: 70000\r\n\r\n" + b"b" * 70_000,
    b"DELETE /open/k HTTP/1.1\r\n" + HOST + b"\r\n",
    b"GET /open/k HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    b"OPTIONS /open/k HTTP/1.1\r\n" + HOST + b"Origin: http://x\r\nAccess-Control-Request-Method: PUT\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\n" + HOST + b"\r\n",
    b"GET http://localhost:9000/open/k HTTP/1.1\r\n" + HOST + b"Upgrade: h2c\r\nConnection: Upgrade\r\n\r\n",
    b"GET / HTTP/1.1\r\n" + HOST + b"Accept: text/html\r\n\r\n",
    b"GET /_mys3d/health/ready HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n",
    b"POST /open HTTP/1.1\r\n" + HOST + b"Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 103\r\n\r\n"
    b'--x\r\nContent-Disposition: form-data; name="key"\r\n\r\nf\r\n'
    b'--x\r\nContent-Disposition: form-data; name="file"\r\n\r\n\r\n--x--',
]  # fmt: skip
ADMIN = [
    b"GET /_mys3d/api/v1/status HTTP/1.1\r\n" + HOST + b"Authorization: Bearer " + TOKEN.encode() + b"\r\n\r\n",
    b"POST /_mys3d/api/v1/token HTTP/1.1\r\n" + HOST + b"Authorization: Bearer " + TOKEN.encode() + b"\r\n"
    b"Content-Length: 2\r\n\r\n{}",
    b"GET /_mys3d/health/live HTTP/1.1\r\n" + HOST + b"\r\n",
    b"GET / HTTP/1.1\r\n" + HOST + b"\r\n",
]  # fmt: skip


def on_wire(client: Client, method: str, url: str, body: bytes = b"", headers: dict[str, str] | None = None) -> bytes:
    """A signed request as bytes."""
    request = client.signed(method, url, body, headers)
    lines = b"".join(b"%b: %b\r\n" % pair for pair in request.headers)
    return f"{method} {url} HTTP/1.1\r\n".encode() + lines + b"\r\n" + body


def signed(client: Client) -> list[bytes]:
    trailer = {
        "x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        "x-amz-decoded-content-length": "5",
        "Content-Encoding": "aws-chunked",
        "x-amz-trailer": "x-amz-checksum-crc32",
    }
    framed = b"5\r\nhello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n"
    delete = b"<Delete><Object><Key>k</Key></Object><Object><Key>l</Key></Object></Delete>"
    return [
        on_wire(client, "GET", "/"),
        on_wire(client, "GET", "/open?list-type=2&max-keys=2"),
        on_wire(client, "PUT", "/open/k", b"hello", {"x-amz-content-sha256": "UNSIGNED-PAYLOAD"}),
        on_wire(client, "PUT", "/open/k", framed, {**trailer, "Content-Length": str(len(framed))}),
        on_wire(client, "POST", "/open?delete", delete, {"x-amz-content-sha256": "UNSIGNED-PAYLOAD"}),
        on_wire(client, "POST", "/open/k?uploads"),
        on_wire(client, "GET", "/open/k?tagging"),
    ]


async def well() -> Verdict:
    return Verdict(True)


async def status() -> object:
    return {"format": 1}


class Recorder:
    """Stands before an application and remembers what it saw on one connection."""

    def __init__(self, app: Callable[..., Any]) -> None:
        self._app = app
        self.heard: list[Heard] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        target = scope["raw_path"] + b"?" + scope["query_string"]
        heard = Heard(scope["method"], target, scope["http_version"], list(scope["headers"]))
        self.heard.append(heard)

        async def listen() -> Any:
            message = await receive()
            if message["type"] == "http.request":
                heard.body += message["body"]
                heard.is_whole = not message["more_body"]
            return message

        await self._app(scope, listen, send)


class Places:
    """A store with a public bucket and the admin API, each at a booth, and good requests to both."""

    def __init__(self, nursery: trio.Nursery, client: Client) -> None:
        health = Health(well, well, well)
        self.s3 = s3_app(partial(dispatch, client.services), health, 9001)
        self.admin = admin_app(AdminCalls(status, status), TOKEN, health)
        self.s3_booth, self.admin_booth = Booth(nursery, self.s3), Booth(nursery, self.admin)
        self.good = UNSIGNED + signed(client)

    async def converse(self, number: int, compared: list[int]) -> None:
        """One stream, judged. Raises what is wrong with it, with the stream."""
        chance = random.Random(f"{SEED}/{number}")
        is_admin = number % ADMIN_EVERY == 0
        words = said(chance, ADMIN if is_admin else self.good)
        recorder = Recorder(self.admin if is_admin else self.s3)
        stream = (self.admin_booth if is_admin else self.s3_booth).connect(recorder)
        try:
            answer = await speak(stream, words)
            check_answers(answer, recorder.heard, is_cut=words.ending in ("leave", "peek"))
            compared.append(check_readings(words.data, recorder.heard))
        except Exception as error:
            raise AssertionError(f"stream {number} of seed {SEED}: {words}") from error


async def speak(stream: trio.SocketStream, words: Said) -> bytes:
    async with stream:
        with contextlib.suppress(trio.BrokenResourceError):
            for piece, pause in zip(words.pieces, words.pauses, strict=True):
                if pause:
                    await trio.sleep(pause)
                await stream.send_all(piece)
            if words.ending == "listen":
                await stream.send_eof()
        if words.ending == "leave":
            return b""
        if words.ending == "peek":
            with trio.move_on_after(1), contextlib.suppress(trio.BrokenResourceError):
                return bytes(await stream.receive_some(10))
            return b""
        return await read_all(stream)


async def make_places(nursery: trio.Nursery) -> Places:
    client = await open_store(nursery)
    await client("PUT", "/open", headers={"x-amz-acl": "public-read-write"})
    await client("PUT", "/open/large", b"large" * 20_000)
    places = Places(nursery, client)
    nursery.start_soon(places.s3_booth.lobby.keep)
    nursery.start_soon(places.admin_booth.lobby.keep)
    return places


@contextlib.contextmanager
def no_complaints() -> Iterator[None]:
    """Nothing is logged as an error, by us or by Quart."""
    records: list[logging.LogRecord] = []
    handler = logging.Handler(logging.ERROR)
    handler.emit = records.append  # type: ignore[method-assign]  # a list is all it takes
    logging.getLogger().addHandler(handler)
    try:
        with capture_logs() as lines:
            yield
    finally:
        logging.getLogger().removeHandler(handler)
    assert [line for line in lines if line["log_level"] in ("error", "critical")] == []
    assert [record.getMessage() for record in records] == []


def descriptors_and_tasks() -> tuple[int, int]:
    return len(os.listdir("/proc/self/fd")), trio.lowlevel.current_statistics().tasks_living


async def run_batch(places: Places, numbers: range, compared: list[int]) -> None:
    before = descriptors_and_tasks()
    with no_complaints():
        async with trio.open_nursery() as nursery:
            for number in numbers:
                nursery.start_soon(places.converse, number, compared)
        await trio.sleep(100)  # longer than any deadline
    assert places.s3_booth.lobby.is_empty, f"a connection of {numbers} did not end"
    assert places.admin_booth.lobby.is_empty, f"a connection of {numbers} did not end"
    assert descriptors_and_tasks() == before, f"a descriptor or a task of {numbers} is left"


async def run_streams(numbers: range) -> int:
    """Send all streams; return how many requests were compared with how others read them."""
    compared: list[int] = []
    before = alive_count()
    for start in range(numbers.start, numbers.stop, STORE):
        async with trio.open_nursery() as nursery:
            places = await make_places(nursery)
            stop = min(start + STORE, numbers.stop)
            for first in range(start, stop, BATCH):
                await run_batch(places, range(first, min(first + BATCH, stop)), compared)
            nursery.cancel_scope.cancel()
        del places
        assert alive_count() == before, f"connections of streams {start} to {stop} were not let go"
    return sum(compared)


def alive_count() -> int:
    """How many objects of connections there are; errors that are parameters of other tests may hold some."""
    gc.collect()
    return sum(isinstance(one, Connection | Exchange | Wire) for one in gc.get_objects())


def rss_mib() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") >> 20


async def test_no_stream_breaks_anything(monkeypatch: pytest.MonkeyPatch, autojump_clock: object) -> None:
    sign_at_now(monkeypatch)
    assert await run_streams(range(10**9, 10**9 + 800)) > 200


@pytest.mark.campaign
async def test_no_stream_of_many_breaks_anything(monkeypatch: pytest.MonkeyPatch, autojump_clock: object) -> None:
    sign_at_now(monkeypatch)
    compared = 0
    for start in range(0, COUNT, 5 * STORE):
        compared += await run_streams(range(start, min(start + 5 * STORE, COUNT)))
        print(f"{start + 5 * STORE} streams, {compared} requests read alike, {rss_mib()} MiB", flush=True)
