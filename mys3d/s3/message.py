"""A request and a response as values.        Floor: s3 (pure). Called by: web, operations.

Law: the raw bytes of the target are kept as received, because the signature and the key both depend on every byte.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final, Protocol

import msgspec

CONTROL: Final = re.compile("[\x00-\x08\x0a-\x1f\x7f]")  # what no header value may hold (RFC 9110, 5.5)

Headers = tuple[tuple[bytes, bytes], ...]  # lower-case names, raw values, in order of arrival


@dataclass(frozen=True, slots=True)
class Request:
    """The head of one request."""

    method: str
    raw_path: bytes  # as received, without the query
    raw_query: bytes  # as received, without "?"
    headers: Headers
    scheme: str  # "http" or "https"
    remote: str  # peer address, for the log
    id: str  # 16 upper-case hex digits, the x-amz-request-id of the answer

    def header(self, name: bytes) -> str | None:
        """The value of the first header `name` (lower-case), decoded as latin-1; None when absent."""
        for candidate, value in self.headers:
            if candidate == name:
                return value.decode("latin-1")
        return None


class BodySource(Protocol):
    """The body of a request, pulled on demand: the client is asked to go on (100-continue) by the first read."""

    async def read(self) -> bytes:
        """Return the next piece (1 byte to 64 KiB), or b"" at the end. Raises S3Error: IncompleteBody when the client
        left or broke its framing, RequestTimeout when it stalled."""
        ...


class KnownBody(ABC):
    """A body whose length its head tells."""

    __slots__ = ()

    @property
    @abstractmethod
    def left(self) -> int:
        """Bytes that are still to come, whatever is said in them."""
        ...

    @abstractmethod
    async def fill(self, room: memoryview) -> None:
        """Put the next bytes into `room`, all of it: it is no longer than `left`. Raises as `read`."""
        ...


class Response(msgspec.Struct):
    """An answer. `body` is whole, or a stream of `length` bytes; a stream that raises breaks the connection."""

    status: int
    headers: list[tuple[bytes, bytes]] = msgspec.field(default_factory=list)
    body: bytes | AsyncIterator[bytes | memoryview] = b""
    length: int | None = None  # of a streamed body, or the Content-Length of a HEAD answer
