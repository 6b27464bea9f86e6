"""The registry as a state machine: any commands, a model beside it, and the invariants after every step."""

import msgspec
import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from mys3d import limits
from mys3d.errors import Reason
from mys3d.model.body import InlineBlobs, StagedBody
from mys3d.model.names import AccessKey, BodyId, BucketName, Epoch, GcEpoch, Instant, LogIndex
from mys3d.registry import codec, invariants, keys, queries
from mys3d.registry.commands import (
    AbandonBody,
    BeginLayout,
    BumpGcEpoch,
    CancelOperation,
    CreateToken,
    DeleteBucket,
    Precondition,
    PutCredential,
    Reap,
    ReleaseLayout,
    ReportHomes,
    SealLayout,
)
from mys3d.registry.memory import MemoryRows
from mys3d.registry.outcomes import Applied
from mys3d.registry.records import BodyRow

object_keys = st.sampled_from(["a", "a/b", "a\x00b", "b", "é", "\U0010ffff"])
bodies = st.lists(st.sampled_from(["x", "yy", "zzz"]), max_size=3)
slots = st.integers(0, 2)
STEPS = ["commit", "commit", "abandon", "leave"]


@pytest.fixture
def world(make, monkeypatch):
    monkeypatch.setattr(limits, "operation_lifetime_entries", 12)
    return make


