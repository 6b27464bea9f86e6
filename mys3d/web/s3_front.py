"""From an ASGI request to an S3 request, and back.        Floor: web. Called by: app.

Law: the target and the headers go on as the bytes that arrived; a body goes through piece by piece, never as a whole.
"""

import os
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final, Protocol

from mys3d import limits
from mys3d.errors import S3Error, Unavailable
from mys3d.s3.message import BodySource, KnownBody, Request, Response
from mys3d.web.complaint import Complaint
from mys3d.web.exchange import INTO_PLACE
from mys3d.web.refusal import slow_down
from mys3d.web.turns import Turn, Turns

Dispatch = Callable[[Request, BodySource], Awaitable[Response]]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


class InPlace(Protocol):
    """Where a body of known length comes from."""

    @property
    def left(self) -> int:
        """Bytes that are still to come."""
        ...

    async def receive_into(self, room: memoryview, /) -> tuple[int, bool]:
        """Fill `room` with the next of them. Returns how many, and whether more are to come."""
        ...


class ReceivedBody:
    """The body of one request, as `BodySource` promises it."""

    __slots__ = ("_failure", "_has_ended", "_receive", "_size", "_turn")

    def __init__(self, receive: Receive, turn: Turn) -> None:
        self._receive = receive
        self._turn = turn
        self._size = 0
        self._has_ended = False
        self._failure = ""  # the code of what went wrong: an error that is kept would keep the buffers of its frames

    async def read(self) -> bytes:
        """Return the next piece, or b"" at the end. Raises S3Error: IncompleteBody, RequestTimeout."""
        if self._failure:
            raise S3Error(self._failure)
        if self._has_ended:
            return b""
        message = await self._receive()
        if message["type"] == "http.disconnect":
            self._failure = "RequestTimeout" if message.get("reason") == "stalled" else "IncompleteBody"
            raise S3Error(self._failure)
        self._has_ended = not message["more_body"]
        piece: bytes = message["body"]
        assert piece or self._has_ended, "a piece of a body that goes on is not empty"
        self._grow(len(piece))
        return piece

    def _grow(self, count: int) -> None:
        self._size += count
        if self._size >= limits.transfer_bytes_min:
            self._turn.step_aside()


class CountedBody(ReceivedBody, KnownBody):
    """The body of a request that tells its length, as `KnownBody` promises it."""

    __slots__ = ("_place",)

    def __init__(self, receive: Receive, turn: Turn, place: InPlace) -> None:
        super().__init__(receive, turn)
        self._place = place

    @property
    def left(self) -> int:
        return 0 if self._has_ended else self._place.left

    async def fill(self, room: memoryview) -> None:
        """Raises S3Error: IncompleteBody, RequestTimeout."""
        assert not self._has_ended, "a body that has ended fills nothing"
        if self._failure:
            raise S3Error(self._failure)
        count, has_more = await self._place.receive_into(room)
        self._has_ended = not has_more
        self._grow(count)
        if count < len(room):
            await self.read()  # raises what went wrong
            raise AssertionError(f"{count} of {len(room)} bytes came, and nothing went wrong")


class S3Front:
    """The ASGI application of S3: asks `dispatch` for the response to every request whose turn it is."""

    def __init__(self, dispatch: Dispatch, turns: Turns | None = None) -> None:
        self._dispatch: Final = dispatch
        self._turns: Final = turns or Turns()
        self._busy: Final = Complaint("requests waited for their turn in vain")

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
        if not self._turns.take_now():
            try:
                await self._turns.take(request.remote)
            except Unavailable:
                self._busy.happened()
                refusal = slow_down(request, "This node has too many requests to answer.")
                await send_response(refusal, send, to_head=request.method == "HEAD")
                return
        turn = Turn(self._turns)
        try:
            into_place = scope["extensions"].get(INTO_PLACE)
            body = ReceivedBody(receive, turn) if into_place is None else CountedBody(receive, turn, into_place)
            response = await self._dispatch(request, body)
            await send_response(response, send, to_head=request.method == "HEAD", turn=turn)
        finally:
            turn.end()


async def send_response(response: Response, send: Send, *, to_head: bool, turn: Turn | None = None) -> None:
    """Send the whole response. What a streamed body raises goes on to the caller, who breaks the connection.

    `turn` steps aside when a streamed body has more than one piece.
    """
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
            if left > 0 and turn is not None:
                turn.step_aside()
            await send({"type": "http.response.body", "body": piece, "more_body": left > 0})
    finally:
        await _close(body)
    assert left <= 0, f"a streamed body of {length} bytes ended {left} bytes early"


async def _close(body: object) -> None:
    """Let an unfinished generator release what it holds."""
    close = getattr(body, "aclose", None)
    if close is not None:
        await close()
