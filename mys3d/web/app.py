"""The QuartTrio application of both ports: who answers which request.        Floor: web. Called by: serve, node.

Law: a key never meets Quart's routing, and Quart never sees a body that is larger than an admin request.
Quart reads bodies without bound and normalises paths (`/b//a`, `/b/%2F`), so S3 is told apart before it.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

import trio
from quart import Response, redirect, request
from quart_trio import QuartTrio
from werkzeug.wrappers import Response as WerkzeugResponse

from mys3d import limits
from mys3d.s3.uri import bucket_of_host
from mys3d.web.admin import AdminCalls, admin_routes
from mys3d.web.health import Health, health_routes
from mys3d.web.s3_front import Dispatch, Receive, S3Front, Scope, Send
from mys3d.web.turns import Turns

OWN_PREFIX: Final = b"/_mys3d/"  # no bucket name begins with an underscore

_TEXT: Final = "mys3d: this port is for the command line. Try `mys3d status`.\n"


class Front(QuartTrio):
    """Quart, with S3 requests taken out before it. `s3`: None on the admin port. `domains`: see s3/uri.py."""

    def __init__(self, s3: S3Front | None, domains: Sequence[str] = ()) -> None:
        super().__init__("mys3d.web", static_folder=None)
        self._s3 = s3
        self._domains = domains
        self.config.update(MAX_CONTENT_LENGTH=limits.admin_body_bytes_max, BODY_TIMEOUT=None, RESPONSE_TIMEOUT=None)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await super().__call__(scope, receive, send)
        elif self._s3 is not None and not is_own(scope, self._domains):
            await self._s3(scope, receive, send)
        else:
            body = await _read_small(receive)
            if body is None:
                await _refuse(send)
            else:
                await super().__call__(scope, _replay(body, receive), send)


def s3_app(
    dispatch: Dispatch, health: Health, console_port: int, domains: Sequence[str] = (), turns: Turns | None = None
) -> Front:
    """The application of the S3 port: objects, health, and the way to the console for a browser that comes here.

    Only objects wait for their turn: health is told while the node has more to do than it can.
    """
    app = Front(S3Front(dispatch, turns), domains)
    app.register_blueprint(health_routes(health))

    @app.get("/")
    async def to_console() -> WerkzeugResponse:
        host = request.host.rsplit(":", 1)[0] if not request.host.endswith("]") else request.host
        return redirect(f"{request.scheme}://{host}:{console_port}/")

    return app


def admin_app(calls: AdminCalls, token: str, health: Health) -> Front:
    """The application of the admin port."""
    app = Front(None)
    app.register_blueprint(health_routes(health))
    app.register_blueprint(admin_routes(calls, token))

    @app.get("/")
    async def overview() -> Response:
        return Response(_TEXT, content_type="text/plain; charset=utf-8")

    return app


def is_own(scope: Scope, domains: Sequence[str] = ()) -> bool:
    """True when a request on the S3 port is not S3: our own paths, a browser at the root, and targets like "*"."""
    path = scope["raw_path"]
    if domains and bucket_of_host(_host(scope["headers"]), domains):
        return False  # the whole path is a key
    if path.startswith(OWN_PREFIX) or path[:1] != b"/":
        return True
    return path == b"/" and scope["method"] == "GET" and not scope["query_string"] and _is_browser(scope["headers"])


def _host(headers: list[tuple[bytes, bytes]]) -> str:
    return next((value.decode("latin-1") for name, value in headers if name == b"host"), "")


def _is_browser(headers: list[tuple[bytes, bytes]]) -> bool:
    accepts_html = any(name == b"accept" and b"text/html" in value for name, value in headers)
    return accepts_html and not any(name == b"authorization" for name, _ in headers)


async def _read_small(receive: Receive) -> bytes | None:
    """Return the whole body, or None when it is too large or did not arrive."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request" or len(body) + len(message["body"]) > limits.admin_body_bytes_max:
            return None
        body += message["body"]
        if not message["more_body"]:
            return bytes(body)


def _replay(body: bytes, receive: Receive) -> Callable[[], Awaitable[Any]]:
    """Give Quart the body at once; after it, what `receive` says."""
    pending: list[dict[str, Any]] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replayed() -> Any:
        if pending:
            await trio.lowlevel.checkpoint()
            return pending.pop()
        return await receive()

    return replayed


async def _refuse(send: Send) -> None:
    text = b"a request to this path has a body of at most %d bytes\n" % limits.admin_body_bytes_max
    await send({"type": "http.response.start", "status": 413, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": text})
