"""Objects; conditions, counts and refusals are read most easily in transcripts/objects.txt."""

from mys3d.errors import Reason
from mys3d.model.names import BucketName
from mys3d.registry import queries
from mys3d.registry.commands import DeleteBucket
from mys3d.registry.outcomes import VersionPut


def test_a_put_answers_the_version_it_made(machine, make):
    bucket = machine.bucket()
    outcome = machine.done(make.put(bucket, "k", "one"))
    version = queries.live(machine.rows, bucket, "k")
    assert outcome.detail == VersionPut(version.id, version.modified_at, is_null=True)
    assert version.id == outcome.index


def test_a_put_keeps_everything_the_client_said(machine, make):
    bucket = machine.bucket()
    command = make.put(bucket, "k", "one", "two", etag="0123-2")
    machine.done(command)
    version = queries.live(machine.rows, bucket, "k")
    assert (version.body, version.content, version.etag, version.size) == (command.body, command.content, "0123-2", 6)


def test_a_put_in_flight_never_lands_in_a_bucket_made_again(machine, make):
    old = machine.bucket("photos")
    machine.done(DeleteBucket(old, BucketName("photos")))
    new = machine.bucket("photos")
    assert make.reason(machine.do(make.put(old, "k", "one"))) == Reason.NO_SUCH_BUCKET
    assert queries.live(machine.rows, new, "k") is None


def test_a_key_named_twice_in_one_delete_is_removed_once(machine, make):
    bucket = machine.bucket()
    machine.done(make.put(bucket, "k", "one"))
    removed = machine.done(make.delete_many(bucket, ["k", "k"])).detail.removed
    assert [entry.existed for entry in removed] == [True, False]
