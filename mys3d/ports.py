"""The doors between the flows and the world.        Floor: ports. Called by: engine, operations; kept by: drivers.

Law: code above this page sees only these Protocols; `node.py` alone decides which driver stands behind each.
Every method that waits has a deadline from `limits.py` and fails with one of the five error kinds.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol, TypeVar

from mys3d.errors import Unavailable
from mys3d.meters import Garbage, Pace
from mys3d.model.body import BlobRef
from mys3d.model.digest import Digest
from mys3d.model.members import Member
from mys3d.model.names import GcEpoch, Instant, LogIndex, NodeId, Partition, Term
from mys3d.model.scrub import ScrubAction, ScrubReport
from mys3d.registry.codec import RowDamaged
from mys3d.registry.commands import Command, JoinMember
from mys3d.registry.outcomes import Applied, Outcome
from mys3d.registry.transaction import Reader

T = TypeVar("T")

Buffer = bytes | bytearray | memoryview
Bytes = bytes | memoryview  # that nobody changes


@dataclass(frozen=True, slots=True)
class AppliedEntry:
    """One command that this node has just applied."""

    index: LogIndex
    command: Command
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Compared:
    """How a node named a stretch of its rows, as they were behind the entry `index`."""

    index: LogIndex
    digest: bytes
    rows_count: int
    next_start: bytes  # where the next stretch begins; empty: this was the last one


@dataclass(frozen=True, slots=True)
class RaftStatus:
    """What a node knows of its consensus group. `lag` maps each peer to its entries behind (leader only)."""

    term: Term
    leader: NodeId | None  # None: no leader is known
    voters: tuple[NodeId, ...]
    is_leader: bool
    applied_index: LogIndex
    commit_index: LogIndex
    last_index: LogIndex
    lag: dict[NodeId, int]
    compared: tuple[Compared, ...] = ()  # the newest names of this node's rows, oldest first
    awaits_promotion: bool = False  # it lost its journal: it is named as a voter, but its word does not count yet


class Registry(Protocol):
    """The replicated metadata, as this node sees it."""

    async def propose(self, command: Command) -> Applied:
        """Commit `command` and return its outcome once applied *here*.

        Raises Rejected (the rules said no), Unavailable (definitely not applied), OutcomeUnknown (deadline passed).
        """
        ...

    async def barrier(self) -> LogIndex:
        """Wait until this node has applied everything acknowledged before this call. Raises Unavailable."""
        ...

    def view(self) -> Reader:
        """Return the rows as applied now, for point reads on the loop. Valid until the next await.

        Whoever turns an exception into an answer tells `distrust` of a RowDamaged.
        """
        ...

    async def scan(self, query: Callable[[Reader], T]) -> T:
        """Run `query` in a reader thread over one snapshot of the applied rows: for lists and long scans.

        Raises Unavailable, also when a row does not decode.
        """
        ...

    def distrust(self, damage: RowDamaged) -> Unavailable:
        """A row read from a view does not decode: this node stands down and makes its rows anew. Returns what the
        caller raises instead."""
        ...

    async def prove(self) -> None:
        """Read all rows of this node again from its disk, past every cache.

        Raises Unavailable when they are damaged (then this node stands down) or cannot be read now.
        """
        ...

    def status(self) -> RaftStatus: ...

    def subscribe(self, listener: Callable[[Sequence[AppliedEntry]], None]) -> None:
        """Call `listener` on the loop after each applied batch. It must not raise, block or await."""
        ...

    def on_replaced(self, listener: Callable[[], None]) -> None:
        """Call `listener` on the loop after a snapshot took the place of all rows: what was derived from applied
        entries must be derived anew. It must not raise, block or await."""
        ...

    async def set_voter(self, node: NodeId, votes: bool) -> None:
        """Leader only: add a caught-up learner to the voters, or make a voter a learner. Raises Unavailable."""
        ...

    def incarnation_of(self, node: NodeId) -> bytes | None:
        """Leader only: the incarnation in which `node` last answered. None: it has not, or this node does not lead."""
        ...

    def caught_up(self, node: NodeId) -> bool:
        """Leader only: True when `node`'s log is within a few entries of ours. False elsewhere."""
        ...


@dataclass(frozen=True, slots=True)
class DirectoryUsage:
    """One data directory of a node. What a directory that was never opened would say is zero."""

    path: str
    device: int  # the same for directories on one file system
    size_bytes: int
    free_bytes: int
    blobs_count: int
    is_writable: bool
    offline: str = ""  # why it is out of service; empty: it is in service
    damages_count: int = 0  # blobs found damaged since the start of the node
    unreadable_volumes_count: int = 0  # kept for a rescue by hand; their blobs count as missing


