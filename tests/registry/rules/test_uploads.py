"""Uploads in parts: each rule; any order of them in test_uploads_in_any_order.py."""

import msgspec
import pytest

from mys3d import limits
from mys3d.errors import Reason
from mys3d.model.body import PartsBody
from mys3d.model.buckets import Versioning
from mys3d.model.names import BucketName, Instant
from mys3d.registry import codec, invariants, keys, queries
from mys3d.registry.commands import BumpGcEpoch, DeleteBucket, Precondition, Proposal, Reap, SetVersioning
from mys3d.registry.outcomes import Applied, VersionPut
from mys3d.registry.upload_commands import AbortUpload

EVER = Instant(2**62)


def counts(machine, make, *texts):
    return [queries.references_count(machine.rows, make.blob(text).digest) for text in texts]


def reap_all(machine):
    """What the leader's duty does, at once."""
    while True:
        dead = [body for body, _ in queries.bodies_dead(machine.rows, EVER)] + queries.leftovers(machine.rows)
        for bucket, key, upload in queries.uploads_orphaned(machine.rows):
            machine.done(AbortUpload(bucket, key, upload))
        if not dead:
            return
        for body in dead:
            machine.done(Reap(body, queries.reapable_from(machine.rows, body)))
            assert invariants.violations(machine.rows) == []


def completed(machine, make, bucket, key="k", numbers=(1, 2)):
    """An object of parts `one` (3 bytes) and `three` (5 bytes)."""
    upload = machine.upload(bucket, key)
    machine.done(make.part(bucket, key, upload, numbers[1], "three"))
    machine.done(make.part(bucket, key, upload, numbers[0], "one"))
    machine.done(make.complete(bucket, key, upload, 2, [(numbers[0], 3), (numbers[1], 5)]))
    return upload


def test_an_upload_is_open_until_it_is_completed(machine, make):
    bucket = machine.bucket()
    upload = machine.upload(bucket)
    found = queries.upload(machine.rows, bucket, "k", upload)
    assert (found.revision, found.parts_count, found.content.content_type) == (0, 0, "text/plain")
    machine.done(make.part(bucket, "k", upload, 1, "one"))
    assert queries.live(machine.rows, bucket, "k") is None
    made = machine.done(make.complete(bucket, "k", upload, 1, [(1, 3)], etag="x-1"))
    assert queries.upload(machine.rows, bucket, "k", upload) is None
    version = queries.live(machine.rows, bucket, "k")
    assert (version.body, version.size, version.etag) == (PartsBody(upload, 1), 3, "x-1")
    assert version.content.content_type == "text/plain"
    assert made.detail == VersionPut(machine.index, version.modified_at, is_null=True)


def test_the_parts_of_an_object_are_told_by_their_place(machine, make):
    bucket = machine.bucket()
    completed(machine, make, bucket, numbers=(3, 7))
    body = queries.live(machine.rows, bucket, "k").body
    table = queries.parts_of(machine.rows, body)
    assert (table.parts_count, table.part_range(1), table.part_range(2)) == (2, (0, 3), (3, 8))
    assert queries.part(machine.rows, body, 1).etag == "one"
    assert queries.part(machine.rows, body, 2).etag == "three"
    assert queries.part(machine.rows, body, 3) is None


def test_a_part_takes_the_place_of_the_one_of_its_number(machine, make):
    bucket = machine.bucket()
    upload = machine.upload(bucket)
    machine.done(make.part(bucket, "k", upload, 1, "one", "both"))
    machine.done(make.part(bucket, "k", upload, 1, "both", "two"))
    assert counts(machine, make, "one", "both", "two") == [0, 1, 1]
    found = queries.upload(machine.rows, bucket, "k", upload)
    assert (found.revision, found.parts_count) == (2, 1)
    assert [(number, part.etag) for number, part in queries.uploaded_parts(machine.rows, upload, 0, 9)] == [
        (1, "both+two")
    ]


