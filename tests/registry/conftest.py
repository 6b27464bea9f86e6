"""Builders: a registry driven by short sentences."""

from collections.abc import Callable, Iterator, Sequence

import msgspec
import pytest

from mys3d import limits
from mys3d.errors import Rejected
from mys3d.model.body import BlobRef, InlineBlobs, StagedBody
from mys3d.model.buckets import BucketConfiguration
from mys3d.model.digest import digest_of
from mys3d.model.members import Addresses
from mys3d.model.names import (
    AccessKey,
    BodyId,
    BucketId,
    BucketName,
    Epoch,
    GcEpoch,
    Instant,
    LogIndex,
    NodeId,
    ObjectKey,
    OperationId,
    Term,
    UploadId,
    VersionId,
)
from mys3d.model.objects import Content
from mys3d.model.uploads import runs_of
from mys3d.registry import codec
from mys3d.registry.apply import apply_command, apply_membership, apply_noop
from mys3d.registry.commands import (
    Command,
    CompleteUpload,
    CopyObject,
    CreateBucket,
    CreateToken,
    DeleteObject,
    DeleteObjects,
    InitialiseCluster,
    JoinMember,
    Precondition,
    Proposal,
    PutObject,
    StageExtent,
)
from mys3d.registry.memory import MemoryRows
from mys3d.registry.outcomes import Applied, BodyStaged, BucketMade, Outcome, UploadBegun
from mys3d.registry.transaction import Overlay
from mys3d.registry.upload_commands import CreateUpload, PutPart

ROOT_KEY = AccessKey("root")
ADDRESSES = Addresses("h:1", "h:2", "h:3")


class Counted:
    """Rows that remember which of them were looked at."""

    def __init__(self, rows: MemoryRows) -> None:
        self._rows = rows
        self.keys: set[bytes] = set()

    def get(self, key: bytes, /) -> bytes | None:
        self.keys.add(key)
        return self._rows.get(key)

    def scan(self, start: bytes, stop: bytes, /, *, reverse: bool = False) -> Iterator[tuple[bytes, bytes]]:
        for key, row in self._rows.scan(start, stop, reverse=reverse):
            self.keys.add(key)
            yield key, row


class Machine:
    """A registry over any rows, with its log. Times and operation ids count up unless a test says otherwise."""

    def __init__(self, rows: MemoryRows | None = None) -> None:
        self.rows = MemoryRows() if rows is None else rows
        self.index = LogIndex(0)
        self.most_rows = 0  # rows that one entry touched, of all entries
        self.log: list[Callable[[Overlay, LogIndex], Outcome | None]] = []

    def do(
        self,
        command: Command,
        *,
        operation: bytes | None = None,
        time: int | None = None,
        expires_at: int | None = None,
    ) -> Outcome:
        step = self.index + 1
        return self.do_bytes(
            codec.encode_proposal(
                Proposal(
                    codec.FORMAT,
                    OperationId(step.to_bytes(16, "big") if operation is None else operation),
                    LogIndex(self.index + limits.operation_lifetime_entries if expires_at is None else expires_at),
                    Instant(1_700_000_000_000 + step * 1000 if time is None else time),
                    command,
                )
            )
        )

    def do_bytes(self, payload: bytes) -> Outcome:
        return self._apply(lambda tx, index: apply_command(tx, index, Term(1), payload)[1])

    def noop(self) -> None:
        self._apply(lambda tx, index: apply_noop(tx, index, Term(1)))

    def vote(self, node: str, votes: bool = True, incarnation: bytes = b"") -> None:
        self._apply(lambda tx, index: apply_membership(tx, index, Term(1), NodeId(node), votes, incarnation))

    def done(self, command: Command) -> Applied:
        """Apply a command that must be accepted."""
        outcome = self.do(command)
        assert isinstance(outcome, Applied), outcome
        return outcome

    def initialised(self) -> "Machine":
        self.done(initialise("n1"))
        return self

    def bucket(self, name: str = "photos", owner: str = "root") -> BucketId:
        made = self.done(CreateBucket(BucketName(name), AccessKey(owner), BucketConfiguration())).detail
        assert isinstance(made, BucketMade)
        return made.bucket

    def staged(self, *extents: Sequence[str]) -> StagedBody:
        """A body whose extents hold the blobs of these texts, not visible yet."""
        body: BodyId | None = None
        for sequence, texts in enumerate(extents):
            made = self.done(stage(body, sequence, *texts)).detail
            assert isinstance(made, BodyStaged)
            body = made.body
        assert body is not None
        return StagedBody(body, sum(map(len, extents)))

    def upload(self, bucket: BucketId, key: str = "k") -> UploadId:
        begun = self.done(begin(bucket, key)).detail
        assert isinstance(begun, UploadBegun)
        return begun.upload

    def in_parts(self, bucket: BucketId, key: str) -> Applied:
        """An object of two parts; a third was stored and not named."""
        upload = self.upload(bucket, key)
        for number in (1, 2, 3):
            self.done(part(bucket, key, upload, number, f"{key} {number}"))
        size = len(f"{key} 1")
        return self.done(complete(bucket, key, upload, 3, [(1, size), (2, size)]))

    def join(self, node: str, token: bytes = b"t" * 32) -> None:
        self.done(CreateToken(token, Instant(2**62)))
        self.done(join(node, token))

    def replayed(self) -> "Machine":
        """Another registry with the same log."""
        other = Machine()
        for step in self.log:
            other._apply(step)
        return other

    def _apply(self, step: Callable[[Overlay, LogIndex], Outcome | None]) -> Outcome:
        self.index = LogIndex(self.index + 1)
        self.log.append(step)
        counted = Counted(self.rows)
        overlay = Overlay(counted)
        outcome = step(overlay, self.index)
        touched = counted.keys | {key for key, _ in overlay.writes()}
        assert len(touched) <= limits.command_rows_max, f"entry {self.index} touched {len(touched)} rows"
        self.most_rows = max(self.most_rows, len(touched))
        self.rows.commit(overlay.writes())
        return outcome  # type: ignore[return-value] # None for entries that carry no proposal