@dataclass(frozen=True, slots=True)
class DiskUsage:
    """Bytes of the file systems that hold blobs, of the directories in service."""

    size_bytes: int
    free_bytes: int
    blobs_count: int
    is_writable: bool
    directories: tuple[DirectoryUsage, ...] = ()


@dataclass(frozen=True, slots=True)
class Verification:
    """What one step through all blobs found."""

    after: str | None  # what the next step is given; None: this was the last one
    blobs_count: int
    bytes_count: int
    damaged: tuple[BlobRef, ...]  # quarantined: not held any more


class Blobs(Protocol):
    """The blobs of this node. A directory that is offline holds nothing: what it has left is read, never counted."""

    async def put(self, digest: Digest, data: Sequence[Buffer], touch: GcEpoch) -> None:
        """Make the blob durable (fdatasynced) before returning; `data` is its pieces in order, already verified to
        be `digest` by the caller, whose bytes nobody changes afterwards: a put that is cancelled may go on being
        written. A blob that is held and was verified is not written again. Raises Unavailable (disk full, directory
        offline)."""
        ...

    async def read(self, digest: Digest, start: int, stop: int) -> Bytes | None:
        """Return verified bytes [start, stop) of a blob, cut to its length, or None when it is not held. What is more
        than 64 KiB may be a view, whose bytes stay as they are for as long as there is one of it.

        Raises Damaged: the record is quarantined and `holds` answers False from then on. Cached bytes are read on
        the loop without yielding, others in a thread."""
        ...

    async def have(self, digest: Digest, touch: GcEpoch) -> bool:
        """True when the blob is held, durable and verified within the last 24 h (it is verified now when it was not).
        A held blob is touched at `touch`."""
        ...

    def forget(self, digest: Digest, touch_max: GcEpoch) -> bool:
        """Delete a blob unless it was touched after `touch_max`, is being written, or a touch since then may have been
        forgotten for newer ones. True: it was held and is gone. Never waits: what the caller has just read of the
        registry still holds.

        A touch that is not remembered counts as old, and a restart forgets touches: the caller deletes only what no
        applied reference names, and after a start nothing until the epoch is two above that behind a barrier taken
        since (docs/formats/volumes.md, "Forgetting"). A crash soon afterwards may bring the blob back, whole; then it
        is garbage once more."""
        ...

    async def verify(self, after: str, bytes_max: int) -> Verification:
        """Read blobs again, in the order in which they lie on disk, and compare each with its name.

        A step begins behind `after` ("": the first blob of all), reads about `bytes_max` bytes and at least one blob,
        and may find none. Its cursor stays good over restarts, and when directories, volumes or blobs have come or
        gone meanwhile: a round then misses nothing that was there all the time. The caller decides how fast to go."""
        ...

    def subscribe_losses(self, listener: Callable[[], None]) -> None:
        """Call `listener` on the loop when blobs that were held are no longer, and nobody asked for it: a directory
        went offline. It must not raise, block or await."""
        ...

    def holds(self, digest: Digest) -> bool: ...

    async def missing(self, blobs: Sequence[BlobRef]) -> list[BlobRef]:
        """Those of `blobs` that are not held; for long lists in digest order, compared off the loop."""
        ...

    def stored(self, partition: Partition) -> list[BlobRef]:
        """The blobs of one partition that take room here, in digest order: those held, and those of which a damaged
        record is left. May be called in any thread."""
        ...

    def usage(self) -> DiskUsage: ...


class Peers(Protocol):
    """The other nodes. Every call raises Unavailable when the node cannot be reached before its deadline."""

    def reachable(self, node: NodeId) -> bool: ...

    async def push(self, node: NodeId, digest: Digest, data: Sequence[Buffer], touch: GcEpoch) -> None:
        """Return once the blob is durable on `node`."""
        ...

    async def fetch(self, node: NodeId, digest: Digest, start: int, stop: int) -> Bytes | None:
        """Return bytes [start, stop) of a blob as `node` read and verified them; None: it does not hold the blob.
        Raises Damaged when `node` found its copy rotten."""
        ...

    async def have(self, node: NodeId, blobs: Sequence[BlobRef], touch: GcEpoch) -> tuple[bool, ...]:
        """For each blob: does `node` hold it, durable and verified? Held blobs are touched at `touch`."""
        ...

    async def status(self, node: NodeId) -> "NodeStatus": ...

    async def scrub(self, node: NodeId, action: ScrubAction) -> ScrubReport:
        """Have `node` do something about its scrub, and tell how that stands."""
        ...


