"""Versions, markers and null versions against a model: each key a list, newest last. See transcripts/versions.txt."""

import msgspec
import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from mys3d import limits
from mys3d.errors import Reason
from mys3d.model.body import StagedBody
from mys3d.model.buckets import Versioning
from mys3d.model.names import NULL_VERSION, BucketName, Instant, VersionId
from mys3d.registry import invariants, keys, queries, stack, tables
from mys3d.registry.commands import (
    CopyObject,
    DeleteBucket,
    DeleteObject,
    DeleteObjects,
    Precondition,
    Reap,
    SetVersioning,
    Wanted,
)
from mys3d.registry.outcomes import Applied, VersionPut

KEYS = ["a", "a\x00", "b", "é"]
object_keys = st.sampled_from(KEYS)
contents = st.lists(st.sampled_from(["x", "yy", "zzz"]), max_size=2)
statuses = st.sampled_from([Versioning.ENABLED, Versioning.SUSPENDED])
MARKER = None


class Histories(RuleBasedStateMachine):
    """One bucket; each key is a list of (id, is null, texts or MARKER), newest last."""

    world = None
    seen = {"states": set(), "steps": 0}  # noqa: RUF012 shared by all runs of one search

    @initialize()
    def start(self):
        self.machine = self.world.Machine().initialised()
        self.bucket = self.machine.bucket()
        self.status = Versioning.NEVER
        self.keys = {key: [] for key in KEYS}

    # --- what the model says ---
    def pushed(self, key, index, texts):
        """A new version or marker on top, as the status says."""
        is_null = self.status is not Versioning.ENABLED
        if is_null:
            self.keys[key] = [each for each in self.keys[key] if not each[1]]
        if texts is not MARKER or self.status is not Versioning.NEVER:
            self.keys[key].append((index, is_null, texts))

    def visible(self, key):
        top = self.keys[key][-1] if self.keys[key] else None
        return None if top is None or top[2] is MARKER else top

    def named(self, key, choice):
        """One version of a key as a client names it, or one that is not there."""
        found = self.keys[key]
        if not found or choice == 9:
            return VersionId(10**6), None
        chosen = found[choice % len(found)]
        return (NULL_VERSION if chosen[1] else chosen[0]), chosen

    # --- steps ---
    @rule(status=statuses)
    def set_versioning(self, status):
        self.machine.done(SetVersioning(self.bucket, status))
        self.status = status
        self.seen["states"].add(status)

    @rule(key=object_keys, texts=contents)
    def put(self, key, texts):
        outcome = self.machine.done(self.world.put(self.bucket, key, *texts))
        self.pushed(key, outcome.index, texts)
        top = self.keys[key][-1]
        assert (outcome.detail.version, outcome.detail.is_null) == top[:2]

    @rule(key=object_keys, texts=st.lists(st.sampled_from(["x", "yy", "zzz"]), min_size=1, max_size=2))
    def put_staged(self, key, texts):
        body = self.machine.staged(texts)
        size = sum(map(len, texts))
        outcome = self.machine.done(self.world.put_staged(self.bucket, key, body, size))
        self.pushed(key, outcome.index, texts)

    @rule(key=object_keys, is_new=st.booleans())
    def put_on_condition(self, key, is_new):
        condition = Precondition(if_none_match="*") if is_new else Precondition(if_match="*")
        outcome = self.machine.do(self.world.put(self.bucket, key, "x", condition=condition))
        if is_new == (self.visible(key) is None):
            assert isinstance(outcome, Applied)
            self.pushed(key, outcome.index, ["x"])
        else:
            assert self.world.reason(outcome) == (Reason.PRECONDITION_FAILED if is_new else Reason.NO_SUCH_KEY)

    @rule(source=object_keys, copied=object_keys, choice=st.integers(0, 9))
    def copy(self, source, copied, choice):
        _, chosen = self.named(source, choice)
        index = 10**6 if chosen is None else chosen[0]
        is_current = choice % 2 == 0
        outcome = self.machine.do(
            CopyObject(self.bucket, copied, self.bucket, source, VersionId(index), None, is_current=is_current)
        )
        is_there = chosen is not None and chosen[2] is not MARKER
        if is_there and (not is_current or chosen == self.visible(source)):
            assert isinstance(outcome, Applied)
            self.pushed(copied, outcome.index, chosen[2])
        else:
            assert self.world.reason(outcome) == Reason.SOURCE_CHANGED

    @rule(key=object_keys)
    def delete(self, key):
        existed = self.visible(key) is not None
        outcome = self.machine.done(self.world.delete(self.bucket, key))
        self.pushed(key, outcome.index, MARKER)
        found = outcome.detail
        assert found.existed == existed
        is_marked = self.status is not Versioning.NEVER
        assert (found.marker, found.is_null) == (
            (outcome.index, self.status is Versioning.SUSPENDED) if is_marked else (None, False)
        )

    @rule(key=object_keys, choice=st.integers(0, 9))
    def delete_version(self, key, choice):
        version, chosen = self.named(key, choice)
        found = self.machine.done(DeleteObject(self.bucket, key, version)).detail
        assert found.existed == (chosen is not None)
        assert found.was_marker == (chosen is not None and chosen[2] is MARKER)
        if chosen is not None:
            self.keys[key].remove(chosen)

    @rule(wanted=st.lists(st.tuples(object_keys, st.integers(0, 9)), max_size=6), size=st.integers(0, 4))
    def delete_many(self, wanted, size):
        """Versions by name; keys by name at odd places; each of a size or not at all."""
        asked, expected = [], []
        is_plain = {}
        for place, (key, choice) in enumerate(wanted):
            if key in is_plain and (is_plain[key] or place % 2):
                continue  # a key is named by itself, once, or by its versions: a command makes one marker of it
            is_plain[key] = place % 2
            condition = Precondition(if_size=size) if place % 3 == 0 else Precondition()
            version, chosen = (None, None) if is_plain[key] else self.named(key, choice)
            asked.append((key, Wanted(version, condition)))
            expected.append((key, chosen))
        command = DeleteObjects(self.bucket, tuple(key for key, _ in asked), tuple(each for _, each in asked))
        outcome = self.machine.done(command)
        for found, (key, chosen), (_, each) in zip(outcome.detail.removed, expected, asked, strict=True):
            top = self.keys[key][-1] if self.keys[key] else None
            meant = top if each.version is None else (chosen if chosen in self.keys[key] else None)
            is_conditional = each.precondition.if_size is not None
            if is_conditional and meant is not None and sum(map(len, meant[2] or ())) != size:
                assert found.reason is Reason.PRECONDITION_FAILED
            elif is_conditional and meant is None:
                assert not found.existed
                assert found.reason is None and found.marker is None
            elif each.version is None:
                self.pushed(key, outcome.index, MARKER)
            elif meant is not None:
                self.keys[key].remove(meant)

    @rule()
    def reap(self):
        for body, dead in queries.bodies_dead(self.machine.rows, Instant(2**62)):
            self.machine.done(Reap(body, dead.cursor))

    # --- what must hold ---
    @invariant()
    def rows_hang_together(self):
        if hasattr(self, "machine"):
            assert invariants.violations(self.machine.rows) == []

    @invariant()
    def every_key_is_its_list(self):
        for key, expected in getattr(self, "keys", {}).items():
            rows = self.machine.rows
            live = queries.live(rows, self.bucket, key)
            top = self.visible(key)
            assert (None if live is None else live.id) == (None if top is None else top[0])
            newest = queries.newest(rows, self.bucket, key)
            assert (None if newest is None else newest.id) == (expected[-1][0] if expected else None)
            hidden = [tables.decode_version(row) for _, row in rows.scan(*keys.versions_of(self.bucket, key))]
            found = [*([live] if live else []), *hidden]
            assert [(each.id, each.is_null) for each in found] == [each[:2] for each in reversed(expected)]
            for each, (index, is_null, texts) in zip(reversed(found), expected, strict=True):
                assert stack.made_at(rows, self.bucket, key, index) == each
                assert queries.version(rows, self.bucket, key, NULL_VERSION if is_null else index) == each
                assert (queries.version(rows, self.bucket, key, index) is None) == is_null
                assert self.blobs(each) == (None if texts is MARKER else tuple(map(self.world.blob, texts)))
        self.seen["steps"] += 1

    def blobs(self, version):
        if not isinstance(version.body, StagedBody):
            return None if version.body is None else version.body.blobs
        return queries.extent(self.machine.rows, version.body.body, 0)

    def teardown(self):
        if not hasattr(self, "machine"):
            return
        outcome = self.machine.do(DeleteBucket(self.bucket, BucketName("photos")))
        is_full = any(self.keys.values())
        assert self.world.reason(outcome) == (Reason.BUCKET_NOT_EMPTY if is_full else "")
        assert invariants.digest(self.machine.replayed().rows) == invariants.digest(self.machine.rows)


