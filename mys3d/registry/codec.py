"""Records and proposals as bytes.        Floor: registry (pure). Called by: consensus, apply, tables.

Law: equal values have equal bytes on every node; what cannot be decoded is a ValueError and never half a value.
Encoding: msgpack arrays (msgspec), a format number first; docs/formats/registry.md.
"""

from typing import Final, TypeVar

import msgspec

from mys3d.registry.commands import Proposal

FORMAT: Final = 1  # of every record and proposal written today

T = TypeVar("T")

_encode: Final = msgspec.msgpack.Encoder().encode
_proposals: Final = msgspec.msgpack.Decoder(Proposal)


def encode_proposal(proposal: Proposal) -> bytes:
    return _encode(proposal)


def decode_proposal(payload: bytes) -> Proposal:
    """Raises ValueError when `payload` is not a proposal of a format known here."""
    try:
        proposal = _proposals.decode(payload)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ValueError(f"not a proposal: {error}") from error
    if proposal.format != FORMAT:
        raise ValueError(f"proposal of format {proposal.format}, known is {FORMAT}")
    return proposal


def encode(record: msgspec.Struct) -> bytes:
    return _encode(record)


def decoder(kind: type[T]) -> msgspec.msgpack.Decoder[T]:
    """Make the decoder of one kind of record. Rows are our own writing: a row that does not decode is damage."""
    return msgspec.msgpack.Decoder(kind)
