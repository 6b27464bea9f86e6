"""The two directions of one connection, each wait with its deadline.        Floor: web.

Called by: connection, exchange.

Law: reading is pulled, so a slow application slows its client; a client that does not read or write in time is cut.
Who is late in a head or in reading our answer is cut by the sweep of the lobby: nothing is left to save then. A body
that stalls is answered, so it has a scope of its own.
"""

import math
import socket
import struct
from typing import Final

import trio
from hypercorn.utils import parse_socket_addr

from mys3d import limits
from mys3d.web import direct
from mys3d.web.direct import Stream
from mys3d.web.head import END, check_beginning
from mys3d.web.lobby import Guest, Lobby

Bytes = bytes | bytearray | memoryview
Address = tuple[str, int] | tuple[str] | None

_JOIN_BYTES: Final = 64 * limits.KIB  # copying this much is cheaper than a second system call
_RESET: Final = struct.pack("ii", 1, 0)  # SO_LINGER of 0 seconds: close sends RST, which no client takes for an end


class Stalled(Exception):
    """The client sent no body byte in time."""


class Wire:
    """One connection's bytes. `unread` was received but not yet used."""

    __slots__ = ("_deadlines", "_guest", "_lobby", "_patience", "_stream", "socket", "unread")

    def __init__(self, stream: Stream, guest: Guest, lobby: Lobby) -> None:
        self._stream = stream
        self._guest = guest
        self._lobby = lobby
        self._deadlines = lobby.deadlines
        self.socket = (stream.transport_stream if isinstance(stream, trio.SSLStream) else stream).socket
        self.unread = b""
        self._patience = self._deadlines.body_stall  # seconds that the present body may still keep us waiting

    async def handshake(self) -> None:
        """Agree on TLS, when the listener has it."""
        if isinstance(self._stream, trio.SSLStream):
            self._wait(self._deadlines.handshake)
            await self._stream.do_handshake()
            self._wait_is_over()

    def _wait(self, seconds: float) -> None:
        """Begin a wait for a client that has asked for nothing yet, or not for all of it."""
        now = trio.current_time()
        self._guest.due = now + seconds
        self._lobby.waiting[self._guest] = now

    def _wait_is_over(self) -> None:
        self._guest.due = math.inf
        self._lobby.waiting.pop(self._guest, None)

    def addresses(self) -> tuple[Address, Address]:
        """Return the client's and our own. Raises trio.BrokenResourceError when the client left already."""
        sock = self.socket
        try:
            return (
                parse_socket_addr(sock.family, sock.getpeername()),
                parse_socket_addr(sock.family, sock.getsockname()),
            )
        except OSError as error:
            raise trio.BrokenResourceError from error

    async def head(self) -> bytes:
        """Return the next request head with its empty line, or b"" when the client left. Raises BadHead."""
        if self.unread:
            await trio.lowlevel.checkpoint()  # of requests that came together, each lets other connections have a turn
        data = self.unread or await self._first_bytes()
        if not data:
            return b""
        # RFC 9112 2.2: a server SHOULD ignore at least one empty line received prior to the request line.
        start = 2 if data[:2] == b"\r\n" else 0
        end = data.find(END, start)
        if end < 0:
            data, start, end = await self._rest_of_head(data)
            if end < 0:
                return b""
        stop = end + len(END)
        self.unread = data[stop:]
        self._patience = self._deadlines.body_stall
        return data[start:stop]

    async def _first_bytes(self) -> bytes:
        guest = self._guest
        guest.is_idle = True
        if self._lobby.is_closing:
            return b""
        self._wait(self._deadlines.keep_alive)
        data = await direct.receive_next(self._stream, limits.receive_bytes)
        self._wait_is_over()
        guest.is_idle = False
        return data

    async def _rest_of_head(self, data: bytes) -> tuple[bytes, int, int]:
        """Return the bytes received, where the head starts, and where its end is; -1 when the client left."""
        self._wait(self._deadlines.head)
        checked, end = 0, -1
        while end < 0:
            check_beginning(data, checked)
            checked = len(data)
            piece = await self._stream.receive_some(limits.receive_bytes)
            if not piece:
                break
            data += piece
            start = 2 if data[:2] == b"\r\n" else 0
            end = data.find(END, max(start, checked + 1 - len(END)))
        self._wait_is_over()
        return data, 2 if data[:2] == b"\r\n" else 0, end

    async def receive(self, bytes_max: int = limits.receive_bytes) -> bytes:
        """Return the next bytes of a body; b"" when the client left. Raises Stalled.

        A client may keep us waiting for `body_stall` at most, all waits together; what it sends gains it time again, at
        `body_pace` and up to that. So one byte now and then does not keep a body alive.
        """
        if self.unread:
            data, self.unread = self.unread[:bytes_max], self.unread[bytes_max:]
            return data
        before = trio.current_time()
        with trio.move_on_at(before + self._patience):
            data = bytes(await self._stream.receive_some(bytes_max))
            self._has_sent(len(data), trio.current_time() - before)
            return data
        raise Stalled

    def _has_sent(self, count: int, waited: float) -> None:
        gained = count / self._deadlines.body_pace - waited
        self._patience = min(self._patience + gained, self._deadlines.body_stall)

    async def receive_into(self, room: memoryview) -> int:
        """Fill `room` with the next bytes of a body; return how many there were before the client left. Raises Stalled.

        One turn for all of it: 64 KiB at a time through every room above cost 25 us each.
        """
        filled = min(len(self.unread), len(room))
        room[:filled], self.unread = self.unread[:filled], self.unread[filled:]
        while filled < len(room):
            count = direct.take_now(self._stream, room[filled:])
            if count is not None:
                self._has_sent(count, 0.0)
            else:
                data = await self.receive(min(len(room) - filled, limits.receive_bytes))
                count = len(data)
                room[filled : filled + count] = data
            if count == 0:
                break
            filled += count
        return filled

    async def send(self, head: bytes, body: Bytes = b"") -> None:
        """Send both, in one system call when they are small. Raises trio.BrokenResourceError when the client left."""
        size = memoryview(body).nbytes
        guest = self._guest
        guest.due = trio.current_time() + self._deadlines.write_stall
        if size <= _JOIN_BYTES:
            await direct.send_small(self._stream, b"".join((head, body)) if size else head)
        else:
            await self._send_large(head, memoryview(body))
        guest.due = math.inf

    async def _send_large(self, head: bytes, body: memoryview) -> None:
        """Send a little at a time, so that the deadline is one of standing still, and others have their turn."""
        for start in range(0, len(body), limits.read_piece_bytes):
            self._guest.due = trio.current_time() + self._deadlines.write_stall
            piece = body[start : start + limits.read_piece_bytes]
            sent = direct.give_now(self._stream, [head, piece] if head else [piece])
            if sent < len(head):
                await self._stream.send_all(head[sent:])
            rest = piece[max(0, sent - len(head)) :]
            if rest:
                await self._stream.send_all(rest)
            else:
                await trio.lowlevel.checkpoint()
            head = b""

    async def left(self) -> None:
        """Wait until the client leaves. One that sends its next request meanwhile is not noticed leaving."""
        if isinstance(self._stream, trio.SocketStream) and not self.unread:
            try:
                if not await self._stream.socket.recv(1, socket.MSG_PEEK):
                    return
            except OSError:
                return
        await trio.sleep_forever()

    async def drain(self) -> None:
        """Let a refused client read its answer: end our side, then swallow a bounded part of what it still sends."""
        self.unread = b""
        left = limits.drain_bytes_max
        with trio.move_on_after(self._deadlines.drain):
            if isinstance(self._stream, trio.SocketStream):
                await self._stream.send_eof()
            while left > 0:
                data = await self._stream.receive_some(limits.receive_bytes)
                if not data:
                    return
                left -= len(data)
            await trio.sleep_forever()  # closing now would reset the connection before the answer is read

    def reset(self) -> None:
        """Make the coming close visible as a failure: the client must not take what it has for the whole."""
        try:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        except OSError:
            return  # closed already: the client knows