def test_any_sequence_of_versions_agrees_with_a_list_for_each_key(make, monkeypatch):
    monkeypatch.setattr(limits, "operation_lifetime_entries", 20)
    Histories.world = make
    Histories.seen.update(states=set(), steps=0)
    Histories.TestCase.settings = settings(
        max_examples=60, stateful_step_count=30, deadline=None, derandomize=True, phases=[Phase.generate]
    )
    Histories.TestCase().runTest()
    assert Histories.seen["states"] == {Versioning.ENABLED, Versioning.SUSPENDED}
    assert Histories.seen["steps"] > 600, "the search applied next to nothing"


@pytest.fixture
def enabled(machine):
    bucket = machine.bucket()
    machine.done(SetVersioning(bucket, Versioning.ENABLED))
    return bucket


def test_a_version_that_is_kept_has_an_id_of_its_own(machine, make, enabled):
    outcome = machine.done(make.put(enabled, "k", "one"))
    assert outcome.detail == VersionPut(outcome.index, queries.now(machine.rows), is_null=False)


def test_the_null_version_is_not_found_by_the_index_that_made_it(machine, make):
    bucket = machine.bucket()
    version = machine.done(make.put(bucket, "k", "one")).detail.version
    assert not machine.done(DeleteObject(bucket, "k", version)).detail.existed
    assert machine.done(DeleteObject(bucket, "k", NULL_VERSION)).detail.existed
    assert queries.live(machine.rows, bucket, "k") is None


