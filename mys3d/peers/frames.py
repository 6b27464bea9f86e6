"""Frames: how a stream of bytes becomes messages.        Floor: driver (pure). Called by: connection, join, server.

Law: the parser is fed bytes and returns frames; it makes room for a body only after its length was found in bounds.
Most of a large body need not be fed: it may be put into its room (`awaited`), and said how much was (`filled`).
Layout (docs/formats/peers.md): length u32 | kind u8 | request u32 | payload. Length counts everything after itself.
"""

import enum
import struct
from collections.abc import Callable
from typing import Final, NamedTuple

from mys3d.ports import Buffer

HEAD: Final = struct.Struct(">IBI")
HEAD_BYTES: Final = HEAD.size
_COUNTED_BYTES: Final = HEAD_BYTES - 4  # the part of the head that `length` counts


class Kind(enum.IntEnum):
    """Bytes on the wire: never renumber one."""

    HELLO = 1
    WELCOME = 2
    REFUSED = 3
    AUTHORITY = 4
    JOIN = 5
    GRANT = 6
    RAFT = 16
    PING = 17
    PONG = 18
    PUSH = 32
    PUSHED = 33
    FETCH = 34
    FETCHED = 35
    HAVE = 36
    STATUS = 37
    REPLY = 38
    FAILED = 39
    SCRUB = 40
    SNAPSHOT = 48
    PIECE = 49
    PIECED = 50


class Frame(NamedTuple):
    kind: int  # a Kind; a peer of a later version may send others, which the receiver refuses
    request: int
    payload: Buffer


def head(kind: Kind, request: int, payload_bytes: int) -> bytes:
    return HEAD.pack(_COUNTED_BYTES + payload_bytes, kind, request)


def encode(kind: Kind, request: int, payload: Buffer = b"") -> bytes:
    return HEAD.pack(_COUNTED_BYTES + len(payload), kind, request) + payload


def new_room(size: int) -> memoryview:
    return memoryview(bytearray(size))


class FrameParser:
    """Cuts a stream into frames of at most `frame_bytes_max` payload bytes."""

    def __init__(self, frame_bytes_max: int, room_for: Callable[[int], memoryview] = new_room) -> None:
        """`room_for` makes room for a body that does not arrive at once."""
        self._frame_bytes_max: Final = frame_bytes_max
        self._room_for: Final = room_for
        self._head = bytearray()  # of the frame that has begun, while it is incomplete
        self._body: memoryview | None = None  # None: no body is awaited
        self._filled = 0  # bytes of `_body` that have arrived
        self._kind = 0
        self._request = 0

    def feed(self, data: Buffer) -> list[Frame]:
        """Return the frames that `data` completes. Raises ValueError: the stream is not ours; close the connection."""
        view = memoryview(data)
        frames: list[Frame] = []
        position = 0
        while position < len(view):
            if self._body is not None:
                position = self._fill(self._body, view, position, frames)
            else:
                position = self._begin(view, position, frames)
        return frames

    @property
    def awaited(self) -> memoryview | None:
        """Where the next bytes belong, for as long as all of them do. None: they have to be fed."""
        return None if self._body is None else self._body[self._filled :]

    def filled(self, count: int) -> list[Frame]:
        """The first `count` bytes that were awaited are in their place. Return the frame that they complete, if any."""
        assert self._body is not None, "bytes are put in their place only while they are awaited"
        self._filled += count
        return self._completed(self._body)

    def _begin(self, view: memoryview, position: int, frames: list[Frame]) -> int:
        """Read a head, and the body when all of it is here. Returns the position behind what was read."""
        if self._head or len(view) - position < HEAD_BYTES:
            taken = view[position : position + HEAD_BYTES - len(self._head)]
            self._head += taken
            position += len(taken)
            if len(self._head) < HEAD_BYTES:
                return position
            length, kind, request = HEAD.unpack(self._head)
            self._head.clear()
        else:
            length, kind, request = HEAD.unpack_from(view, position)
            position += HEAD_BYTES
        size: int = length - _COUNTED_BYTES
        if not 0 <= size <= self._frame_bytes_max:
            raise ValueError(f"a frame of at most {self._frame_bytes_max} bytes was expected, found {size}")
        if len(view) - position >= size:
            frames.append(Frame(kind, request, bytes(view[position : position + size])))
            return position + size
        self._body, self._filled, self._kind, self._request = self._room_for(size), 0, kind, request
        return position

    def _fill(self, body: memoryview, view: memoryview, position: int, frames: list[Frame]) -> int:
        taken = view[position : position + len(body) - self._filled]
        body[self._filled : self._filled + len(taken)] = taken
        self._filled += len(taken)
        frames += self._completed(body)
        return position + len(taken)

    def _completed(self, body: memoryview) -> list[Frame]:
        if self._filled < len(body):
            return []
        self._body = None
        return [Frame(self._kind, self._request, body)]
