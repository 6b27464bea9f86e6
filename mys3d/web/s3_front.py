"""From an ASGI request to an S3 request, and back.        Floor: web. Called by: app.

Law: the target and the headers go on as the bytes that arrived; a body goes through piece by piece, never as a whole.
"""

import os
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from mys3d.errors import S3Error
from mys3d.s3.message import BodySource, Request, Response

Dispatch = Callable[[Request, BodySource], Awaitable[Response]]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


class ReceivedBody:
    """The body of one request, as `BodySource` promises it."""

    __slots__ = ("_failure", "_has_ended", "_receive")

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._has_ended = False
        self._failure: S3Error | None = None

    async def read(self) -> bytes:
        """Return the next piece, or b"" at the end. Raises S3Error: IncompleteBody, RequestTimeout."""
        if self._failure is not None:
            raise self._failure
        if self._has_ended:
            return b""
        message = await self._receive()
        if message["type"] == "http.disconnect":
            self._failure = S3Error("RequestTimeout" if message.get("reason") == "stalled" else "IncompleteBody")
            raise self._failure
        self._has_ended = not message["more_body"]
        piece: bytes = message["body"]
        assert piece or self._has_ended, "a piece of a body that goes on is not empty"
        return piece


class S3Front:
    """The ASGI application of S3: asks `dispatch` for the response to every request."""

    def __init__(self, dispatch: Dispatch) -> None:
        self._dispatch = dispatch

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        client = scope["client"]
        request = Request(
            method=scope["method"],
            raw_path=scope["raw_path"],
            raw_query=scope["query_string"],
            headers=tuple(scope["headers"]),
            scheme=scope["scheme"],
            remote=client[0] if client else "",
            id=os.urandom(8).hex().upper(),
        )
        response = await self._dispatch(request, ReceivedBody(receive))
        await send_response(response, send, to_head=request.method == "HEAD")


async def send_response(response: Response, send: Send, *, to_head: bool) -> None:
    """Send the whole response. What a streamed body raises goes on to the caller, who breaks the connection."""
    body = response.body
    length = len(body) if isinstance(body, bytes) and (body or response.length is None) else response.length
    assert length is not None, "a streamed body declares its length"
    headers = response.headers
    # To HEAD, an answer without a known length has no Content-Length: 0 would be a statement about the object.
    if response.length is not None or body or not to_head:
        headers = [*headers, (b"content-length", b"%d" % length)]
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    if isinstance(body, bytes) or to_head:
        await send({"type": "http.response.body", "body": b"" if to_head else body})
        await _close(body)
        return
    left = length
    try:
        if left == 0:
            await send({"type": "http.response.body"})
        async for piece in body:
            left -= len(piece)
            await send({"type": "http.response.body", "body": piece, "more_body": left > 0})
    finally:
        await _close(body)
    assert left <= 0, f"a streamed body of {length} bytes ended {left} bytes early"


async def _close(body: object) -> None:
    """Let an unfinished generator release what it holds."""
    close = getattr(body, "aclose", None)
    if close is not None:
        await close()
