"""One connection after the other with an application, on socket pairs: as on a listener, without its port."""

import contextlib
import socket
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import trio
from hypercorn.app_wrappers import ASGIWrapper

from mys3d.web.connection import Connection
from mys3d.web.deadlines import Deadlines
from mys3d.web.front_config import FrontConfig


class Booth:
    """Serves each connection in `nursery`, where `lobby.keep` has to run for deadlines to be kept."""

    def __init__(
        self, nursery: trio.Nursery, app: Callable[..., Any], connections_max: int = 100, **deadlines: float
    ) -> None:
        self.config = FrontConfig("127.0.0.1:0", replace(Deadlines(), **deadlines), None, connections_max)
        self.lobby = self.config.lobby
        self._app = ASGIWrapper(app)  # type: ignore[arg-type]  # an ASGI application, as Hypercorn wraps it
        self._nursery = nursery

    def connect(self, app: Callable[..., Any] | None = None) -> trio.SocketStream:
        """Return the client's end of a new connection; `app` may stand before the application on it."""
        ours, theirs = (trio.SocketStream(trio.socket.from_stdlib_socket(end)) for end in socket.socketpair())
        served = self._app if app is None else ASGIWrapper(app)  # type: ignore[arg-type]  # as above
        connection = Connection(served, self.config, None, None, ours)
        self._nursery.start_soon(connection.run)
        return theirs

    async def talk(self, *pieces: bytes) -> bytes:
        """Say all `pieces` and nothing more; return what is answered until the connection is closed."""
        async with self.connect() as stream:
            with contextlib.suppress(trio.BrokenResourceError):
                for piece in pieces:
                    await stream.send_all(piece)
                    await trio.testing.wait_all_tasks_blocked()
                await stream.send_eof()
            return await read_all(stream)


async def read_all(stream: trio.SocketStream) -> bytes:
    received = bytearray()
    with contextlib.suppress(trio.BrokenResourceError):  # a reset: what came before it is what we have
        while data := await stream.receive_some(65536):
            received += data
    return bytes(received)