class Registry(RuleBasedStateMachine):
    """Steps with a model beside them; the test gives the builders."""

    world = None
    begun = []  # noqa: RUF012 shared by all runs of one search

    @initialize()
    def start(self):
        self.machine = self.world.Machine().initialised()
        self.buckets = {}  # name -> id
        self.objects = {}  # (bucket id, key) -> texts
        self.members = 1
        self.begun.append(self.machine)

    @rule(slot=slots)
    def make_bucket(self, slot):
        name = f"bucket{slot}"
        if name not in self.buckets:
            self.buckets[name] = self.machine.bucket(name)

    @rule(slot=slots)
    def drop_bucket(self, slot):
        name = f"bucket{slot}"
        outcome = self.machine.do(DeleteBucket(self.buckets.get(name, 10**6), BucketName(name)))
        if name not in self.buckets:
            assert self.world.reason(outcome) == Reason.NO_SUCH_BUCKET
        elif any(bucket == self.buckets[name] for bucket, _ in self.objects):
            assert self.world.reason(outcome) == Reason.BUCKET_NOT_EMPTY
        else:
            del self.buckets[name]

    @rule(slot=slots, key=object_keys, texts=bodies, epoch=st.integers(0, 4), is_new=st.booleans())
    def put(self, slot, key, texts, epoch, is_new):
        bucket = self.buckets.get(f"bucket{slot}", 10**6)
        layout = queries.layout(self.machine.rows)
        condition = Precondition(if_none_match="*") if is_new else Precondition()
        outcome = self.machine.do(
            self.world.put(bucket, key, *texts, layout_epoch=epoch, gc_epoch=99, condition=condition)
        )
        if bucket == 10**6:
            assert self.world.reason(outcome) == Reason.NO_SUCH_BUCKET
        elif is_new and (bucket, key) in self.objects:
            assert self.world.reason(outcome) == Reason.PRECONDITION_FAILED
        elif not layout.sealed < epoch <= layout.epoch:
            assert self.world.reason(outcome) == Reason.LAYOUT_EPOCH_OLD
        else:
            assert isinstance(outcome, Applied)
            self.objects[bucket, key] = texts

    @rule(slot=slots, chosen=st.lists(object_keys, max_size=4))
    def delete(self, slot, chosen):
        bucket = self.buckets.get(f"bucket{slot}")
        if bucket is None:
            return
        for key in chosen[:1]:
            self.machine.done(self.world.delete(bucket, key))
            self.objects.pop((bucket, key), None)
        removed = self.machine.done(self.world.delete_many(bucket, chosen[1:])).detail.removed
        existed = [self.objects.pop((bucket, key), None) is not None for key in chosen[1:]]
        assert [entry.existed for entry in removed] == existed

    @rule(slot=slots, source=object_keys, copied=object_keys, is_seen=st.booleans())
    def copy(self, slot, source, copied, is_seen):
        bucket = self.buckets.get(f"bucket{slot}", 10**6)
        found = queries.live(self.machine.rows, bucket, source)
        version = found.id if found is not None and is_seen else 10**6
        outcome = self.machine.do(self.world.copy(bucket, copied, source, version))
        if bucket == 10**6:
            assert self.world.reason(outcome) == Reason.NO_SUCH_BUCKET
        elif version == 10**6:
            assert self.world.reason(outcome) == Reason.SOURCE_CHANGED
        else:
            assert isinstance(outcome, Applied)
            self.objects[bucket, copied] = self.objects[bucket, source]

    @rule(slot=slots, texts=st.lists(bodies.filter(bool), min_size=1, max_size=3), step=st.sampled_from(STEPS))
    def put_staged(self, slot, texts, step):
        bucket = self.buckets.get(f"bucket{slot}")
        epoch = queries.layout(self.machine.rows).epoch
        body = None
        for sequence, each in enumerate(texts):
            command = self.world.stage(body, sequence, *each, layout_epoch=epoch, gc_epoch=99)
            body = self.machine.done(command).detail.body
        count, size = sum(map(len, texts)), sum(len(text) for each in texts for text in each)
        if step == "abandon":
            self.machine.done(AbandonBody(body, is_expired=False))
        if step != "commit" or bucket is None:
            return
        self.machine.done(self.world.put_staged(bucket, "a", StagedBody(body, count), size))
        self.objects[bucket, "a"] = [text for each in texts for text in each]

    @rule(choice=st.integers(0, 5))
    def reap(self, choice):
        for body, dead in queries.bodies_dead(self.machine.rows, Instant(2**62))[: choice + 1]:
            assert self.world.reason(self.machine.do(Reap(body, dead.cursor + 1))) == Reason.NO_SUCH_BODY
            self.machine.done(Reap(body, dead.cursor))

    @rule()
    def join(self):
        self.members += 1
        self.machine.join(f"n{self.members}")
        self.machine.vote(f"n{self.members}")

    @rule(step=st.sampled_from(["begin", "seal", "report", "release"]), epoch=st.integers(1, 4))
    def change_layout(self, step, epoch):
        nodes = tuple(member.id for member in queries.members(self.machine.rows))
        homes = (tuple(range(min(3, len(nodes)))),) * 1024
        if step == "begin":
            self.machine.do(BeginLayout(Epoch(epoch), nodes, homes))
        if step == "seal":
            self.machine.do(SealLayout(Epoch(epoch)))
        if step == "report":
            for node in nodes:
                self.machine.do(ReportHomes(Epoch(epoch), node, LogIndex(self.machine.index)))
        if step == "release":
            self.machine.do(ReleaseLayout(Epoch(epoch)))

    @rule(operation=st.integers(1, 40), epoch=st.integers(1, 4))
    def other(self, operation, epoch):
        self.machine.do(CancelOperation((10**9 + operation).to_bytes(16, "big")))
        self.machine.do(BumpGcEpoch(GcEpoch(epoch)))
        self.machine.noop()

    @invariant()
    def rows_hang_together(self):
        if hasattr(self, "machine"):
            assert invariants.violations(self.machine.rows) == []

    @invariant()
    def objects_are_those_of_the_model(self):
        for (bucket, key), texts in getattr(self, "objects", {}).items():
            found = queries.live(self.machine.rows, bucket, key).body
            blobs = found.blobs if isinstance(found, InlineBlobs) else self.staged_blobs(found.body)
            assert blobs == tuple(self.world.blob(text) for text in texts)

    def staged_blobs(self, body):
        extents = (queries.extent(self.machine.rows, body, sequence) or () for sequence in range(3))
        return tuple(blob for extent in extents for blob in extent)

    def teardown(self):
        if hasattr(self, "machine"):
            assert invariants.digest(self.machine.replayed().rows) == invariants.digest(self.machine.rows)


