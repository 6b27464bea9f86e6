"""What nodes say to each other.        Floor: driver (pure). Called by: client, server, join, handshake.

Law: records are msgpack maps with a format number in the handshake, so that later versions may add fields; blob bytes
travel outside msgpack, behind a fixed head, and are never copied to be encoded.
"""

import struct
from typing import Final, TypeVar

import msgspec

from mys3d import limits
from mys3d.errors import Damaged, Reason, Rejected, Unavailable
from mys3d.model.body import BlobRef
from mys3d.model.digest import DIGEST_BYTES, Digest, digest_of
from mys3d.model.members import Addresses
from mys3d.model.names import GcEpoch, LogIndex, NodeId
from mys3d.model.scrub import ScrubReport
from mys3d.ports import Buffer, Bytes, NodeStatus, SnapshotOffer

T = TypeVar("T")

FORMAT: Final = 1
CONTROL: Final = "control"
BULK: Final = "bulk"
PLAIN: Final = "plain"  # bulk without encryption, between nodes that are both told so

PUSH_HEAD: Final = struct.Struct(f">{DIGEST_BYTES}sQ")  # digest, touch; the blob follows
FETCH: Final = struct.Struct(f">{DIGEST_BYTES}sII")  # digest, start, stop
_REQUEST: Final = struct.Struct(">I")


class Hello(msgspec.Struct, frozen=True, omit_defaults=True):
    """The first frame on a connection of a member."""

    format: int
    cluster_id: bytes
    node: NodeId
    incarnation: bytes
    lane: str
    secret: bytes = b""  # of a plain lane: half of what its keys are made of


class Welcome(msgspec.Struct, frozen=True, omit_defaults=True):
    """The answer to Hello."""

    format: int
    cluster_id: bytes
    node: NodeId
    incarnation: bytes
    has_plain: bool = False  # it takes a plain lane; an earlier release does not know of any
    secret: bytes = b""  # of a plain lane: the other half


class Refused(msgspec.Struct, frozen=True):
    """Why a connection is closed. `reason` is a Reason, or empty for everything that may be tried again."""

    message: str
    reason: str = ""


class Join(msgspec.Struct, frozen=True):
    """The only frame a peer without certificate may send."""

    format: int
    secret: bytes
    request_der: bytes  # certificate signing request
    node: NodeId
    name: str
    incarnation: bytes
    addresses: Addresses
    zone: str
    capacity_bytes: int
    level: int = 0  # of commands that the software knows (registry/levels.py)


class Grant(msgspec.Struct, frozen=True):
    """What makes a joiner a member."""

    format: int
    cluster_id: bytes
    cluster_key: bytes
    authority_pem: bytes
    authority_key_pem: bytes
    certificate_pem: bytes
    seeds: dict[NodeId, str]  # peers addresses of all members


class Have(msgspec.Struct, frozen=True, array_like=True):
    blobs: tuple[BlobRef, ...]
    touch: GcEpoch


class Piece(msgspec.Struct, frozen=True, array_like=True):
    """Bytes [start, stop) of a file of a snapshot."""

    snapshot: int
    file: int
    start: int
    stop: int


class Failure(msgspec.Struct, frozen=True, array_like=True):
    """An error kind that crosses the wire: `u` Unavailable, `r` Rejected, `d` Damaged."""

    kind: str
    message: str
    reason: str = ""
    digest: bytes = b""
    node: str = ""


def encode(message: object) -> bytes:
    return msgspec.msgpack.encode(message)


def decode(payload: Buffer, kind: type[T]) -> T:
    """Raises ValueError (msgspec.DecodeError is one) when the payload is malformed."""
    return msgspec.msgpack.decode(payload, type=kind)


def push_head(digest: Digest, touch: GcEpoch) -> bytes:
    return PUSH_HEAD.pack(digest, touch)


