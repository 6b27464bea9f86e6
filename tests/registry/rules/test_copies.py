"""Copies; refusals and counts are read most easily in transcripts/copies.txt."""

import msgspec
import pytest

from mys3d import limits
from mys3d.errors import Reason
from mys3d.model.buckets import Versioning
from mys3d.model.names import Instant, ObjectKey, VersionId
from mys3d.model.objects import Checksum, Content
from mys3d.registry import codec, invariants, queries, stack
from mys3d.registry.amendments import RenameObject
from mys3d.registry.commands import BumpGcEpoch, CopyObject, Precondition, Proposal, SetVersioning

EVER = Instant(2**62)


@pytest.fixture
def source(machine, make):
    """A bucket with an object `a`, and its version."""
    bucket = machine.bucket()
    return bucket, machine.done(make.put(bucket, "a", "one", "two")).detail.version


@pytest.mark.parametrize("content", ["", "text/css"])
def test_a_copy_is_a_version_of_its_own_with_the_bytes_of_its_source(machine, make, source, content):
    bucket, version = source
    made = machine.done(make.copy(bucket, "b", "a", version, content=content)).detail
    before, copied = queries.live(machine.rows, bucket, "a"), queries.live(machine.rows, bucket, "b")
    assert (copied.id, copied.modified_at) == (made.version, made.modified_at)
    assert copied.id > before.id and copied.modified_at > before.modified_at
    assert (copied.body, copied.etag, copied.size, copied.checksums) == (
        before.body,
        before.etag,
        before.size,
        before.checksums,
    )
    assert copied.content == (Content(content) if content else before.content)


def test_a_copy_goes_to_another_bucket(machine, make, source):
    bucket, version = source
    other = machine.bucket("other")
    machine.done(CopyObject(other, ObjectKey("x"), bucket, ObjectKey("a"), VersionId(version), None))
    assert queries.live(machine.rows, other, "x").size == 6
    assert invariants.violations(machine.rows) == []


def test_a_source_overwritten_or_removed_since_it_was_seen_is_not_copied(machine, make, source):
    bucket, version = source
    machine.done(make.put(bucket, "a", "one", "two"))
    assert make.reason(machine.do(make.copy(bucket, "b", "a", version))) == Reason.SOURCE_CHANGED
    machine.done(make.delete(bucket, "a"))
    assert make.reason(machine.do(make.copy(bucket, "b", "a", version))) == Reason.SOURCE_CHANGED
    assert queries.live(machine.rows, bucket, "b") is None


def test_a_copy_is_made_under_any_epoch_because_its_blobs_never_lose_their_name(machine, make, source):
    bucket, version = source
    for epoch in (2, 3, 4, 5):
        machine.done(BumpGcEpoch(epoch))
    machine.done(make.copy(bucket, "b", "a", version))
    machine.done(make.delete(bucket, "a"))
    assert queries.references_count(machine.rows, make.blob("one").digest) == 1


def test_of_two_copies_under_if_none_match_one_wins(machine, make, source):
    bucket, version = source
    condition = Precondition(if_none_match="*")
    machine.done(make.copy(bucket, "b", "a", version, condition))
    again = machine.do(make.copy(bucket, "b", "a", version, condition))
    assert make.reason(again) == Reason.PRECONDITION_FAILED


def test_a_copied_body_lives_until_its_last_owner_is_gone(machine, make):
    bucket = machine.bucket()
    body = machine.staged(["a", "b"], ["c"])
    version = machine.done(make.put_staged(bucket, "k", body, 3)).detail.version
    machine.done(make.copy(bucket, "k2", "k", version))
    machine.done(make.delete(bucket, "k"))
    assert queries.bodies_dead(machine.rows, EVER) == []
    machine.done(make.delete(bucket, "k2"))
    assert [found for found, _ in queries.bodies_dead(machine.rows, EVER)] == [body.body]
    assert invariants.violations(machine.rows) == []


def test_removing_many_copies_of_one_full_list_stays_countable(machine, make):
    bucket = machine.bucket()
    texts = [f"{number}" for number in range(limits.inline_blobs_max)]
    version = machine.done(make.put(bucket, "k", *texts)).detail.version
    names = [f"c{number}" for number in range(limits.delete_command_keys_max)]
    for name in names:
        machine.done(make.copy(bucket, name, "k", version))
    machine.done(make.delete_many(bucket, names))
    assert invariants.violations(machine.rows) == []
    machine.done(make.delete(bucket, "k"))
    assert invariants.violations(machine.rows) == []
    assert queries.live(machine.rows, bucket, "k") is None