def test_a_bucket_never_forgets_that_it_kept_versions(machine, enabled, make):
    outcome = machine.do(SetVersioning(enabled, Versioning.NEVER))
    assert make.reason(outcome) == Reason.INVALID_COMMAND
    assert queries.bucket(machine.rows, BucketName("photos")).versioning is Versioning.ENABLED


def test_versioning_of_a_bucket_that_is_gone(machine, make):
    assert make.reason(machine.do(SetVersioning(99, Versioning.ENABLED))) == Reason.NO_SUCH_BUCKET


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        (Precondition("*"), True),
        (Precondition('""'), False),
        (Precondition("e1"), False),
        (Precondition(if_none_match="*"), False),
        (Precondition(if_size=0), True),
        (Precondition(if_size=1), False),
        (Precondition(if_modified_at=Instant(1)), False),
    ],
)
def test_a_marker_matches_no_entity_tag_but_any(machine, make, enabled, condition, holds):
    machine.done(make.put(enabled, "k", "one"))
    machine.done(make.delete(enabled, "k"))
    outcome = machine.do(make.delete(enabled, "k", condition))
    assert make.reason(outcome) == ("" if holds else Reason.PRECONDITION_FAILED)


@pytest.mark.parametrize("shift", [0, 1, 400, 999, 1000, -1])
def test_a_time_in_whole_seconds_means_the_second_and_a_finer_one_itself(machine, make, shift):
    bucket = machine.bucket()
    at = 1_800_000_000_400
    machine.do(make.put(bucket, "k", "one"), time=at)
    asked = Instant(1_800_000_000_000 + shift)
    outcome = machine.do(make.delete(bucket, "k", Precondition(if_modified_at=asked)))
    assert make.reason(outcome) == ("" if shift in (0, 400) else Reason.PRECONDITION_FAILED)


