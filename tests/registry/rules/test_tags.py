"""Tags change nothing but themselves."""

import msgspec
import pytest

from mys3d import limits
from mys3d.errors import Reason
from mys3d.model.buckets import BucketConfiguration, Versioning
from mys3d.model.names import NULL_VERSION, ObjectKey, VersionId
from mys3d.model.objects import Content
from mys3d.registry import codec, invariants, queries, stack
from mys3d.registry.amendments import TagBucket, TagVersion
from mys3d.registry.commands import Proposal, SetVersioning

TAGS = (("a", "1"), ("b", "2"))


def tag(bucket, key, tags=TAGS, version=None):
    return TagVersion(bucket, ObjectKey(key), version, tags)


def test_a_tagged_version_is_the_same_version(machine, make):
    bucket = machine.bucket()
    machine.done(make.put(bucket, "k", "one", "two"))
    before = queries.live(machine.rows, bucket, "k")
    told = machine.done(tag(bucket, "k")).detail
    after = queries.live(machine.rows, bucket, "k")
    assert after.content.tags == TAGS
    assert msgspec.structs.replace(after, content=before.content) == before
    assert (told.version, told.modified_at, told.is_null) == (before.id, before.modified_at, True)
    assert queries.references_count(machine.rows, make.blob("one").digest) == 1
    assert invariants.violations(machine.rows) == []


def test_tags_are_replaced_as_a_whole(machine, make):
    bucket = machine.bucket()
    machine.done(make.put(bucket, "k", "one"))
    machine.done(tag(bucket, "k"))
    machine.done(tag(bucket, "k", (("c", "3"),), NULL_VERSION))
    assert queries.live(machine.rows, bucket, "k").content.tags == (("c", "3"),)
    machine.done(tag(bucket, "k", ()))
    assert queries.live(machine.rows, bucket, "k").content.tags == ()


def test_what_is_not_there_is_not_tagged(machine, make):
    bucket = machine.bucket()
    assert make.reason(machine.do(tag(99, "k"))) == Reason.NO_SUCH_BUCKET
    assert make.reason(machine.do(tag(bucket, "k"))) == Reason.NO_SUCH_KEY
    machine.done(make.put(bucket, "k", "one"))
    assert make.reason(machine.do(tag(bucket, "k", version=VersionId(99)))) == Reason.NO_SUCH_VERSION
    assert make.reason(machine.do(TagBucket(99, TAGS))) == Reason.NO_SUCH_BUCKET


def test_a_version_behind_the_visible_one_has_tags_of_its_own(machine, make):
    bucket = machine.bucket()
    null = machine.done(make.put(bucket, "k", "one")).detail.version
    machine.done(SetVersioning(bucket, Versioning.ENABLED))
    first = machine.done(make.put(bucket, "k", "two")).detail.version
    newest = machine.done(make.put(bucket, "k", "three")).detail.version
    machine.done(tag(bucket, "k", TAGS, first))
    machine.done(tag(bucket, "k", (("n", ""),), NULL_VERSION))
    versions = [stack.made_at(machine.rows, bucket, "k", index) for index in (null, first, newest)]
    assert [version.content.tags for version in versions] == [(("n", ""),), TAGS, ()]
    assert invariants.violations(machine.rows) == []


def test_a_delete_marker_has_no_tags(machine, make):
    bucket = machine.bucket()
    machine.done(SetVersioning(bucket, Versioning.ENABLED))
    machine.done(make.put(bucket, "k", "one"))
    marker = machine.done(make.delete(bucket, "k")).detail.marker
    assert make.reason(machine.do(tag(bucket, "k", version=marker))) == Reason.NO_SUCH_VERSION
    assert make.reason(machine.do(tag(bucket, "k"))) == Reason.NO_SUCH_KEY


def test_a_copy_has_the_tags_its_source_has_when_it_is_made(machine, make):
    bucket = machine.bucket()
    version = machine.done(make.put(bucket, "a", "one")).detail.version
    machine.done(tag(bucket, "a"))
    machine.done(make.copy(bucket, "b", "a", version))
    assert queries.live(machine.rows, bucket, "b").content.tags == TAGS


def test_a_tagged_bucket_is_the_same_bucket(machine):
    machine.bucket()
    before = queries.bucket(machine.rows, "photos")
    machine.done(TagBucket(before.id, TAGS))
    after = queries.bucket(machine.rows, "photos")
    assert after.configuration == BucketConfiguration(tags=TAGS)
    assert msgspec.structs.replace(after, configuration=before.configuration) == before
    assert invariants.violations(machine.rows) == []


@pytest.mark.parametrize("count", [limits.object_tags_max + 1, limits.bucket_tags_max + 1])
def test_more_tags_than_s3_allows_are_refused(machine, make, count):
    bucket = machine.bucket()
    machine.done(make.put(bucket, "k", "one"))
    many = tuple((f"{number:03}", "v") for number in range(count))
    assert make.reason(machine.do(tag(bucket, "k", many))) == Reason.INVALID_COMMAND
    is_too_many = count > limits.bucket_tags_max
    assert (make.reason(machine.do(TagBucket(bucket, many))) == Reason.INVALID_COMMAND) is is_too_many


def test_rows_from_before_tags_are_read():
    assert codec.decoder(Content).decode(bytes.fromhex("94a474657874909 0a8535441 4e44415244".replace(" ", "")))
    old = codec.encode(["text/plain", [], [["m", "1"]], "STANDARD"])
    assert codec.decoder(Content).decode(old) == Content("text/plain", (), (("m", "1"),))
    old = codec.encode(["eu-west-1", "", "", "", ""])
    assert codec.decoder(BucketConfiguration).decode(old) == BucketConfiguration("eu-west-1")


def test_the_bytes_of_the_commands_are_fixed():
    assert payload(TagBucket(1, TAGS)) == "93a47461676201 92 92a161a131 92a162a132".replace(" ", "")
    assert payload(TagVersion(1, ObjectKey("k"), None, ())) == "95a47461677601a16bc090"


def payload(command):
    return codec.encode_proposal(Proposal(1, b"o" * 16, 9, 1, command)).hex().removeprefix(f"9501c410{'6f' * 16}0901")
