"""Transcripts of rules and lists. `pytest tests/registry --rewrite` writes what is answered: review the diff."""

import shlex
from pathlib import Path

import msgspec
import pytest

from mys3d.model.body import StagedBody
from mys3d.model.buckets import BucketConfiguration, Versioning
from mys3d.model.members import MemberState
from mys3d.model.names import (
    NULL_VERSION,
    AccessKey,
    BucketName,
    Epoch,
    GcEpoch,
    Instant,
    LogIndex,
    NodeId,
    ObjectKey,
    VersionId,
)
from mys3d.model.settings import WriteQuorum
from mys3d.registry import invariants, keys, queries, tables
from mys3d.registry.commands import (
    AbandonBody,
    BeginLayout,
    BumpGcEpoch,
    ChangeSettings,
    CreateBucket,
    CreateToken,
    DeleteBucket,
    DeleteObject,
    DeleteObjects,
    Precondition,
    PutCredential,
    Reap,
    ReleaseLayout,
    ReportHomes,
    SealLayout,
    SetVersioning,
    UpdateMember,
    Wanted,
)
from mys3d.registry.listing import list_objects
from mys3d.registry.outcomes import Applied, BodyStaged, BucketMade, VersionPut, VersionRemoved, VersionsRemoved

TRANSCRIPTS = sorted((Path(__file__).parent / "transcripts").glob("*.txt"))


@pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: path.stem)
def test_a_transcript_says_what_is_answered(path, make, request):
    written = path.read_text()
    played = play(make, written)
    if request.config.getoption("--rewrite", default=False):
        path.write_text(played)
        return
    assert played == written


def test_there_are_transcripts():
    assert len(TRANSCRIPTS) >= 4


def play(make, text):
    """Answer every `> command`; comments and empty lines stay, old answers go."""
    player = Player(make)
    lines = []
    for line in text.splitlines():
        if line.startswith(">"):
            words = shlex.split(line[1:])
            options = dict(word.split("=", 1) for word in words[1:] if "=" in word)
            plain = [word for word in words[1:] if "=" not in word]
            lines += [line, *player.answer(words[0], plain, options)]
            broken = invariants.violations(player.machine.rows)
            assert not broken, (line, broken)
        elif line.startswith("#") or not line.strip():
            lines.append(line)
    return "\n".join(lines) + "\n"


