"""Buckets; refusals are read most easily in transcripts/buckets.txt."""

from mys3d.errors import Reason
from mys3d.model.buckets import BucketConfiguration
from mys3d.model.cors import CorsRule
from mys3d.model.names import BucketId, BucketName
from mys3d.registry import codec, invariants, keys, queries
from mys3d.registry.amendments import SetCors
from mys3d.registry.commands import CreateBucket, DeleteBucket
from mys3d.registry.records import CorsRow


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


RULES = (CorsRule(("GET",), ("*",)),)


def test_rules_for_other_origins_are_replaced_as_a_whole_and_go_with_their_bucket(machine):
    bucket = machine.bucket("photos")
    machine.done(SetCors(bucket, RULES))
    assert queries.cors(machine.rows, bucket) == RULES
    machine.done(SetCors(bucket, ()))
    assert queries.cors(machine.rows, bucket) == ()
    machine.done(SetCors(bucket, RULES * 2))
    assert queries.cors(machine.rows, bucket) == RULES * 2
    assert invariants.violations(machine.rows) == []
    machine.done(DeleteBucket(bucket, BucketName("photos")))
    assert invariants.violations(machine.rows) == []
    assert list(machine.rows.scan(*keys.stretch(keys.CORS))) == []


def test_a_bucket_that_is_not_there_takes_no_rules(machine, make):
    assert make.reason(machine.do(SetCors(99, RULES))) == Reason.NO_SUCH_BUCKET


def test_rules_that_no_proposer_of_ours_sends_are_refused(machine, make):
    bucket = machine.bucket("photos")
    for wrong in (RULES * 101, (CorsRule((), (), max_age_seconds=-1),)):
        assert make.reason(machine.do(SetCors(bucket, wrong))) == Reason.INVALID_COMMAND


def test_a_row_of_rules_without_a_bucket_or_without_a_rule_is_a_violation(machine):
    bucket = machine.bucket("photos")
    for wrong in (bucket, BucketId(99)):
        machine.rows.commit([(keys.cors(wrong), codec.encode(CorsRow(1, ())))])
    assert invariants.violations(machine.rows) == [
        f"bucket {bucket}: a row for other origins without a rule",
        "rules for other origins: there is no bucket 99",
    ]


def test_the_bytes_of_the_command_are_fixed():
    assert codec.encode(SetCors(1, RULES)).hex() == "93a4636f727301919691a347455491a12a9090c0a0"