def initialise(node: str) -> InitialiseCluster:
    return InitialiseCluster(b"c" * 16, NodeId(node), node, b"i" * 16, ADDRESSES, "z1", 10**12, "us-east-1")


def join(node: str, token: bytes) -> JoinMember:
    return JoinMember(token, NodeId(node), node, b"i" * 16, ADDRESSES, "z2", 10**12)


def blob(text: str) -> BlobRef:
    return BlobRef(digest_of(text.encode()), len(text))


def put(
    bucket: BucketId,
    key: str,
    *texts: str,
    etag: str = "e1",
    layout_epoch: int = 1,
    gc_epoch: int = 1,
    condition: Precondition | None = None,
) -> PutObject:
    """A put whose blobs are `texts`."""
    return PutObject(
        bucket,
        ObjectKey(key),
        sum(len(text) for text in texts),
        etag,
        InlineBlobs(tuple(blob(text) for text in texts)),
        Content("text/plain"),
        (),
        Epoch(layout_epoch),
        GcEpoch(gc_epoch),
        condition or Precondition(),
    )


EXPIRES_AT = 1_700_000_100_000


def stage(
    body: int | None, sequence: int, *texts: str, layout_epoch: int = 1, gc_epoch: int = 1, expires_at: int = EXPIRES_AT
) -> StageExtent:
    """An extent whose blobs are `texts`."""
    return StageExtent(
        None if body is None else BodyId(body),
        sequence,
        tuple(blob(text) for text in texts),
        Epoch(layout_epoch),
        GcEpoch(gc_epoch),
        Instant(expires_at),
    )


def put_staged(bucket: BucketId, key: str, body: StagedBody, size: int, **options: int) -> PutObject:
    return msgspec.structs.replace(put(bucket, key, **options), body=body, size=size)  # type: ignore[arg-type]


def begin(bucket: BucketId, key: str, content: str = "text/plain", algorithm: str = "") -> CreateUpload:
    return CreateUpload(bucket, ObjectKey(key), b"t" * 16, ROOT_KEY, Content(content), algorithm, is_composite=False)


def part(
    bucket: BucketId, key: str, upload: int, number: int, *texts: str, layout_epoch: int = 1, gc_epoch: int = 1
) -> PutPart:
    """A part whose blobs are `texts`; its entity tag names them."""
    return PutPart(
        bucket,
        ObjectKey(key),
        UploadId(upload),
        number,
        sum(len(text) for text in texts),
        "+".join(texts),
        InlineBlobs(tuple(blob(text) for text in texts)),
        (),
        Epoch(layout_epoch),
        GcEpoch(gc_epoch),
    )


def complete(
    bucket: BucketId,
    key: str,
    upload: int,
    revision: int,
    sizes: Sequence[tuple[int, int]],
    etag: str = "e-2",
    condition: Precondition | None = None,
) -> CompleteUpload:
    """`sizes`: number and size of each part that counts."""
    runs = runs_of(list(sizes))
    size = sum(size for _, size in sizes)
    return CompleteUpload(
        bucket, ObjectKey(key), UploadId(upload), revision, runs, size, etag, (), condition or Precondition()
    )


def copy(
    bucket: BucketId, key: str, source: str, version: int, condition: Precondition | None = None, content: str = ""
) -> CopyObject:
    """A copy within one bucket. `content`: the new content type, empty for that of the source."""
    return CopyObject(
        bucket,
        ObjectKey(key),
        bucket,
        ObjectKey(source),
        VersionId(version),
        Content(content) if content else None,
        condition or Precondition(),
    )


def delete(bucket: BucketId, key: str, condition: Precondition | None = None) -> DeleteObject:
    return DeleteObject(bucket, ObjectKey(key), precondition=condition or Precondition())


def delete_many(bucket: BucketId, keys: Sequence[str]) -> DeleteObjects:
    return DeleteObjects(bucket, tuple(ObjectKey(key) for key in keys))


class Make:
    """The builders, for tests."""

    initialise = staticmethod(initialise)
    join = staticmethod(join)
    blob = staticmethod(blob)
    put = staticmethod(put)
    put_staged = staticmethod(put_staged)
    stage = staticmethod(stage)
    begin = staticmethod(begin)
    part = staticmethod(part)
    complete = staticmethod(complete)
    EXPIRES_AT = EXPIRES_AT
    copy = staticmethod(copy)
    delete = staticmethod(delete)
    delete_many = staticmethod(delete_many)
    Machine = Machine

    @staticmethod
    def reason(outcome: Outcome) -> str:
        """Why it was refused; empty: it was not."""
        return str(outcome.reason) if isinstance(outcome, Rejected) else ""


@pytest.fixture(scope="session")
def make() -> type[Make]:
    return Make


@pytest.fixture
def machine() -> Machine:
    """A registry whose cluster is initialised (entry 1)."""
    return Machine().initialised()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--rewrite", action="store_true", help="write what the transcripts should say; review the diff")