@dataclass(frozen=True, slots=True)
class NodeStatus:
    """What one node says of itself."""

    node: NodeId
    raft: RaftStatus
    disk: DiskUsage
    blobs_missing: int  # referenced blobs this node is a home of and does not hold yet
    reconciling: bool
    version: str
    scrub: ScrubReport | None = None  # None: of an older version
    garbage: Garbage = field(default_factory=Garbage)


@dataclass(frozen=True, slots=True)
class JoinAdmission:
    """What a node that was admitted needs to find the others."""

    cluster_id: bytes
    members: tuple[Member, ...]


class PeerService(Protocol):
    """What a node does for its peers: the other side of `Peers`, implemented by the engine."""

    async def on_push(self, digest: Digest, data: Sequence[Buffer], touch: GcEpoch) -> None: ...

    async def on_fetch(self, digest: Digest, start: int, stop: int) -> Bytes | None: ...

    async def on_have(self, blobs: Sequence[BlobRef], touch: GcEpoch) -> tuple[bool, ...]: ...

    async def on_status(self) -> NodeStatus: ...

    async def on_scrub(self, action: ScrubAction) -> ScrubReport: ...

    async def on_join(self, command: JoinMember) -> JoinAdmission:
        """Admit a node that presented a join token. Raises Rejected (TOKEN_INVALID, MEMBER_EXISTS), Unavailable."""
        ...


class SnapshotFile(NamedTuple):
    """One file of a snapshot of the registry."""

    name: str
    length: int


@dataclass(frozen=True, slots=True)
class SnapshotOffer:
    """A frozen copy of the registry that a node keeps ready while pieces of it are asked for."""

    id: int
    index: LogIndex  # it holds at least what was applied up to here
    files: tuple[SnapshotFile, ...]


class Wire(Protocol):
    """The lanes to the other members, for Raft. `send` never waits; frames may be lost when a lane breaks."""

    def send(self, node: NodeId, frame: bytes) -> bool:
        """Queue `frame` (<= 1 MiB) on the control lane. False: not connected, or its queue is full."""
        ...

    def connected(self, node: NodeId) -> bool: ...

    async def open_snapshot(self, node: NodeId, since: LogIndex) -> SnapshotOffer:
        """Ask `node` for a copy of its registry at entry `since` or behind. Raises Unavailable."""
        ...

    async def snapshot_piece(self, node: NodeId, snapshot: int, file: int, start: int, stop: int) -> bytes:
        """Bytes [start, stop) of a file of an offer, as `node` read them. Raises Unavailable: it has let go of the
        copy, or cannot be reached. Raises Damaged when they were changed on their way."""
        ...


class WireListener(Protocol):
    """Who hears the lanes. What is not async is called on the loop and must not raise, block or await."""

    def on_frame(self, node: NodeId, frame: bytes) -> None: ...

    def on_connected(self, node: NodeId) -> None: ...

    def on_disconnected(self, node: NodeId) -> None: ...

    async def on_open_snapshot(self, since: LogIndex) -> SnapshotOffer:
        """Freeze a copy of the registry, or offer one of entry `since` or behind that is kept. Raises Unavailable."""
        ...

    async def on_snapshot_piece(self, snapshot: int, file: int, start: int, stop: int) -> bytes:
        """Raises Unavailable when that copy is not kept any more, or there is no such file."""
        ...


class Clock(Protocol):
    def now(self) -> Instant:
        """Wall clock in milliseconds since 1970."""
        ...

    def monotonic(self) -> float:
        """Seconds that never run backwards."""
        ...


class Entropy(Protocol):
    def token(self, size: int) -> bytes:
        """`size` random bytes, unpredictable in the product, seeded in simulation."""
        ...


class Repairs(Protocol):
    """Who brings missing copies back to this node."""

    def want(self, blob: BlobRef) -> None:
        """Fetch `blob` from another holder soon, if this node is one of its homes and does not hold it. Never waits."""
        ...


class NoRepairs:
    """For flows that run where nothing is repaired: tests, and a node before its repair runs."""

    def want(self, blob: BlobRef) -> None:
        return


@dataclass(frozen=True, slots=True)
class Ports:
    """Everything a flow may touch, in one frozen record."""

    node: NodeId
    registry: Registry
    blobs: Blobs
    peers: Peers
    clock: Clock
    entropy: Entropy
    repairs: Repairs = field(default_factory=NoRepairs)
    pace: Pace = field(default_factory=Pace)
    garbage: Garbage = field(default_factory=Garbage)