def test_any_sequence_of_commands_keeps_the_invariants_and_agrees_with_a_model(world):
    Registry.world = world
    Registry.begun.clear()
    Registry.TestCase.settings = settings(
        max_examples=30, stateful_step_count=25, deadline=None, derandomize=True, phases=[Phase.generate]
    )
    Registry.TestCase().runTest()
    assert sum(machine.index for machine in Registry.begun) > 300, "the search applied next to nothing"


def test_the_same_log_gives_the_same_rows(machine, make):
    bucket = machine.bucket()
    for number in range(50):
        machine.do(make.put(bucket, f"k{number % 7}", f"text{number % 5}"))
    machine.do(make.delete_many(bucket, ["k1", "k2"]))
    machine.vote("n2")
    assert invariants.digest(machine.replayed().rows) == invariants.digest(machine.rows)


def test_the_digest_of_rows_knows_where_a_key_ends(make):
    assert invariants.digest(MemoryRows([(b"ab", b"c")])) != invariants.digest(MemoryRows([(b"a", b"bc")]))


class TestEveryInvariantCanFail:
    """A check that never fails proves nothing: each of these breaks one promise by hand."""

    @pytest.fixture
    def broken(self, machine, make):
        bucket = machine.bucket()
        machine.done(make.put(bucket, "k", "one"))

        def break_(key, value):
            machine.rows.commit([(key, value)])
            return " ".join(invariants.violations(machine.rows))

        assert invariants.violations(machine.rows) == []
        return machine, bucket, break_

    def test_a_missing_reference(self, broken, make):
        _, _, break_ = broken
        assert "has no references" in break_(keys.reference(make.blob("one").digest), None)

    def test_a_reference_too_many(self, broken, make):
        machine, _, break_ = broken
        row = machine.rows.get(keys.reference(make.blob("one").digest))
        assert "not what bodies name" in break_(keys.reference(make.blob("two").digest), row)

    @pytest.fixture
    def staged(self, broken, make):
        machine, bucket, break_ = broken
        body = machine.staged(["a"], ["b"])
        machine.done(make.put_staged(bucket, "big", body, 2))
        assert invariants.violations(machine.rows) == []
        return machine, body.body, break_

    def test_a_lost_extent(self, staged):
        _, body, break_ = staged
        assert "not what was staged" in break_(keys.extent(body, 0, 1), None)

    def test_a_lost_body(self, staged):
        _, body, break_ = staged
        assert "is named, and has no row" in break_(keys.body(body), None)

    def test_an_owner_nobody_counted(self, staged):
        machine, _, break_ = staged
        bucket = queries.bucket(machine.rows, "photos").id
        assert "owners are not what versions and parts name" in break_(keys.live(bucket, "big"), None)

    def test_a_body_that_is_owned_and_dead(self, staged):
        machine, body, break_ = staged
        machine.done(AbandonBody(machine.staged(["c"]).body, is_expired=False))
        ((other, _),) = queries.bodies_dead(machine.rows, Instant(2**62))
        found = break_(keys.dead_body(body), machine.rows.get(keys.dead_body(BodyId(other))))
        assert "not one of unfinished, owned and dead" in found

    def test_an_unfinished_body_without_its_end(self, staged):
        machine, _, break_ = staged
        other = machine.staged(["c"]).body
        assert "not one of unfinished, owned and dead" in break_(keys.unfinished(other), None)

    def test_a_version_that_should_be_live(self, broken):
        machine, bucket, break_ = broken
        row = machine.rows.get(keys.live(bucket, "k"))
        assert "has no live row" in break_(keys.version(bucket, "other", 3), row)

    def test_a_live_row_older_than_a_version(self, broken):
        machine, bucket, break_ = broken
        row = machine.rows.get(keys.live(bucket, "k"))
        assert "or older than version" in break_(keys.version(bucket, "k", 99), row)

    def test_a_bucket_without_id(self, broken):
        _, bucket, break_ = broken
        found = break_(keys.bucket_name(bucket), None)
        assert "does not lead back" in found
        assert "its bucket is gone" in found

    def test_a_voter_that_is_no_member(self, broken):
        machine, _, _ = broken
        machine.vote("n7")
        assert "voter n7 is no member" in " ".join(invariants.violations(machine.rows))

    def test_a_home_that_is_no_member(self, broken):
        _, _, break_ = broken
        assert "no settled member" in break_(keys.member("n1"), None)

    def test_a_missing_layout(self, broken):
        _, _, break_ = broken
        assert "a cluster has a layout" in break_(keys.HOMES, None)

    def test_an_outcome_nobody_will_forget(self, broken):
        _, _, break_ = broken
        assert "queued to be forgotten" in break_(keys.outcome(b"q" * 16), b"\x90")

    def test_an_outcome_kept_too_long(self, broken, monkeypatch):
        machine, _, _ = broken
        monkeypatch.setattr(limits, "operation_lifetime_entries", 1)
        assert "are kept at index" in " ".join(invariants.violations(machine.rows))

    def test_members_without_a_cluster(self, broken):
        _, _, break_ = broken
        assert "no cluster" in break_(keys.CLUSTER, None)

    @pytest.mark.parametrize(
        ("key", "row", "sentence"),
        [
            (b"?odd", b"", "there is no such table"),
            (keys.OUTCOMES + b"short", b"\x90", "a key of 6 bytes in a table of 17"),
            (keys.NOW + b"x", b"\x90", "a key of 2 bytes in a table of 1"),
            (keys.body(BodyId(10**6)), codec.encode(BodyRow(1, 0, 0, 0, 0)), "its id is newer than entry"),
        ],
    )
    def test_a_row_where_none_belongs(self, broken, key, row, sentence):
        _, _, break_ = broken
        assert sentence in break_(key, row)

    @pytest.mark.parametrize("table", [b"k", b"m", b"t", b"o", b"r", b"e", b"y"])
    def test_a_row_that_does_not_decode_is_a_sentence_and_no_crash(self, broken, table):
        _, bucket, break_ = broken
        key = {
            b"o": keys.live(bucket, "k"),
            b"r": keys.reference(b"\x01" * 32),
            b"e": keys.extent(BodyId(3), 0, 0),
            b"y": keys.outcomes_at(LogIndex(1)),
        }.get(table, table + b"x")
        assert "does not decode" in break_(key, b"\xc1")

    def test_a_version_newer_than_the_log(self, broken):
        machine, bucket, break_ = broken
        version = queries.live(machine.rows, bucket, "k")
        late = codec.encode(msgspec.structs.replace(version, id=version.id + 10**6))
        assert "is newer than entry" in break_(keys.live(bucket, "k"), late)

    def test_a_size_that_its_blobs_have_not(self, broken):
        machine, bucket, break_ = broken
        version = queries.live(machine.rows, bucket, "k")
        assert "are not those of its blobs" in break_(
            keys.live(bucket, "k"), codec.encode(msgspec.structs.replace(version, size=version.size + 1))
        )

    def test_a_token_and_a_credential_under_another_key(self, broken):
        machine, _, break_ = broken
        machine.done(CreateToken(b"t" * 32, Instant(2**62)))
        row = machine.rows.get(keys.token(b"t" * 32))
        assert "lies under another key" in break_(keys.token(b"u" * 32), row)
        machine.done(PutCredential(AccessKey("root"), b"sealed", "u", True, False))
        row = machine.rows.get(keys.credential(AccessKey("root")))
        assert "access key root lies under another key" in break_(keys.credential(AccessKey("other")), row)

    def test_a_target_home_that_is_no_member(self, broken):
        machine, _, _ = broken
        machine.join("n2")
        machine.done(BeginLayout(Epoch(2), ("n1", "n2"), ((0, 1),) * 1024))
        machine.rows.commit([(keys.member("n2"), None)])
        assert "n2 is a target home and no member" in " ".join(invariants.violations(machine.rows))

    def test_sentences_are_bounded(self, broken, monkeypatch):
        machine, _, _ = broken
        monkeypatch.setattr(limits, "violations_max", 3)
        machine.rows.commit([(b"?%d" % number, b"") for number in range(9)])
        assert len(invariants.violations(machine.rows)) == 3
