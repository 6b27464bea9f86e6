"""Reads HTTP/1.1 answers as they come in.        Floor: bench. Called by: connection.

Law: it is fed bytes and says when an answer is complete; it accepts what servers send (a length, chunks, an end by
closing) and raises ValueError for anything else. Source: RFC 9112, section 6.
"""

from dataclasses import dataclass
from typing import Final

_HEAD_BYTES_MAX: Final = 64 * 1024
_LINE_BYTES_MAX: Final = 1024  # of a chunk's head
_UNKNOWN: Final = -1  # the head is not complete
_CHUNKED: Final = -2
_UNTIL_CLOSE: Final = -3
_CONNECTION: Final = b"\r\nconnection:"
_LENGTH: Final = b"\r\ncontent-length:"
_CODING: Final = b"\r\ntransfer-encoding:"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a request. `status` 0: no answer came; `body` is empty unless it was asked to be kept."""

    status: int
    head: bytes = b""
    body: bytes = b""

    def header(self, name: bytes) -> str:
        """The value of a header, named in lower case; empty when it is not there."""
        return _value(self.head.lower(), self.head, b"\r\n%b:" % name).decode("latin-1")


class AnswerReader:
    """One answer at a time: `begin`, then `feed` until it is True."""

    __slots__ = ("_body", "_chunks", "_has_body", "_head", "_missing", "is_last", "status")

    def begin(self, *, has_body: bool, keeps_body: bool) -> None:
        """`has_body`: False for the answer to a HEAD."""
        self.status = 0
        self.is_last = False  # True: the server closes after this answer
        self._has_body = has_body
        self._body: bytearray | None = bytearray() if keeps_body else None
        self._head = b""
        self._missing = _UNKNOWN
        self._chunks: _Chunks | None = None

    def feed(self, data: memoryview) -> bool:
        """Take what was received. True: the answer is complete."""
        if self._missing == _UNKNOWN:
            head = self._head + data
            end = head.find(b"\r\n\r\n")
            if end < 0:
                if len(head) > _HEAD_BYTES_MAX:
                    raise ValueError("the head of an answer does not end")
                self._head = head
                return False
            data = data[end + 4 - len(self._head) :]
            self._head = head[: end + 2]
            self._take_head()
        if self._missing >= 0:
            if len(data) > self._missing:
                raise ValueError("more bytes than the answer declared")
            self._missing -= len(data)
        elif self._chunks is not None:
            return self._chunks.feed(data)
        if self._body is not None:
            self._body += data
        return self._missing == 0

    def closed(self) -> bool:
        """The server closed. True: that was the end of the answer."""
        self.is_last = True
        return self._missing == _UNTIL_CLOSE

    def answer(self) -> Answer:
        """The complete answer."""
        return Answer(self.status, self._head, bytes(self._body or b""))

    def _take_head(self) -> None:
        head, lower = self._head, self._head.lower()
        if not lower.startswith(b"http/1."):
            raise ValueError("no HTTP/1.1 answer")
        self.status = int(head[9:12])
        connection = _value(lower, lower, _CONNECTION)
        self.is_last = b"close" in connection or (lower.startswith(b"http/1.0") and b"keep-alive" not in connection)
        length = _value(lower, lower, _LENGTH)
        if not self._has_body or self.status in (204, 304):
            self._missing = 0
        elif length:
            self._missing = int(length)
        elif b"chunked" in _value(lower, lower, _CODING):
            self._missing = _CHUNKED
            self._chunks = _Chunks(self._body)
        elif self.is_last:
            self._missing = _UNTIL_CLOSE
        else:
            raise ValueError("an answer without content-length")


class _Chunks:
    """The chunked coding, without trailers that matter to us."""

    def __init__(self, body: bytearray | None) -> None:
        self._body = body
        self._line = bytearray()
        self._missing = 0  # of the chunk's data and the line end behind it
        self._is_last = False  # the chunk of length 0 came: lines follow up to an empty one

    def feed(self, data: memoryview) -> bool:
        while data:
            if self._missing:
                data = self._take_data(data)
                continue
            line, data = self._take_line(data)
            if line is None:
                return False
            if self._is_last and not line:
                return True
            if not self._is_last:
                length = int(line.partition(b";")[0], 16)
                self._is_last = length == 0
                self._missing = 0 if self._is_last else length + 2
        return False

    def _take_data(self, data: memoryview) -> memoryview:
        count = min(len(data), self._missing)
        if self._body is not None:
            self._body += data[: max(0, min(count, self._missing - 2))]
        self._missing -= count
        return data[count:]

    def _take_line(self, data: memoryview) -> tuple[bytes | None, memoryview]:
        before = len(self._line)
        self._line += data[:_LINE_BYTES_MAX]
        end = self._line.find(b"\r\n")
        if end < 0:
            if len(self._line) >= _LINE_BYTES_MAX:
                raise ValueError("the head of a chunk does not end")
            return None, data[:0]
        line = bytes(self._line[:end])
        self._line.clear()
        return line, data[end + 2 - before :]


def _value(lower: bytes, head: bytes, begin: bytes) -> bytes:
    """The value of the header that begins so in `lower`, as it stands in `head`."""
    at = lower.find(begin)
    if at < 0:
        return b""
    start = at + len(begin)
    return head[start : head.index(b"\r\n", start)].strip()