def test_a_part_of_many_blobs_owns_a_staged_body(machine, make):
    bucket = machine.bucket()
    upload = machine.upload(bucket)
    staged = machine.staged(["a", "b"], ["c"])
    command = msgspec.structs.replace(make.part(bucket, "k", upload, 1), body=staged, size=3)
    machine.done(command)
    assert invariants.violations(machine.rows) == []
    assert make.reason(machine.do(msgspec.structs.replace(command, number=2))) == Reason.NO_SUCH_BODY
    machine.done(make.part(bucket, "k", upload, 1, "small"))
    assert counts(machine, make, "a", "b", "c", "small") == [1, 1, 1, 1]
    reap_all(machine)
    assert counts(machine, make, "a", "b", "c", "small") == [0, 0, 0, 1]


def test_a_part_is_held_against_the_epochs_as_a_put_is(machine, make):
    bucket = machine.bucket()
    upload = machine.upload(bucket)
    for epoch in (2, 3):
        machine.done(BumpGcEpoch(epoch))
    assert make.reason(machine.do(make.part(bucket, "k", upload, 1, "a"))) == Reason.GC_EPOCH_OLD
    old_layout = make.part(bucket, "k", upload, 1, "a", layout_epoch=0, gc_epoch=3)
    assert make.reason(machine.do(old_layout)) == Reason.LAYOUT_EPOCH_OLD
    machine.done(make.part(bucket, "k", upload, 1, "a", gc_epoch=2))


def test_there_is_no_upload_without_a_bucket(machine, make):
    assert make.reason(machine.do(make.begin(99, "k"))) == Reason.NO_SUCH_BUCKET
    assert make.reason(machine.do(make.complete(99, "k", 5, 0, [(1, 1)]))) == Reason.NO_SUCH_BUCKET


@pytest.mark.parametrize("how", ["never", "aborted", "completed", "another key"])
def test_an_upload_that_is_not_open_takes_no_parts_and_is_not_aborted(machine, make, how):
    bucket = machine.bucket()
    upload = 99 if how == "never" else machine.upload(bucket)
    key = "other" if how == "another key" else "k"
    if how == "aborted":
        machine.done(AbortUpload(bucket, "k", upload))
    if how == "completed":
        machine.done(make.part(bucket, "k", upload, 1, "one"))
        machine.done(make.complete(bucket, "k", upload, 1, [(1, 3)]))
    assert make.reason(machine.do(make.part(bucket, key, upload, 1, "two"))) == Reason.NO_SUCH_UPLOAD
    assert make.reason(machine.do(AbortUpload(bucket, key, upload))) == Reason.NO_SUCH_UPLOAD
    if how != "completed":
        assert make.reason(machine.do(make.complete(bucket, key, upload, 0, [(1, 1)]))) == Reason.NO_SUCH_UPLOAD
    assert counts(machine, make, "two") == [0]


def test_an_aborted_upload_is_reaped(machine, make):
    bucket = machine.bucket()
    upload = machine.upload(bucket)
    machine.done(make.part(bucket, "k", upload, 1, "a"))
    staged = machine.staged(["b"])
    machine.done(msgspec.structs.replace(make.part(bucket, "k", upload, 2), body=staged, size=1))
    machine.done(AbortUpload(bucket, "k", upload))
    assert counts(machine, make, "a", "b") == [1, 1]
    reap_all(machine)
    assert counts(machine, make, "a", "b") == [0, 0]
    assert list(machine.rows.scan(*keys.stretch(keys.PARTS))) == []


def test_an_upload_without_parts_leaves_nothing_when_it_is_aborted(machine, make):
    bucket = machine.bucket()
    machine.done(AbortUpload(bucket, "k", machine.upload(bucket)))
    assert queries.bodies_dead(machine.rows, EVER) == []


def test_parts_that_are_not_named_are_reaped_and_the_object_stays(machine, make):
    bucket = machine.bucket()
    upload = machine.upload(bucket)
    for number, text in enumerate(("a", "bb", "c", "dd"), 1):
        machine.done(make.part(bucket, "k", upload, number, text))
    machine.done(make.complete(bucket, "k", upload, 4, [(2, 2), (4, 2)]))
    assert invariants.violations(machine.rows) == []
    reap_all(machine)
    assert counts(machine, make, "a", "bb", "c", "dd") == [0, 1, 0, 1]
    assert queries.leftovers(machine.rows) == []


