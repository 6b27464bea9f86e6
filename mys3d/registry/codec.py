"""Records and proposals as bytes.        Floor: registry (pure). Called by: consensus, apply, tables.

Law: equal values have equal bytes on every node; what cannot be decoded is never half a value: a proposal, which came
from elsewhere, is a ValueError; a row, which we wrote ourselves, is RowDamaged.
Encoding: msgpack arrays (msgspec), a format number first; docs/formats/registry.md.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Generic, TypeVar

import msgspec

from mys3d import limits
from mys3d.registry.commands import Proposal

FORMAT: Final = 1  # of every record and proposal written today

T = TypeVar("T")


class RowDamaged(Exception):
    """A row of this node is not what was written. No other row of it is believed from then on: `Registry.distrust`."""


_encode: Final = msgspec.msgpack.Encoder().encode
_proposals: Final = msgspec.msgpack.Decoder(Proposal)
_REMEMBERED_BYTES_MAX: Final = 4 * limits.KIB


def encode_proposal(proposal: Proposal) -> bytes:
    return _encode(proposal)


def decode_proposal(payload: bytes) -> Proposal:
    """Raises ValueError when `payload` is not a proposal of a format known here.

    A small one is asked for twice in a row: when rows are read ahead for some entries, and when each is applied.
    """
    return _decode_proposal(payload) if len(payload) > _REMEMBERED_BYTES_MAX else _remembered(payload)


def _decode_proposal(payload: bytes) -> Proposal:
    try:
        proposal = _proposals.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"not a proposal: {error}") from error
    if proposal.format != FORMAT:
        raise ValueError(f"proposal of format {proposal.format}, known is {FORMAT}")
    return proposal


_remembered: Final = lru_cache(maxsize=limits.entries_ahead)(_decode_proposal)


def encode(record: msgspec.Struct) -> bytes:
    return _encode(record)


@dataclass(frozen=True, slots=True)
class RowDecoder(Generic[T]):
    """The decoder of one kind of record. Rows are our own writing: a row that does not decode is damage."""

    kind: str
    _decode: Callable[[bytes], T]

    def decode(self, row: bytes) -> T:
        """Raises RowDamaged."""
        try:
            return self._decode(row)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise RowDamaged(f"a row of kind {self.kind} does not decode: {error}") from error


def decoder(kind: type[T]) -> RowDecoder[T]:
    return RowDecoder(kind.__name__, msgspec.msgpack.Decoder(kind).decode)