def parse_push(payload: Buffer) -> tuple[Digest, GcEpoch, memoryview]:
    """Raises ValueError when there is no blob."""
    if len(payload) <= PUSH_HEAD.size:
        raise ValueError(f"a push of {len(payload)} bytes holds no blob")
    digest, touch = PUSH_HEAD.unpack_from(payload)
    return Digest(digest), GcEpoch(touch), memoryview(payload)[PUSH_HEAD.size :]


def parse_fetch(payload: Buffer) -> tuple[Digest, int, int]:
    """Raises ValueError."""
    if len(payload) != FETCH.size:
        raise ValueError(f"a fetch has {FETCH.size} bytes, found {len(payload)}")
    digest, start, stop = FETCH.unpack(payload)
    return Digest(digest), start, stop


def fetched(data: Buffer | None) -> tuple[bytes, Buffer]:
    """The two pieces of a FETCHED payload: is it held, and its bytes."""
    return (b"\0", b"") if data is None else (b"\1", data)


def parse_fetched(payload: Buffer) -> Bytes | None:
    """What is large stays where it was received. Raises ValueError."""
    if not payload or payload[0] > 1:
        raise ValueError("a fetched blob begins with 0 or 1")
    if not payload[0]:
        return None
    data = memoryview(payload)[1:]
    return data if len(data) > limits.receive_bytes else bytes(data)


def parse_held(payload: Buffer) -> tuple[bool, ...]:
    return decode(payload, tuple[bool, ...])


def parse_since(payload: Buffer) -> LogIndex:
    """From which log entry on a snapshot helps. An earlier release sends nothing: any does. Raises ValueError."""
    return LogIndex(decode(payload, int) if payload else 0)


def parse_offer(payload: Buffer) -> SnapshotOffer:
    return decode(payload, SnapshotOffer)


def pieced(data: bytes) -> tuple[bytes, bytes]:
    """The two pieces of a PIECED payload: the digest of the bytes, and the bytes."""
    return digest_of(data), data


def parse_piece(node: NodeId, payload: Buffer) -> bytes:
    """Raises ValueError; Damaged when the bytes are not those that `node` read."""
    if len(payload) < DIGEST_BYTES:
        raise ValueError(f"a piece of a snapshot of {len(payload)} bytes")
    digest, data = bytes(payload[:DIGEST_BYTES]), bytes(memoryview(payload)[DIGEST_BYTES:])
    if digest_of(data) != digest:
        raise Damaged(digest, node, f"a piece of {len(data)} bytes of a snapshot of node {node} was changed on its way")
    return data


def parse_status(payload: Buffer) -> NodeStatus:
    return decode(payload, NodeStatus)


def parse_scrub_report(payload: Buffer) -> ScrubReport:
    return decode(payload, ScrubReport)


def pushed(requests: list[int]) -> bytes:
    """One acknowledgement for every push that has become durable since the last."""
    return struct.pack(f">{len(requests)}I", *requests)


def parse_pushed(payload: Buffer) -> list[int]:
    """Raises ValueError."""
    if len(payload) % _REQUEST.size:
        raise ValueError(f"acknowledgements are {_REQUEST.size} bytes each, found {len(payload)}")
    return [request for (request,) in _REQUEST.iter_unpack(payload)]


def failure(error: Unavailable | Rejected | Damaged, node: NodeId) -> Failure:
    match error:
        case Rejected(reason=reason, detail=detail):
            return Failure("r", detail, str(reason))
        case Damaged(digest=digest):
            return Failure("d", str(error), digest=digest, node=error.node or node)
        case _:
            return Failure("u", str(error))


def error_of(payload: Buffer) -> Exception:
    """The error that a FAILED frame carries. Raises ValueError when it carries none that we know."""
    found = decode(payload, Failure)
    match found.kind:
        case "r":
            return Rejected(Reason(found.reason), found.message)
        case "d":
            return Damaged(found.digest, found.node, found.message)
        case "u":
            return Unavailable(found.message)
        case _:
            raise ValueError(f"an unknown kind of failure: {found.kind!r}")