def test_an_object_that_goes_takes_its_leftovers_along(machine, make):
    bucket = machine.bucket()
    upload = machine.upload(bucket)
    for number, text in enumerate(("a", "bb"), 1):
        machine.done(make.part(bucket, "k", upload, number, text))
    machine.done(make.complete(bucket, "k", upload, 2, [(2, 2)]))
    machine.done(make.delete(bucket, "k"))
    assert queries.leftovers(machine.rows) == []
    reap_all(machine)
    assert list(machine.rows.scan(*keys.stretch(keys.REFERENCES))) == []
    assert list(machine.rows.scan(*keys.stretch(keys.PART_TABLES))) == []


def test_a_copy_shares_the_parts_until_the_last_owner_goes(machine, make):
    bucket = machine.bucket()
    completed(machine, make, bucket)
    version = queries.live(machine.rows, bucket, "k").id
    machine.done(make.copy(bucket, "other", "k", version))
    machine.done(make.delete(bucket, "k"))
    reap_all(machine)
    assert counts(machine, make, "one", "three") == [1, 1]
    machine.done(make.put(bucket, "other", "new"))
    reap_all(machine)
    assert counts(machine, make, "one", "three") == [0, 0]
    assert invariants.violations(machine.rows) == []


def test_parts_that_changed_since_they_were_read_are_not_completed(machine, make):
    bucket = machine.bucket()
    upload = machine.upload(bucket)
    machine.done(make.part(bucket, "k", upload, 1, "one"))
    machine.done(make.part(bucket, "k", upload, 1, "three"))
    stale = make.complete(bucket, "k", upload, 1, [(1, 3)])
    assert make.reason(machine.do(stale)) == Reason.UPLOAD_CHANGED
    machine.done(make.complete(bucket, "k", upload, 2, [(1, 5)]))


def test_a_complete_decides_its_condition(machine, make):
    bucket = machine.bucket()
    machine.done(make.put(bucket, "k", "old", etag="e1"))
    upload = machine.upload(bucket)
    machine.done(make.part(bucket, "k", upload, 1, "one"))
    for condition in (Precondition(if_none_match="*"), Precondition(if_match="e2")):
        refused = machine.do(make.complete(bucket, "k", upload, 1, [(1, 3)], condition=condition))
        assert make.reason(refused) == Reason.PRECONDITION_FAILED
    machine.done(make.complete(bucket, "k", upload, 1, [(1, 3)], condition=Precondition(if_match='"e1"')))
    missing = machine.upload(bucket, "new")
    refused = machine.do(make.complete(bucket, "new", missing, 0, [(1, 3)], condition=Precondition(if_match="e1")))
    assert make.reason(refused) == Reason.NO_SUCH_KEY


def test_a_complete_again_is_answered_as_the_first_for_a_day(machine, make):
    bucket = machine.bucket()
    upload = machine.upload(bucket)
    machine.done(make.part(bucket, "k", upload, 1, "one"))
    once = Precondition(if_none_match="*")
    first = machine.done(make.complete(bucket, "k", upload, 1, [(1, 3)], condition=once))
    machine.done(make.delete(bucket, "k"))
    again = machine.do(make.complete(bucket, "k", upload, 1, [(1, 3)], condition=once))
    assert isinstance(again, Applied)
    assert again.detail == first.detail
    assert queries.live(machine.rows, bucket, "k") is None
    other = make.complete(bucket, "k", upload, 1, [(1, 3)], etag="other-1")
    assert make.reason(machine.do(other)) == Reason.NO_SUCH_UPLOAD
    late = queries.completed(machine.rows, upload).expires_at
    refused = machine.do(make.complete(bucket, "k", upload, 1, [(1, 3)]), time=late)
    assert make.reason(refused) == Reason.NO_SUCH_UPLOAD


def test_answers_older_than_a_day_are_forgotten_by_later_ones(machine, make):
    bucket = machine.bucket()
    old = [completed(machine, make, bucket) for _ in range(6)]
    fresh = machine.upload(bucket)
    machine.done(make.part(bucket, "k", fresh, 1, "one"))
    late = queries.completed(machine.rows, old[-1]).expires_at
    machine.do(make.complete(bucket, "k", fresh, 1, [(1, 3)]), time=late)
    left = [upload for upload in (*old, fresh) if queries.completed(machine.rows, upload) is not None]
    assert left == [*old[limits.completed_forgotten_max :], fresh]
    assert invariants.violations(machine.rows) == []


