"""What proves the frames of a plain lane.        Floor: driver (pure). Called by: connection, plain.

Law: a frame is taken only as the other side made it for this connection, in its order and its direction; the first that
is not ends the connection. Of a PUSH the seal covers everything but the blob: that is named by its digest, which is
covered, and nobody keeps a blob before its bytes were found to have that name (engine/service.py).
Layout (docs/formats/peers.md): the payload of every frame begins with 16 bytes of keyed BLAKE3.
"""

import hmac
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from blake3 import blake3

from mys3d.peers.frames import HEAD, Frame, Kind, head
from mys3d.peers.messages import PUSH_HEAD
from mys3d.ports import Buffer

SECRET_BYTES: Final = 32
SEAL_BYTES: Final = 16
_KEY_BYTES: Final = 32
_CONTEXT: Final = "mys3d 2026 frames of a plain lane"
_PLACE: Final = struct.Struct(">QIBI")  # number of the frame in its direction, bytes of its payload, kind, request


@dataclass(slots=True)
class Seal:
    """One direction of one connection."""

    key: bytes
    count: int = 0  # frames sealed or opened so far

    def close(self, frame_head: Buffer, payload: Sequence[Buffer]) -> list[Buffer]:
        """Return the pieces to send for one frame: a head that counts the seal, the seal, the payload as it was."""
        _, kind, request = HEAD.unpack(frame_head)
        size = sum(map(len, payload))
        return [
            head(kind, request, SEAL_BYTES + size),
            self._next(kind, request, size, _covered(kind, payload)),
            *payload,
        ]

    def open(self, frame: Frame) -> Frame:
        """Return the frame without its seal. Raises ValueError: it was not made for this place."""
        whole = memoryview(frame.payload)
        found, payload = whole[:SEAL_BYTES], whole[SEAL_BYTES:]
        covered = payload[: PUSH_HEAD.size] if frame.kind == Kind.PUSH else payload
        expected = self._next(frame.kind, frame.request, len(payload), [covered])
        if not hmac.compare_digest(found, expected):
            raise ValueError(f"frame {self.count} of a plain lane was not sealed by the other side")
        return Frame(frame.kind, frame.request, payload)

    def _next(self, kind: int, request: int, size: int, covered: Sequence[Buffer]) -> bytes:
        mac = blake3(_PLACE.pack(self.count, size, kind, request), key=self.key)
        for piece in covered:
            mac.update(piece)
        self.count += 1
        return mac.digest(length=SEAL_BYTES)


def seals_of(dialler: bytes, listener: bytes) -> tuple[Seal, Seal]:
    """From the secrets of both sides: the seal of what the dialler sends, and of what the listener sends.

    Raises ValueError when one of them is too short to be a secret.
    """
    for secret in (dialler, listener):
        if len(secret) != SECRET_BYTES:
            raise ValueError(f"the secret of a plain lane has {SECRET_BYTES} bytes, found {len(secret)}")
    keys = blake3(dialler + listener, derive_key_context=_CONTEXT).digest(length=2 * _KEY_BYTES)
    return Seal(keys[:_KEY_BYTES]), Seal(keys[_KEY_BYTES:])


def _covered(kind: int, payload: Sequence[Buffer]) -> Sequence[Buffer]:
    if kind != Kind.PUSH:
        return payload
    assert len(payload[0]) == PUSH_HEAD.size, "the first piece of a push is its fixed part"
    return payload[:1]
