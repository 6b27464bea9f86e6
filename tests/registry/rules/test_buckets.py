"""Buckets; refusals are read most easily in transcripts/buckets.txt."""

from mys3d.errors import Reason
from mys3d.model.buckets import BucketConfiguration
from mys3d.model.names import BucketName
from mys3d.registry import queries
from mys3d.registry.commands import CreateBucket, DeleteBucket


def test_a_bucket_keeps_how_it_was_asked_for(machine):
    wanted = BucketConfiguration("eu-west-1", "use1-az1", "AvailabilityZone", "SingleAvailabilityZone", "Directory")
    index = machine.done(CreateBucket(BucketName("photos"), "root", wanted)).index
    bucket = queries.bucket(machine.rows, "photos")
    assert (bucket.configuration, bucket.id, bucket.owner) == (wanted, index, "root")
    assert bucket.created_at == queries.now(machine.rows)


def test_a_bucket_is_deleted_by_the_id_it_has_now(machine, make):
    old = machine.bucket("photos")
    machine.done(DeleteBucket(old, BucketName("photos")))
    machine.bucket("photos")
    assert make.reason(machine.do(DeleteBucket(old, BucketName("photos")))) == Reason.NO_SUCH_BUCKET


def test_a_bucket_of_the_next_id_does_not_keep_a_bucket_from_being_deleted(machine, make):
    first, second = machine.bucket("a-1"), machine.bucket("b-1")
    machine.done(make.put(second, "k", "one"))
    machine.done(DeleteBucket(first, BucketName("a-1")))
    assert [bucket.name for bucket in queries.buckets(machine.rows, "", 9)] == ["b-1"]