def test_a_condition_on_a_key_that_is_not_there_makes_no_marker(machine, make, enabled):
    found = machine.done(make.delete(enabled, "k", Precondition("*"))).detail
    assert (found.existed, found.marker) == (False, None)
    assert queries.newest(machine.rows, enabled, "k") is None


def worst_removals(machine, make, blobs_count):
    """A bucket in which each removal touches as many rows as it can: a visible version over a hidden null one, which
    has so many blobs, or came in parts (0)."""
    bucket = machine.bucket()
    names = [f"k{number}" for number in range(limits.delete_versions_max)]
    for name in names:
        if blobs_count == 0:
            machine.in_parts(bucket, name)
        else:
            machine.done(make.put(bucket, name, *[f"{name} {number}" for number in range(blobs_count)]))
    machine.done(SetVersioning(bucket, Versioning.ENABLED))
    for name in names:
        machine.done(make.put(bucket, name, f"{name} new"))
    machine.done(SetVersioning(bucket, Versioning.SUSPENDED))
    machine.most_rows = 0
    return bucket, names


@pytest.mark.parametrize("blobs_count", [0, 1, 4, limits.inline_blobs_max])
def test_the_most_markers_of_one_removal_are_bounded(machine, make, blobs_count):
    bucket, names = worst_removals(machine, make, blobs_count)
    machine.done(make.delete_many(bucket, names))
    assert machine.most_rows <= limits.command_rows_max
    assert invariants.violations(machine.rows) == []


@pytest.mark.parametrize("blobs_count", [0, 4])
def test_the_most_versions_of_one_removal_are_bounded(machine, make, blobs_count):
    bucket, names = worst_removals(machine, make, blobs_count)
    visible = tuple(Wanted(queries.live(machine.rows, bucket, name).id) for name in names)
    machine.done(DeleteObjects(bucket, tuple(names), visible))
    assert machine.most_rows <= limits.command_rows_max
    assert all(queries.live(machine.rows, bucket, name).is_null for name in names)
    machine.done(DeleteObjects(bucket, tuple(names), (Wanted(NULL_VERSION),) * len(names)))
    assert invariants.violations(machine.rows) == []
    assert tables.is_empty(machine.rows, bucket)


def test_one_key_more_is_refused_where_versions_are_kept(machine, make, enabled):
    names = [f"k{number}" for number in range(limits.delete_versions_max + 1)]
    assert make.reason(machine.do(make.delete_many(enabled, names))) == Reason.TOO_LARGE
    assert make.reason(machine.do(make.delete_many(machine.bucket("plain"), names))) == ""


def test_deleting_the_newest_marker_promotes_by_one_seek(machine, make, enabled):
    for number in range(300):
        machine.done(make.put(enabled, "k", f"{number}"))
    marker = machine.done(make.delete(enabled, "k")).detail.marker
    machine.most_rows = 0
    machine.done(DeleteObject(enabled, "k", marker))
    assert machine.most_rows < 16
    assert queries.live(machine.rows, enabled, "k").etag == "e1"


def test_an_unversioned_write_reads_no_row_more_than_before(machine, make):
    """Applied, clock, outcome and its place, bucket, live, layout, epoch, two references; a delete needs no epochs."""
    bucket = machine.bucket()
    machine.done(make.put(bucket, "k", "one"))
    machine.most_rows = 0
    machine.done(make.put(bucket, "k", "two"))
    assert machine.most_rows == 10
    machine.most_rows = 0
    machine.done(make.delete(bucket, "k"))
    assert machine.most_rows == 7


def test_rows_of_an_older_form_are_read(machine, make):
    """A bucket and its name as they were written before versioning."""
    bucket = machine.bucket()
    for key in (keys.bucket(BucketName("photos")), keys.bucket_name(bucket)):
        row = msgspec.msgpack.decode(machine.rows.get(key))
        machine.rows.commit([(key, msgspec.msgpack.encode(row[:-1]))])
    assert queries.bucket(machine.rows, BucketName("photos")).versioning is Versioning.NEVER
    assert tables.versioning(machine.rows, bucket) is Versioning.NEVER
    machine.done(make.put(bucket, "k", "one"))
    assert invariants.violations(machine.rows) == []
