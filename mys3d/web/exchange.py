"""One request and its response, seen by an ASGI application.        Floor: web. Called by: connection.

Law: the client is asked to go on (100-continue) by the first read and never before; a body is read only when asked for.
Source: ASGI specification 3.0, HTTP; RFC 9110 section 10.1.1.
"""

from typing import Any, Final

import trio

from mys3d.web.answer import Answer
from mys3d.web.head import Head
from mys3d.web.lobby import Lobby
from mys3d.web.transfer import BadFraming, Chunked, Counted, Framing
from mys3d.web.wire import Stalled, Wire

INTO_PLACE: Final = "mys3d.into_place"  # our extension of ASGI: an Exchange
CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"

Message = dict[str, Any]


class Exchange:
    """`receive` and `send` of one ASGI call."""

    __slots__ = ("_answer", "_asks", "_body", "_failure", "_is_told", "_lobby", "_wire")

    def __init__(self, wire: Wire, head: Head, lobby: Lobby) -> None:
        self._wire = wire
        self._lobby = lobby
        self._body: Framing = Chunked() if head.length is None else Counted(head.length)
        self._asks = head.expects_continue and not self._body.is_done
        self._is_told = False  # the application has seen the end of the body
        self._failure = ""
        self._answer = Answer(head.method, head.http_version, head.keeps_alive)

    async def receive(self) -> Message:
        """Return the next piece of the body; after its end, wait until the client leaves.

        An `http.disconnect` before the end of the body has a `reason`: "left", "stalled" or "malformed".
        """
        if self._is_told and not self._failure:
            await self._wire.left()
            self._failure = "left"
        data = b"" if self._body.is_done or self._failure else await self._next_piece()
        if self._failure:
            return {"type": "http.disconnect", "reason": self._failure}
        self._is_told = self._body.is_done
        return {"type": "http.request", "body": data, "more_body": not self._is_told}

    async def _next_piece(self) -> bytes:
        """Return at least one byte of the body, unless it ends or fails."""
        piece = b""
        try:
            await self._ask()
            while not piece and not self._body.is_done:
                data = await self._wire.receive()
                if not data:
                    self._failure = "left"
                    break
                piece = self._use(data)
        except trio.BrokenResourceError:
            self._failure = "left"
        except Stalled:
            self._failure = "stalled"
        except BadFraming:
            self._failure = "malformed"
        return piece

    async def _ask(self) -> None:
        """Let a client go on that waits for it."""
        if self._asks:
            self._asks = False
            if not self._wire.unread and not self._answer.has_begun:
                await self._wire.send(CONTINUE)

    @property
    def is_known(self) -> bool:
        """True when `receive_into` may be used: the length of the body is known."""
        return isinstance(self._body, Counted)

    @property
    def left(self) -> int:
        """Bytes of the body that are still to come; 0 also when that is not known."""
        return self._body.left if isinstance(self._body, Counted) else 0

    async def receive_into(self, room: memoryview) -> tuple[int, bool]:
        """Fill `room` with the next bytes of the body, never with what follows it. Returns how many, and whether more
        are to come. When they are fewer than asked for, `receive` says why."""
        assert isinstance(self._body, Counted), "only what is counted can be put in place"
        count, wanted = 0, min(len(room), self._body.left)
        try:
            await self._ask()
            count = await self._wire.receive_into(room[:wanted])
            self._body.take(count)
            if count < wanted:
                self._failure = "left"
        except trio.BrokenResourceError:
            self._failure = "left"
        except Stalled:
            self._failure = "stalled"
        self._is_told = self._body.is_done
        return count, not self._is_told

    def _use(self, data: bytes) -> bytes:
        piece, behind = self._body.feed(data)
        if behind:
            self._wire.unread = behind + self._wire.unread
        return piece

    async def send(self, message: Message) -> None:
        """Send one part of the response. Raises trio.BrokenResourceError when the client left."""
        answer = self._answer
        if message["type"] == "http.response.start":
            answer.start(message["status"], message.get("headers", ()))
            return
        if not answer.has_begun and (self._lobby.is_closing or not self._has_body_at_hand()):
            answer.keeps_alive = False
        before, body = answer.frame(message.get("body", b""), message.get("more_body", False))
        if before or len(body):
            await self._wire.send(before, body)

    def _has_body_at_hand(self) -> bool:
        """True when the whole body was read or waits in our buffer: the next request can then be found."""
        try:
            while self._wire.unread and not self._body.is_done and not self._failure:
                data, self._wire.unread = self._wire.unread, b""
                self._use(data)
        except BadFraming:
            self._failure = "malformed"
        return self._body.is_done

    @property
    def is_complete(self) -> bool:
        return self._answer.is_complete

    @property
    def is_last(self) -> bool:
        """True when no other request may follow on this connection."""
        return not self._answer.keeps_alive

    @property
    def has_unread_body(self) -> bool:
        return not self._body.is_done
