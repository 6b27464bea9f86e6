"""Keys of rows: order, and what can be read back."""

from hypothesis import given
from hypothesis import strategies as st

from mys3d.model.digest import Digest, partition_of
from mys3d.model.names import BucketId, Partition, VersionId
from mys3d.registry import keys

# Few different characters, NUL and the highest ones among them, so that keys share beginnings.
text = st.text(st.sampled_from("\x00\x01\x7f/ab\xff￿\U0010ffff"), max_size=6) | st.text(max_size=300)
object_keys = text.filter(lambda key: 1 <= len(key.encode()) <= 1024)
bucket_ids = st.integers(1, 2**63 - 1)


@given(object_keys, object_keys, bucket_ids)
def test_live_rows_sort_as_s3_sorts_their_keys(left, right, bucket):
    assert (keys.live(bucket, left) < keys.live(bucket, right)) == (left.encode() < right.encode())


@given(object_keys, bucket_ids)
def test_an_object_key_is_read_back_from_its_row(key, bucket):
    assert keys.live(bucket, key)[1:] == keys.version(bucket, key, VersionId(5))[1:-8] == keys.name(bucket, key)
    assert keys.key_of(keys.name(bucket, key)) == key


def test_a_key_of_1024_nuls_is_read_back():
    assert keys.key_of(keys.name(BucketId(1), "\x00" * 1024)) == "\x00" * 1024


@given(object_keys, text, bucket_ids)
def test_a_prefix_is_one_stretch_of_rows(key, prefix, bucket):
    start, stop = keys.lives(bucket, prefix)
    assert (start <= keys.live(bucket, key) < stop) == key.startswith(prefix)
    first, last = keys.names(bucket, prefix)
    assert (first <= keys.name(bucket, key) < last) == key.startswith(prefix)


@given(object_keys, bucket_ids, bucket_ids)
def test_a_bucket_is_one_stretch_of_rows(key, bucket, other):
    start, stop = keys.lives(bucket)
    assert (start <= keys.live(other, key) < stop) == (bucket == other)


@given(object_keys, object_keys, st.integers(1, 2**63 - 1), st.integers(1, 2**63 - 1))
def test_versions_sort_by_key_and_then_newest_first(left, right, old, new):
    rows = keys.version(BucketId(1), left, VersionId(old)), keys.version(BucketId(1), right, VersionId(new))
    assert (rows[0] < rows[1]) == ((left.encode(), -old) < (right.encode(), -new))


@given(object_keys, object_keys)
def test_versions_of_a_key_are_one_stretch(key, other):
    start, stop = keys.versions_of(BucketId(1), key)
    assert (start <= keys.version(BucketId(1), other, VersionId(5)) < stop) == (key == other)


@given(st.binary(min_size=32, max_size=32), st.integers(0, 1023))
def test_references_of_a_partition_are_one_stretch(digest, partition):
    start, stop = keys.references(Partition(partition))
    assert (start <= keys.reference(Digest(digest)) < stop) == (partition_of(Digest(digest)) == partition)


@given(
    st.tuples(st.integers(1, 2**63 - 1), st.integers(0, 2**32 - 1)),
    st.tuples(st.integers(1, 2**63 - 1), st.integers(0, 2**32 - 1)),
)
def test_extents_sort_by_body_and_then_in_their_order(left, right):
    rows = [keys.extent(body, 0, sequence) for body, sequence in (left, right)]
    assert (rows[0] < rows[1]) == (left < right)
    assert keys.body_id(rows[0]) == left[0]


def test_the_last_partition_ends_with_its_table():
    start, stop = keys.references(Partition(1023))
    assert start <= keys.reference(Digest(b"\xff" * 32)) < stop


@given(st.binary(max_size=5).map(lambda tail: b"o" + tail), st.binary(max_size=5))
def test_after_is_the_first_key_behind_a_beginning(start, tail):
    assert start + tail < keys.after(start)
    assert not keys.after(start).startswith(start)


def test_no_two_tables_share_a_letter():
    letters = [value for name, value in vars(keys).items() if name.isupper() and not name.startswith("_")]
    assert len(set(letters)) == len(letters)
    assert all(len(letter) == 1 for letter in letters)
