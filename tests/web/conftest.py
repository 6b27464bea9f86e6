"""Builders of the web room: a house of both listeners with a stand-in for S3, and raw conversations with it."""

import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
import trio

from mys3d.errors import S3Error
from mys3d.s3.message import BodySource, Request, Response
from mys3d.web.admin import AdminCalls
from mys3d.web.app import admin_app, s3_app
from mys3d.web.certificate import Certificate
from mys3d.web.deadlines import Deadlines
from mys3d.web.health import Health, Verdict
from mys3d.web.serve import Bound, serve_front
from mys3d.web.turns import Turns
from tests.web.booth import read_all

TOKEN = "a" * 64
IMPATIENT = Deadlines(
    handshake=5, keep_alive=20, head=20, body_stall=20, write_stall=20, drain=0.5, tick=0.02, graceful=5
)


def port_of(url: str) -> int:
    return int(url.rsplit(":", 1)[1])


@dataclass
class StandIn:
    """Stands for `operations.dispatch`: keeps what is put, gives it back, and remembers every request."""

    objects: dict[bytes, bytes] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)

    async def __call__(self, request: Request, body: BodySource) -> Response:
        self.requests.append(request)
        if request.method == "PUT":
            pieces = []
            try:
                while piece := await body.read():
                    pieces.append(piece)
            except S3Error as error:
                return Response(400, [], error.code.encode())
            self.objects[request.raw_path] = b"".join(pieces)
            return Response(200, [(b"etag", b'"x"')])
        if request.method == "DELETE":
            return Response(204)
        return Response(200, [], self.objects.get(request.raw_path, b"hello"))


@dataclass
class House:
    """Both listeners of a node, and the doors to them."""

    bound: Bound
    shutdown: trio.Event
    ended: trio.Event

    @property
    def s3_port(self) -> int:
        return port_of(self.bound.s3[0])

    @property
    def admin_port(self) -> int:
        return port_of(self.bound.admin[0])

    async def connect(self, port: int | None = None) -> trio.SocketStream:
        return await trio.open_tcp_stream("127.0.0.1", port or self.s3_port)

    async def talk(self, data: bytes, port: int | None = None) -> bytes:
        """Send `data`, and return everything that comes back until the server closes; a reset ends it, too."""
        async with await self.connect(port) as stream:
            with trio.fail_after(30):
                with contextlib.suppress(trio.BrokenResourceError):  # refused early: the answer may still be there
                    await stream.send_all(data)
                return await read_all(stream)

    async def is_answering(self) -> bool:
        """True when both ports serve a new connection."""
        return await self._is_live(self.s3_port) and await self.is_answering_admin()

    async def is_answering_admin(self) -> bool:
        return await self._is_live(self.admin_port)

    async def _is_live(self, port: int) -> bool:
        request = b"GET /_mys3d/health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        return (await self.talk(request, port)).startswith(b"HTTP/1.1 200 ")


async def _well() -> Verdict:
    return Verdict(True)


async def _status() -> object:
    return {"format": 1}


async def _token() -> object:
    return {"token": "MYS1.x", "expires_at": 1}


OpenHouse = Callable[..., Awaitable[House]]


@pytest.fixture
async def open_house(nursery: trio.Nursery) -> OpenHouse:
    """Start both listeners on free ports: `await open_house(dispatch, head=0.1)` shortens a deadline."""

    async def open_it(
        dispatch: Any = None,
        health: Health | None = None,
        calls: AdminCalls | None = None,
        certificate: Certificate | None = None,
        domains: tuple[str, ...] = (),
        connections_max: int | None = None,
        turns: Turns | None = None,
        **deadlines: float,
    ) -> House:
        shutdown, ended = trio.Event(), trio.Event()
        checks = health or Health(_well, _well, _well)
        front = s3_app(dispatch or StandIn(), checks, 9001, domains, turns)
        if certificate is not None:
            certificate.check()
        admin = admin_app(calls or AdminCalls(_status, _token), TOKEN, checks)

        async def run(task_status: trio.TaskStatus[Bound]) -> None:
            await serve_front(
                front,
                "127.0.0.1:0",
                admin,
                "127.0.0.1:0",
                shutdown=shutdown,
                certificate=certificate,
                deadlines=replace(IMPATIENT, **deadlines),
                connections_max=connections_max,
                task_status=task_status,
            )
            ended.set()

        return House(await nursery.start(run), shutdown, ended)

    return open_it


@pytest.fixture
def stand_in() -> StandIn:
    return StandIn()


@pytest.fixture
def reading() -> Callable[[trio.SocketStream], Awaitable[bytes]]:
    """Read a connection to its end."""
    return read_all


@pytest.fixture
def token() -> str:
    return TOKEN
