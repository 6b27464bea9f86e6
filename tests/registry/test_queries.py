"""What may be read."""

from mys3d import limits
from mys3d.model.digest import Digest, digest_of, partition_of
from mys3d.registry import queries


def test_an_uninitialised_registry_answers_none_everywhere(make):
    rows = make.Machine().rows
    assert queries.cluster(rows) is queries.layout(rows) is queries.bucket(rows, "b") is None
    assert queries.members(rows) == queries.voters(rows) == ()
    assert queries.gc_epoch(rows) == queries.now(rows) == 0
    assert queries.bucket_by_id(rows, 3) is queries.member(rows, "n") is queries.credential(rows, "k") is None
    assert queries.outcome(rows, b"o" * 16) is None


def test_a_new_cluster_has_one_member_that_is_the_home_of_everything(machine):
    layout = queries.layout(machine.rows)
    assert layout.base == (("n1",),) * limits.partitions_count
    assert (layout.epoch, layout.sealed, layout.target) == (1, 0, ())
    assert queries.voters(machine.rows) == ("n1",)
    assert queries.gc_epoch(machine.rows) == 1
    assert queries.cluster(machine.rows).region == "us-east-1"


def test_a_bucket_is_found_by_name_and_by_id(machine):
    bucket = machine.bucket("photos")
    assert queries.bucket(machine.rows, "photos") == queries.bucket_by_id(machine.rows, bucket)


def test_buckets_come_by_name_in_pages(machine):
    for name in ("b-1", "b.1", "a-1", "b-10"):
        machine.bucket(name)
    assert [bucket.name for bucket in queries.buckets(machine.rows, "", 2)] == ["a-1", "b-1"]
    assert [bucket.name for bucket in queries.buckets(machine.rows, "b-1", 9)] == ["b-10", "b.1"]
    assert queries.buckets(machine.rows, "", 0) == []


def test_references_come_by_partition_in_digest_order(machine, make):
    bucket = machine.bucket()
    texts = [f"text {number}" for number in range(300)]
    for text in texts:
        machine.done(make.put(bucket, text, text))
    found = []
    for partition in range(limits.partitions_count):
        blobs = queries.referenced(machine.rows, partition, None, 1000)
        assert [blob.digest for blob in blobs] == sorted(blob.digest for blob in blobs)
        assert all(partition_of(blob.digest) == partition for blob in blobs)
        found += blobs
    assert sorted(found, key=lambda blob: blob.digest) == sorted(map(make.blob, texts), key=lambda blob: blob.digest)


def test_references_go_on_behind_the_last_digest(machine, make):
    bucket = machine.bucket()
    names = [
        text for text in (f"text {number}" for number in range(9000)) if partition_of(digest_of(text.encode())) == 5
    ]
    for text in names:
        machine.done(make.put(bucket, text, text))
    after, found = None, []
    while more := queries.referenced(machine.rows, 5, after, 2):
        found += more
        after = more[-1].digest
    assert len(names) > 3
    assert [blob.digest for blob in found] == sorted(digest_of(text.encode()) for text in names)


def test_a_cursor_before_the_partition_starts_at_its_beginning(machine, make):
    bucket = machine.bucket()
    machine.done(make.put(bucket, "k", "one"))
    digest = make.blob("one").digest
    assert queries.referenced(machine.rows, partition_of(digest), Digest(b"\x00" * 32), 5) == [make.blob("one")]
    assert queries.referenced(machine.rows, partition_of(digest), digest, 5) == []


def test_a_layout_is_decoded_once(machine):
    assert queries.layout(machine.rows) is queries.layout(machine.rows)