def test_a_bucket_goes_in_spite_of_its_uploads_and_they_go_after_it(machine, make):
    bucket = machine.bucket()
    for key, text in (("a", "one"), ("b", "two")):
        machine.done(make.part(bucket, key, machine.upload(bucket, key), 1, text))
    machine.done(DeleteBucket(bucket, BucketName("photos")))
    assert invariants.violations(machine.rows) == []
    assert [key for _, key, _ in queries.uploads_orphaned(machine.rows)] == ["a", "b"]
    reap_all(machine)
    reap_all(machine)
    assert counts(machine, make, "one", "two") == [0, 0]
    assert list(machine.rows.scan(*keys.stretch(keys.ORPHANS))) == []
    assert list(machine.rows.scan(*keys.stretch(keys.UPLOADS))) == []


def test_completing_ten_thousand_irregular_parts_is_one_small_command(machine, make):
    irregular = [limits.part_bytes_min + 7919 * number % 65_521 for number in range(limits.parts_max)]
    sizes = [(number, size + 4608 * limits.MIB * (number % 10 == 0)) for number, size in enumerate(irregular, 1)]
    command = make.complete(1, "k" * limits.key_bytes_max, 2**62, 2**40, sizes, etag="e" * 40)
    assert len(command.runs) == limits.parts_max
    assert command.size > limits.object_bytes_max * 0.8
    size = len(codec.encode_proposal(Proposal(1, b"o" * 16, 2**62, 2**62, command)))
    assert size < limits.command_bytes_max * 0.9


def test_completing_touches_no_part(machine, make):
    bucket = machine.bucket()
    upload = machine.upload(bucket)
    for number in range(1, 101):
        machine.done(make.part(bucket, "k", upload, number, f"{number:04}"))
    machine.most_rows = 0
    machine.done(make.complete(bucket, "k", upload, 100, [(number, 4) for number in range(1, 101)]))
    assert machine.most_rows < 20


@pytest.mark.parametrize(
    "sizes",
    [[], [(0, 1)], [(2, 1), (1, 1)], [(1, 1), (1, 1)], [(10_001, 1)], [(1, -1)], [(1, 5 * 2**30 + 1)],
     [(number, 5 * 2**30) for number in range(1, 1026)]],
)  # fmt: skip
def test_a_table_that_no_proposer_of_ours_makes_is_refused(machine, make, sizes):
    bucket = machine.bucket()
    upload = machine.upload(bucket)
    assert make.reason(machine.do(make.complete(bucket, "k", upload, 0, sizes))) == Reason.INVALID_COMMAND


def test_other_commands_that_no_proposer_of_ours_sends_are_refused(machine, make):
    bucket = machine.bucket()
    upload = machine.upload(bucket)
    size = msgspec.structs.replace(make.complete(bucket, "k", upload, 0, [(1, 3)]), size=4)
    token = msgspec.structs.replace(make.begin(bucket, "k"), token=b"short")
    for command in (size, token, make.part(bucket, "k", upload, 0, "a"), make.part(bucket, "k", upload, 10_001, "a"),
                    make.part(bucket, "k", -1, 1, "a"), AbortUpload(bucket, "", upload)):  # fmt: skip
        assert make.reason(machine.do(command)) == Reason.INVALID_COMMAND


def test_a_complete_makes_a_version_where_versions_are_kept(machine, make):
    bucket = machine.bucket()
    machine.done(SetVersioning(bucket, Versioning.ENABLED))
    first = completed(machine, make, bucket)
    second = completed(machine, make, bucket)
    found = queries.completed(machine.rows, second).made
    assert not found.is_null
    assert queries.live(machine.rows, bucket, "k").id == found.version
    before = queries.completed(machine.rows, first).made.version
    assert queries.version(machine.rows, bucket, "k", before).body == PartsBody(first, 2)
    assert invariants.violations(machine.rows) == []
