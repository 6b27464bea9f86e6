"""The order of the versions of a key. A check that never fails proves nothing: each promise is broken by hand."""

import msgspec
import pytest

from mys3d.model.buckets import Versioning
from mys3d.model.names import BucketName
from mys3d.registry import codec, invariants, keys, queries, stack
from mys3d.registry.commands import SetVersioning
from mys3d.registry.ordering import check_hidden, check_live, check_nulls


@pytest.fixture
def filled(machine, make):
    """A key with a null version below two others, and one that a marker hides."""
    bucket = machine.bucket()
    machine.done(make.put(bucket, "k", "one"))
    machine.done(SetVersioning(bucket, Versioning.ENABLED))
    machine.done(make.put(bucket, "k", "two"))
    machine.done(make.put(bucket, "k", "three"))
    machine.done(make.put(bucket, "gone", "one"))
    machine.done(make.delete(bucket, "gone"))
    assert invariants.violations(machine.rows) == []
    return machine


@pytest.fixture
def bucket(filled):
    return queries.bucket(filled.rows, BucketName("photos")).id


def broken(machine, check, *writes):
    machine.rows.commit(writes)
    return " ".join(check(machine.rows))


def hidden(machine, bucket, key, place):
    """The row key and version of a hidden version, by its place."""
    row_key, row = list(machine.rows.scan(*keys.versions_of(bucket, key)))[place]
    return row_key, msgspec.msgpack.decode(row, type=type(queries.live(machine.rows, bucket, "k")))


def test_a_version_behind_its_marker_that_went_is_visible(filled, bucket):
    row_key, _ = hidden(filled, bucket, "gone", 0)
    assert "is visible and has no live row" in broken(filled, check_hidden, (row_key, None))


def test_a_live_row_is_newer_than_all_others(filled, bucket):
    row_key, version = hidden(filled, bucket, "k", 1)
    live = codec.encode(version)
    assert "or older than version" in broken(filled, check_live, (keys.live(bucket, "k"), live), (row_key, None))


def test_a_live_row_is_no_marker(filled, bucket):
    _, marker = hidden(filled, bucket, "gone", 0)
    assert "is a marker" in broken(filled, check_live, (keys.live(bucket, "x"), codec.encode(marker)))


def test_a_version_lies_under_its_own_index(filled, bucket):
    row_key, version = hidden(filled, bucket, "k", 0)
    other = codec.encode(msgspec.structs.replace(version, id=version.id - 1))
    assert "lies under another key" in broken(filled, check_hidden, (row_key, other))


def test_a_size_is_that_of_the_blobs_or_nothing(filled, bucket):
    for key in ("k", "gone"):
        row_key, version = hidden(filled, bucket, key, 0)
        other = codec.encode(msgspec.structs.replace(version, size=version.size + 1))
        assert "are not those of its blobs" in broken(filled, check_hidden, (row_key, other))


def test_a_hidden_null_version_has_its_pointer(filled, bucket):
    assert "nothing points at its null version" in broken(filled, check_hidden, (keys.null_pointer(bucket, "k"), None))


def test_a_pointer_leads_to_a_null_version(filled, bucket):
    _, version = hidden(filled, bucket, "k", 0)
    pointer = codec.encode(stack.NullRow(1, version.id))
    assert "is not a hidden null version" in broken(filled, check_nulls, (keys.null_pointer(bucket, "k"), pointer))
    lost = codec.encode(stack.NullRow(1, 1))
    assert "is not a hidden null version" in broken(filled, check_nulls, (keys.null_pointer(bucket, "k"), lost))


def test_a_key_has_one_null_version(filled, bucket):
    live = queries.live(filled.rows, bucket, "k")
    second = codec.encode(msgspec.structs.replace(live, is_null=True))
    assert "2 null versions" in broken(filled, check_hidden, (keys.live(bucket, "k"), second))


def test_a_bucket_that_never_kept_versions_has_none(filled, bucket):
    row = codec.encode(msgspec.structs.replace(queries.bucket(filled.rows, "photos"), versioning=Versioning.NEVER))
    name = msgspec.msgpack.encode(msgspec.msgpack.decode(filled.rows.get(keys.bucket_name(bucket)))[:-1])
    writes = [(keys.bucket(BucketName("photos")), row), (keys.bucket_name(bucket), name)]
    assert "never kept any" in broken(filled, check_hidden, *writes)
    assert "of a bucket that never kept versions" in " ".join(check_live(filled.rows))


def test_versions_of_a_bucket_that_is_gone(filled, bucket):
    assert "its bucket is gone" in broken(filled, check_hidden, (keys.bucket_name(bucket), None))
    assert "its bucket is gone" in " ".join(check_live(filled.rows))


def test_two_rows_of_a_bucket_agree(filled, bucket):
    name = msgspec.msgpack.encode(msgspec.msgpack.decode(filled.rows.get(keys.bucket_name(bucket)))[:-1])
    filled.rows.commit([(keys.bucket_name(bucket), name)])
    assert "disagree about versioning" in " ".join(invariants.violations(filled.rows))
