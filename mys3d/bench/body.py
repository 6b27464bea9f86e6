"""Bodies to upload, and how they are declared.        Floor: bench. Called by: caller, the workloads.

Law: no two bodies share a stretch of 1 MiB, because a store that names bytes by their digest would write it once; the
filler does not compress. Source of the framing: S3 API, "Signature Calculations: Trailing Headers".
"""

import base64
import enum
import functools
import hashlib
import itertools
import os
import random
import zlib
from typing import Final

from mys3d.bench.sign import UNSIGNED, UNSIGNED_TRAILER, Pairs

STRETCH_BYTES: Final = 1 << 20
_STAMP_BYTES: Final = 16
_JOINED_BYTES_MAX: Final = 64 << 10  # copying so much costs less than handing more pieces to the kernel
_TRAILER: Final = "x-amz-checksum-crc32"

Pieces = list[bytes | memoryview]


class BodyMode(enum.StrEnum):
    """How an upload proves its bytes."""

    UNSIGNED = "unsigned"  # UNSIGNED-PAYLOAD
    SIGNED = "signed"  # SHA-256 of the body in the signature
    CHUNKED = "chunked"  # aws-chunked with a CRC32 trailer: what AWS's own clients do


class Bodies:
    """Bodies of one size. Those of one salt and number are equal, all others differ if they have 16 bytes or more."""

    def __init__(self, size: int, salt: bytes | None = None) -> None:
        self.size = size
        self._salt = os.urandom(8) if salt is None else salt
        self._lengths = [min(STRETCH_BYTES, size - at) for at in range(0, size, STRETCH_BYTES)]
        self._fillers = {length: filler()[: max(0, length - _STAMP_BYTES)] for length in set(self._lengths)}
        self._numbers = itertools.count()
        first = self._fillers[self._lengths[0]]
        self._sha256, self._crc32 = hashlib.sha256(first), zlib.crc32(first)

    def numbered(self, number: int) -> Pieces:
        """Return the body of that number: filler and stamp in turn."""
        pieces: Pieces = []
        for count, length in enumerate(self._lengths, number * len(self._lengths)):
            stamp = count.to_bytes(8, "big") + self._salt
            pieces += (self._fillers[length], stamp[-length:] if length < _STAMP_BYTES else stamp)
        return pieces

    def fresh(self) -> Pieces:
        """Return a body that this object has not returned before."""
        return self.numbered(next(self._numbers))

    def bytes_of(self, number: int) -> bytes:
        return b"".join(self.numbered(number))

    def sha256(self, pieces: Pieces) -> str:
        """The digest of a body of this object; the filler it begins with is not read again."""
        state = self._sha256.copy()
        for piece in pieces[1:]:
            state.update(piece)
        return state.hexdigest()

    def crc32(self, pieces: Pieces) -> str:
        """The checksum of a body of this object as it stands in a trailer."""
        state = self._crc32
        for piece in pieces[1:]:
            state = zlib.crc32(piece, state)
        return base64.b64encode(state.to_bytes(4, "big")).decode()


class Envelope:
    """Bodies of one size as one mode sends them: what the head declares, and the bytes behind it."""

    def __init__(self, bodies: Bodies, mode: BodyMode) -> None:
        self._bodies = bodies
        self.mode = mode
        self.headers: Pairs = ()
        self.length = bodies.size
        if mode is BodyMode.CHUNKED:
            self.headers = (
                ("content-encoding", "aws-chunked"),
                ("x-amz-decoded-content-length", str(bodies.size)),
                ("x-amz-trailer", _TRAILER),
            )
            self.length = sum(len(piece) for piece in self.wrapped(b"", bodies.numbered(0)))

    def payload(self, pieces: Pieces) -> str:
        """The value of x-amz-content-sha256; only a signed body has one of its own."""
        match self.mode:
            case BodyMode.UNSIGNED:
                return UNSIGNED
            case BodyMode.CHUNKED:
                return UNSIGNED_TRAILER
            case BodyMode.SIGNED:
                return self._bodies.sha256(pieces)

    def wrapped(self, head: bytes, pieces: Pieces) -> Pieces:
        """The bytes that are sent for this body behind this head: in one piece unless it is large."""
        if self.mode is BodyMode.CHUNKED:
            sent: Pieces = []
            for at in range(0, len(pieces), 2):
                sent += (b"%x\r\n" % (len(pieces[at]) + len(pieces[at + 1])), pieces[at], pieces[at + 1], b"\r\n")
            pieces = [*sent, f"0\r\n{_TRAILER}:{self._bodies.crc32(pieces)}\r\n\r\n".encode()]
        return [b"".join([head, *pieces])] if self._bodies.size <= _JOINED_BYTES_MAX else [head, *pieces]


@functools.cache
def filler() -> memoryview:
    """One stretch that does not compress, the same in every run."""
    return memoryview(random.Random(1).randbytes(STRETCH_BYTES))
