"""One HTTP/1.1 connection, from its first byte to its last.        Floor: web.

Called by: Hypercorn, in place of its TCPServer.

Law: one task per connection, the application awaited inline; whatever happens in it ends at most this connection.
Source: the interface of `hypercorn.trio.tcp_server.TCPServer` 0.18.0.
"""

import os
from collections.abc import Awaitable, Callable, Generator
from typing import Any
from urllib.parse import unquote

import structlog
import trio

from mys3d.web.direct import Stream
from mys3d.web.exchange import INTO_PLACE, Exchange
from mys3d.web.front_config import FrontConfig
from mys3d.web.head import BadHead, Head, parse_head
from mys3d.web.lobby import Guest
from mys3d.web.refusal import refusal
from mys3d.web.wire import Address, Wire

log = structlog.get_logger("mys3d.web")

App = Callable[..., Awaitable[None]]


class Connection:
    """Serves one stream; Hypercorn makes it and awaits it."""

    def __init__(self, app: App, config: FrontConfig, context: object, state: object, stream: Stream) -> None:
        self._app = app
        self._config = config
        self._ours = context, state  # Hypercorn's, for connections that come in with this one
        self._stream = stream
        self._guest = Guest()
        self._wire = Wire(stream, self._guest, config.lobby)

    def __await__(self) -> Generator[Any, None, None]:
        self._bring_in_others()
        return self.run().__await__()

    def _bring_in_others(self) -> None:
        nursery = trio.lowlevel.current_task().parent_nursery
        assert nursery is not None, "Hypercorn serves each connection in a task of its own"
        for stream in self._config.arrivals.take():
            nursery.start_soon(Connection(self._app, self._config, *self._ours, stream).run)

    async def run(self) -> None:
        try:
            is_served = self._config.lobby.enter(self._guest)
            with self._guest.scope:
                await (self._converse() if is_served else self._turn_away())
        except Exception as error:
            self._wire.reset()
            if not is_departure(error):
                log.exception("a connection failed")
        except BaseExceptionGroup as group:
            # A cancelled application may fail as well: the node is told of its cancellation only.
            cancelled, others = group.split(trio.Cancelled)
            if cancelled is None or (others is not None and not isinstance(others, ExceptionGroup)):
                raise
            self._wire.reset()
            log.exception("a connection failed while it was cancelled")
            raise cancelled from None
        finally:
            self._config.lobby.leave(self._guest)
            await trio.aclose_forcefully(self._stream)

    async def _converse(self) -> None:
        wire = self._wire
        await wire.handshake()
        client, server = wire.addresses()
        scheme = "http" if isinstance(self._stream, trio.SocketStream) else "https"
        while True:
            try:
                data = await wire.head()
                if not data:
                    return
                head = parse_head(data)
            except BadHead as error:
                await self._refuse(error)
                return
            if not await self._answer(head, asgi_scope(head, scheme, client, server)):
                return

    async def _turn_away(self) -> None:
        """Say that there is no place here now; when too many have to be told, just close."""
        lobby = self._config.lobby
        if lobby.hears_refusals:
            self._guest.scope.deadline = trio.current_time() + lobby.deadlines.turn_away
            await self._wire.handshake()
            await self._refuse(BadHead("SlowDown", "This node serves as many connections as it can."))

    async def _refuse(self, error: BadHead) -> None:
        await self._wire.send(refusal(error, os.urandom(8).hex().upper()))
        await self._wire.drain()

    async def _answer(self, head: Head, scope: dict[str, Any]) -> bool:
        """Let the application answer one request; True when another may follow on this connection."""
        exchange = Exchange(self._wire, head, self._config.lobby)
        if exchange.is_known:
            scope["extensions"][INTO_PLACE] = exchange
        await self._app(scope, exchange.receive, exchange.send, trio.to_thread.run_sync, trio.from_thread.run)
        if not exchange.is_complete:
            self._wire.reset()
            log.error("a response was not completed", method=head.method, path=head.raw_path)
            return False
        if exchange.has_unread_body:
            await self._wire.drain()
            return False
        return not exchange.is_last


def is_departure(error: Exception) -> bool:
    """True when nothing happened but that the client left: that is no failure of ours."""
    if isinstance(error, ExceptionGroup):
        return error.split(trio.BrokenResourceError)[1] is None
    return isinstance(error, trio.BrokenResourceError)


def asgi_scope(head: Head, scheme: str, client: Address, server: Address) -> dict[str, Any]:
    """Describe a request to an ASGI application. `path` is lossy: keys are taken from `raw_path`."""
    raw_path = head.raw_path
    path = raw_path.decode("ascii")
    return {
        "type": "http",
        "asgi": {"spec_version": "2.3", "version": "3.0"},
        "http_version": head.http_version,
        "method": head.method,
        "scheme": scheme,
        "path": unquote(path) if "%" in path else path,
        "raw_path": raw_path,
        "query_string": head.raw_query,
        "root_path": "",
        "headers": head.headers,
        "client": client,
        "server": server,
        "state": {},
        "extensions": {},
    }