def test_the_bytes_of_a_copy_command_are_fixed():
    command = CopyObject(1, ObjectKey("b"), 2, ObjectKey("a"), VersionId(3), None)
    payload = codec.encode_proposal(Proposal(1, b"o" * 16, 9, 1, command)).hex()
    assert payload == f"9501c410{'6f' * 16}09019ba26370 01a162 02a161 03c0 94a0a0c0c0 c0c3c0".replace(" ", "")
    first = f"9501c410{'6f' * 16}090198a26370 01a162 02a161 03c0 92a0a0"  # before copies had checksums of their own
    assert codec.decode_proposal(bytes.fromhex(first)).command == command


def test_a_copy_may_have_checksums_of_its_own(machine, make, source):
    bucket, version = source
    chosen = (Checksum("CRC32", b"abcd"),)
    machine.done(CopyObject(bucket, ObjectKey("b"), bucket, ObjectKey("a"), VersionId(version), None, checksums=chosen))
    assert queries.live(machine.rows, bucket, "b").checksums == chosen


def rename(bucket, key, source, version, replaced=None):
    return RenameObject(bucket, ObjectKey(key), ObjectKey(source), VersionId(version), replaced)


def test_a_renamed_object_is_the_same_under_another_key(machine, make, source):
    bucket, version = source
    before = queries.live(machine.rows, bucket, "a")
    made = machine.done(rename(bucket, "b", "a", version)).detail
    after = queries.live(machine.rows, bucket, "b")
    assert queries.live(machine.rows, bucket, "a") is None
    assert msgspec.structs.replace(after, id=before.id) == before, "its date and all else it had"
    assert (made.version, made.modified_at) == (after.id, before.modified_at)
    assert queries.references_count(machine.rows, make.blob("one").digest) == 1
    assert invariants.violations(machine.rows) == []


def test_a_rename_takes_the_place_of_what_was_seen_there(machine, make, source):
    bucket, version = source
    there = machine.done(make.put(bucket, "b", "three")).detail.version
    for replaced in (None, VersionId(there + 99)):
        assert make.reason(machine.do(rename(bucket, "b", "a", version, replaced))) == Reason.SOURCE_CHANGED
    machine.done(rename(bucket, "b", "a", version, there))
    assert queries.live(machine.rows, bucket, "b").size == 6
    assert queries.references_count(machine.rows, make.blob("three").digest) == 0
    assert invariants.violations(machine.rows) == []


def test_what_is_not_visible_is_not_renamed(machine, make, source):
    bucket, version = source
    assert make.reason(machine.do(rename(99, "b", "a", version))) == Reason.NO_SUCH_BUCKET
    assert make.reason(machine.do(rename(bucket, "b", "c", version))) == Reason.SOURCE_CHANGED
    assert make.reason(machine.do(rename(bucket, "b", "a", version + 1))) == Reason.SOURCE_CHANGED
    assert make.reason(machine.do(rename(bucket, "a", "a", version, version))) == Reason.SOURCE_CHANGED
    assert queries.live(machine.rows, bucket, "a").id == version


def test_of_two_renames_of_one_object_one_wins(machine, make, source):
    bucket, version = source
    machine.done(rename(bucket, "b", "a", version))
    assert make.reason(machine.do(rename(bucket, "c", "a", version))) == Reason.SOURCE_CHANGED
    assert queries.live(machine.rows, bucket, "c") is None


def test_a_renamed_staged_body_keeps_one_owner(machine, make):
    bucket = machine.bucket()
    body = machine.staged(["a", "b"], ["c"])
    version = machine.done(make.put_staged(bucket, "k", body, 3)).detail.version
    machine.done(rename(bucket, "k2", "k", version))
    assert queries.bodies_dead(machine.rows, EVER) == []
    machine.done(make.delete(bucket, "k2"))
    assert [found for found, _ in queries.bodies_dead(machine.rows, EVER)] == [body.body]
    assert invariants.violations(machine.rows) == []


@pytest.mark.parametrize("versioning", [Versioning.ENABLED, Versioning.SUSPENDED])
def test_a_rename_where_versions_are_kept_leaves_a_marker(machine, make, source, versioning):
    bucket, version = source
    there = machine.done(make.put(bucket, "b", "three")).detail.version
    machine.done(SetVersioning(bucket, versioning))
    machine.done(rename(bucket, "b", "a", version, there))
    assert queries.live(machine.rows, bucket, "a") is None
    assert queries.newest(machine.rows, bucket, "a").is_marker
    assert queries.live(machine.rows, bucket, "b").size == 6
    is_kept = versioning is Versioning.ENABLED
    assert (stack.made_at(machine.rows, bucket, "b", there) is not None) is is_kept
    assert (stack.made_at(machine.rows, bucket, "a", version) is not None) is is_kept
    assert invariants.violations(machine.rows) == []


def test_the_bytes_of_a_rename_command_are_fixed():
    payload = codec.encode_proposal(Proposal(1, b"o" * 16, 9, 1, rename(1, "b", "a", 3))).hex()
    assert payload == f"9501c410{'6f' * 16}0901 96a26d76 01a162a16103c0".replace(" ", "")