class Player:
    def __init__(self, make):
        self.make = make
        self.machine = make.Machine()

    def answer(self, verb, words, options):
        made = getattr(self, verb)(*words, **{key.replace("-", "_"): value for key, value in options.items()})
        if isinstance(made, list):
            return [f"  {line}".rstrip() for line in made]
        return [f"  {line}" for line in told(self.machine.do(made))]

    def init(self, node):
        return self.make.initialise(node)

    def token(self, name, lives="3600"):
        now = queries.now(self.machine.rows)
        return CreateToken(name.encode(), Instant(now + 1000 * int(lives)))

    def join(self, node, token):
        return self.make.join(node, token.encode())

    def member(self, node, state):
        return UpdateMember(NodeId(node), state=MemberState(state))

    def members(self):
        votes = queries.voters(self.machine.rows)
        return [
            f"{member.id} {member.state} {'votes' if member.id in votes else 'learns'}"
            for member in queries.members(self.machine.rows)
        ]

    def vote(self, node):
        self.machine.vote(node)
        return [f"voters {' '.join(queries.voters(self.machine.rows))}"]

    def unvote(self, node):
        self.machine.vote(node, votes=False)
        return [f"voters {' '.join(queries.voters(self.machine.rows))}"]

    def begin(self, epoch, *nodes):
        homes = tuple(range(len(nodes)))
        return BeginLayout(Epoch(int(epoch)), tuple(NodeId(node) for node in nodes), (homes,) * 1024)

    def seal(self, epoch):
        return SealLayout(Epoch(int(epoch)))

    def report(self, epoch, node, checked_at=None):
        at = self.machine.index if checked_at is None else int(checked_at)
        return ReportHomes(Epoch(int(epoch)), NodeId(node), LogIndex(at))

    def release(self, epoch):
        return ReleaseLayout(Epoch(int(epoch)))

    def layout(self):
        layout = queries.layout(self.machine.rows)
        target = f" target {' '.join(layout.target[0])}" if layout.target else ""
        reported = f" reported {' '.join(layout.reported)}" if layout.reported else ""
        sealed = f" sealed at {layout.seal_index}" if layout.seal_index else ""
        accepted = f"accepts {layout.sealed + 1}..{layout.epoch}"
        return [f"epoch {layout.epoch} {accepted} base {' '.join(layout.base[0])}{target}{sealed}{reported}"]

    def gc(self, epoch):
        return BumpGcEpoch(GcEpoch(int(epoch)))

    def set(self, write_quorum=None, straggler_ms=None, gc_period_ms=None):
        quorum = None if write_quorum is None else WriteQuorum(write_quorum)
        waits = [None if text is None else int(text) for text in (straggler_ms, gc_period_ms)]
        return ChangeSettings(quorum, *waits)

    def settings(self):
        found = queries.settings(self.machine.rows)
        return [
            f"write_quorum {found.write_quorum} straggler_ms {found.straggler_ms} gc_period_ms {found.gc_period_ms}"
        ]

    def key(self, name, replace=""):
        return PutCredential(AccessKey(name), b"sealed", "user", False, bool(replace))

    def mb(self, name, owner="root"):
        return CreateBucket(BucketName(name), AccessKey(owner), BucketConfiguration())

    def rb(self, name):
        return DeleteBucket(self._id(name), BucketName(name))

    def buckets(self, after="", limit="100"):
        return [bucket.name for bucket in queries.buckets(self.machine.rows, after, int(limit))]

    def put(self, bucket, key, *texts, layout="1", gc="1", if_match="", if_none_match=""):
        condition = Precondition(if_match, if_none_match)
        return self.make.put(
            self._id(bucket),
            key,
            *texts,
            etag="/".join(texts),
            layout_epoch=int(layout),
            gc_epoch=int(gc),
            condition=condition,
        )

    def stage(self, body, sequence, *texts, layout="1", gc="1"):
        epochs = {"layout_epoch": int(layout), "gc_epoch": int(gc)}
        return self.make.stage(None if body == "new" else int(body), int(sequence), *texts, **epochs)

    def put_staged(self, bucket, key, body, count, size, layout="1", gc="1"):
        epochs = {"layout_epoch": int(layout), "gc_epoch": int(gc)}
        return self.make.put_staged(self._id(bucket), key, StagedBody(int(body), int(count)), int(size), **epochs)

    def abandon(self, body, expired=""):
        return AbandonBody(int(body), bool(expired))

    def reap(self, body, cursor):
        return Reap(int(body), int(cursor))

    def dead(self):
        found = queries.bodies_dead(self.machine.rows, Instant(2**62))
        return [f"body {body} from {dead.cursor}" for body, dead in found]

    def expired(self):
        """Which bodies may be given up after a day more."""
        return [f"body {body}" for body in queries.bodies_expired(self.machine.rows, Instant(self.make.EXPIRES_AT))]

    def get(self, bucket, key):
        found = queries.live(self.machine.rows, self._id(bucket), key)
        return ["absent"] if found is None else [f"version {found.id} etag {found.etag} size {found.size}"]

    def cp(self, bucket, key, source, version=None, if_none_match="", content="", named=""):
        """Copy the version that is visible, or another one that is taken for it, or one that is named."""
        found = queries.live(self.machine.rows, self._id(bucket), source)
        seen = int(version) if version else (found.id if found else 999)
        condition = Precondition(if_none_match=if_none_match)
        made = self.make.copy(self._id(bucket), key, source, seen, condition, content)
        return msgspec.structs.replace(made, is_current=not named)

    def rm(self, bucket, key, version=None, if_match="", if_size=None):
        condition = Precondition(if_match, if_size=None if if_size is None else int(if_size))
        return DeleteObject(self._id(bucket), ObjectKey(key), version_id(version), condition)

    def rms(self, bucket, *texts):
        """Keys, each with `@version` or without."""
        named = [text.partition("@")[::2] for text in texts]
        wanted = tuple(Wanted(version_id(version or None)) for _, version in named)
        return DeleteObjects(self._id(bucket), tuple(key for key, _ in named), wanted if "@" in "".join(texts) else ())

    def versioning(self, bucket, status):
        return SetVersioning(self._id(bucket), Versioning(status))

    def versions(self, bucket, key):
        """Everything that a key has, newest first."""
        rows, bucket_id = self.machine.rows, self._id(bucket)
        live = queries.live(rows, bucket_id, key)
        hidden = [tables.decode_version(row) for _, row in rows.scan(*keys.versions_of(bucket_id, key))]
        found = [*([live] if live else []), *hidden]
        return [
            f"{each.id}{' null' if each.is_null else ''} {'marker' if each.is_marker else each.etag}"
            f"{' visible' if each is live else ''}"
            for each in found
        ] or ["nothing"]

    def refs(self, *texts):
        return [f"{text} {queries.references_count(self.machine.rows, self.make.blob(text).digest)}" for text in texts]

    def ls(self, bucket, prefix="", delimiter="", after="", limit="1000"):
        page = list_objects(self.machine.rows, self._id(bucket), prefix, delimiter, after, int(limit))
        found = [(entry.key, entry.key) for entry in page.entries]
        found += [(prefix, f"{prefix} (common prefix)") for prefix in page.common_prefixes]
        more = [f"... after {page.next_after}"] if page.is_truncated else []
        return [line for _, line in sorted(found, key=lambda row: row[0].encode())] + more

    def _id(self, name):
        found = queries.bucket(self.machine.rows, BucketName(name))
        return 999 if found is None else found.id


def told(outcome):
    if not isinstance(outcome, Applied):
        return [f"refused {outcome}"]
    match outcome.detail:
        case None:
            return ["done"]
        case BucketMade(bucket=bucket):
            return [f"bucket {bucket}"]
        case BodyStaged(body=body):
            return [f"body {body}"]
        case VersionPut(version=version):
            return [f"version {version}"]
        case VersionRemoved() as removed:
            return [told_of(removed)]
        case VersionsRemoved(removed=removed):
            return [told_of(entry) for entry in removed]


def told_of(found):
    if found.reason is not None:
        return f"{found.key} refused {found.reason}: {found.detail}"
    if found.marker is not None:
        return f"{found.key} {'hidden' if found.existed else 'had nothing to hide'}: marker {found.marker}" + (
            " null" if found.is_null else ""
        )
    what = f"{found.key} {'marker ' if found.was_marker else ''}"
    return f"{what}{'removed' if found.existed else 'was absent'}"


def version_id(text):
    return None if text is None else NULL_VERSION if text == "null" else VersionId(int(text))
