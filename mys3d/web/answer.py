"""The head and the framing of one response: ASGI messages in, bytes out.        Floor: web. Called by: exchange.

Law: what is sent is exactly as long as its head says; no header can carry a second one.
Source: RFC 9112 sections 6.1, 6.3; RFC 9110 sections 6.6.1, 8.6, 15.3.5.
"""

import time
from collections.abc import Iterable
from http import HTTPStatus
from typing import Final
from wsgiref.handlers import format_date_time

Bytes = bytes | bytearray | memoryview

_STATUS_LINES: Final = {int(s): f"HTTP/1.1 {int(s)} {s.phrase}\r\n".encode() for s in HTTPStatus}
_BODILESS: Final = frozenset((204, 304))


class BadAnswer(Exception):
    """The application broke the rules of HTTP: a defect of ours, never of the client."""


class DateLine:
    """The Date header of the present second."""

    def __init__(self) -> None:
        self._second = -1
        self._line = b""

    def get(self) -> bytes:
        second = int(time.time())
        if second != self._second:
            self._second = second
            self._line = f"date: {format_date_time(second)}\r\n".encode()
        return self._line


date_line: Final = DateLine()


class Answer:
    """One response on its way. `is_complete` once its last byte was handed out."""

    __slots__ = ("_framing", "_headers", "_left", "_status", "_to_head", "_version", "is_complete", "keeps_alive")

    def __init__(self, method: str, http_version: str, keeps_alive: bool) -> None:
        self._to_head = method == "HEAD"
        self._version = http_version
        self._status = 0
        self._headers: list[tuple[bytes, bytes]] | None = None  # None: no head is waiting to be sent
        self._framing = ""  # "length", "chunked", "close" or "none"; empty before the head is sent
        self._left = 0  # bytes still to come, when framed by length
        self.keeps_alive = keeps_alive
        self.is_complete = False

    @property
    def has_begun(self) -> bool:
        """True once the head was handed out: it can no longer be changed."""
        return self._framing != ""

    def start(self, status: int, headers: Iterable[tuple[bytes, bytes]]) -> None:
        """Keep the head until the first piece of the body: both leave together."""
        if self._status:
            raise BadAnswer("a response starts once")
        self._status = status
        self._headers = list(headers)

    def frame(self, body: Bytes, more: bool) -> tuple[bytes, Bytes]:
        """Return what to send for one piece of the body: bytes before it, and the piece itself."""
        if not self._status or self.is_complete:
            raise BadAnswer("a piece of a body belongs to a response that has started and not ended")
        size = len(body)
        head = b""
        if self._headers is not None:
            head = self._head(self._headers, size, more)
            self._headers = None
        self.is_complete = not more
        if self._framing == "length":
            self._left -= size
            if self._left < 0 or (self._left and not more):
                raise BadAnswer(f"a body differs from its Content-Length by {-self._left} bytes")
            return head, body
        if self._framing == "none":
            return head, b""
        if self._framing == "chunked":
            return head + _chunk_before(size), _chunk(body, size, more)
        return head, body

    def _head(self, headers: list[tuple[bytes, bytes]], size: int, more: bool) -> bytes:
        lines = [_STATUS_LINES.get(self._status) or b"HTTP/1.1 %d \r\n" % self._status]
        length: bytes | None = None
        has_date = False
        for name, value in headers:
            name = name.lower()
            if name == b"content-length":
                length = value
            elif name == b"connection":
                self.keeps_alive = self.keeps_alive and b"close" not in value.lower()
            elif name != b"transfer-encoding":
                has_date = has_date or name == b"date"
                lines.append(b"%b: %b\r\n" % (name, value))
        if not has_date:
            lines.append(date_line.get())
        lines.extend(self._framing_lines(length, size, more))
        if not self.keeps_alive:
            lines.append(b"connection: close\r\n")
        elif self._version == "1.0":
            lines.append(b"connection: keep-alive\r\n")
        head = b"".join(lines)
        if head.count(b"\n") != len(lines) or head.count(b"\r") != len(lines) or b"\0" in head:
            raise BadAnswer("a response header holds a line end or NUL")
        return head + b"\r\n"

    def _framing_lines(self, length: bytes | None, size: int, more: bool) -> list[bytes]:
        if self._to_head or self._status in _BODILESS:
            self._framing = "none"
            # RFC 9110 8.6: a server MUST NOT send Content-Length in a 204.
            return [b"content-length: %b\r\n" % length] if length is not None and self._status != 204 else []
        if length is None and not more:
            length = b"%d" % size
        if length is not None:
            self._framing = "length"
            self._left = int(length)
            return [b"content-length: %b\r\n" % length]
        if self._version == "1.0":
            self._framing = "close"
            self.keeps_alive = False
            return []
        self._framing = "chunked"
        return [b"transfer-encoding: chunked\r\n"]


def _chunk_before(size: int) -> bytes:
    return b"%x\r\n" % size if size else b""


def _chunk(body: Bytes, size: int, more: bool) -> bytes:
    return b"".join((body, b"\r\n" if size else b"", b"" if more else b"0\r\n\r\n"))
