"""Where a request body ends: Content-Length counting and chunked framing.        Floor: web (pure).

Called by: exchange.

Law: fed the bytes as they arrive, a framing returns body bytes and, once done, the bytes that follow the body.
Chunk extensions and trailers are bounded and dropped; any other deviation from the grammar is refused, and so are
trailers that somebody who merges them into the head would take for framing.
Source: RFC 9112 section 7.1; RFC 9110 section 6.5.1. The bound on overhead is that of Go's net/http (CVE-2023-39326).
"""

import re
from typing import Final, Protocol

from mys3d import limits

_TOKEN: Final = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_QUOTED: Final = rb'"(?:[\t \x21\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\t \x21-\x7e\x80-\xff])*"'
_CHUNK_LINE: Final = re.compile(rb"([0-9A-Fa-f]{1,15})(?:;%b(?:=(?:%b|%b))?)*" % (_TOKEN, _TOKEN, _QUOTED))
_TRAILER_LINE: Final = re.compile(rb"(%b):[\t\x20-\x7e\x80-\xff]*" % _TOKEN)
_NO_TRAILERS: Final = frozenset((b"content-length", b"host", b"transfer-encoding"))


class BadFraming(Exception):
    """The body is not framed as its head announced: where it ends is unknown."""


class Framing(Protocol):
    """Finds the end of one body."""

    is_done: bool

    def feed(self, data: bytes) -> tuple[bytes, bytes]:
        """Return the body bytes in `data` and, only when the body is done, the bytes behind it. Raises BadFraming."""
        ...


class Counted:
    """A body of a declared length."""

    __slots__ = ("is_done", "left")

    def __init__(self, length: int) -> None:
        self.left = length  # bytes that are still to come
        self.is_done = length == 0

    def feed(self, data: bytes) -> tuple[bytes, bytes]:
        left = self.left
        if len(data) < left:
            self.left = left - len(data)
            return data, b""
        self.take(left)
        if len(data) == left:
            return data, b""
        return data[:left], data[left:]

    def take(self, count: int) -> None:
        """So many of its bytes went elsewhere."""
        assert count <= self.left, f"{count} bytes of a body of which {self.left} are left"
        self.left -= count
        self.is_done = self.left == 0


class Chunked:
    """A body in chunks. Its state: bytes left of the present chunk, or the line that is expected next."""

    __slots__ = ("_expected", "_left", "_line", "_overhead", "_trailers", "is_done")

    def __init__(self) -> None:
        self._expected = "size"  # "size", "data", "data-end" or "trailer"
        self._left = 0
        self._line = b""  # the beginning of a line whose end has not arrived
        self._overhead = 0
        self._trailers = 0
        self.is_done = False

    def feed(self, data: bytes) -> tuple[bytes, bytes]:
        pieces: list[bytes] = []
        start = 0
        while start < len(data) and not self.is_done:
            if self._expected == "data":
                piece = data[start : start + self._left]
                pieces.append(piece)
                start += len(piece)
                self._left -= len(piece)
                if self._left == 0:
                    self._expected = "data-end"
                continue
            line, start = self._take_line(data, start)
            if line is not None:
                self._advance(line)
        return b"".join(pieces), data[start:] if self.is_done else b""

    def _take_line(self, data: bytes, start: int) -> tuple[bytes | None, int]:
        """Return the next line without its CR LF (None: it is not complete) and where the data goes on."""
        end = data.find(b"\n", start)
        stop = len(data) if end < 0 else end + 1
        longest = 2 if self._expected == "data-end" else limits.chunk_line_bytes_max
        if len(self._line) + stop - start > longest:
            raise BadFraming(f"a line of the chunked framing is longer than {longest} bytes")
        self._line += data[start:stop]
        if end < 0:
            return None, stop
        line, self._line = self._line, b""
        if line[-2:] != b"\r\n":
            raise BadFraming("a line of the chunked framing ends without CR LF")
        return line[:-2], stop

    def _advance(self, line: bytes) -> None:
        if self._expected == "size":
            self._begin_chunk(line)
        elif self._expected == "data-end":
            if line:
                raise BadFraming("a chunk is longer than its size")
            self._expected = "size"
        elif line:
            self._drop_trailer(line)
        else:
            self.is_done = True

    def _begin_chunk(self, line: bytes) -> None:
        parsed = _CHUNK_LINE.fullmatch(line)
        if parsed is None:
            raise BadFraming("a chunk does not begin with its size")
        self._left = int(parsed[1], 16)
        self._overhead = max(0, self._overhead + len(line) + 4 - 16 - 2 * self._left)
        if self._overhead > limits.chunk_overhead_bytes_max:
            raise BadFraming("the chunked framing is much larger than what it frames")
        self._expected = "data" if self._left else "trailer"

    def _drop_trailer(self, line: bytes) -> None:
        self._trailers += 1
        if self._trailers > limits.chunk_trailers_max:
            raise BadFraming(f"a chunked body has more than {limits.chunk_trailers_max} trailers")
        parsed = _TRAILER_LINE.fullmatch(line)
        if parsed is None or parsed[1].lower() in _NO_TRAILERS:
            raise BadFraming("a trailer is malformed, or may not be one")
