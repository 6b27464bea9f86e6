"""Lists against a model that sorts everything, and what a page costs."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mys3d.model.names import BucketId
from mys3d.registry import keys, tables
from mys3d.registry.listing import list_objects
from mys3d.registry.memory import MemoryRows
from mys3d.registry.transaction import Overlay

BUCKET = BucketId(7)
names = st.text(st.sampled_from("ab/\x00é\U0010ffff"), min_size=1, max_size=5)
parts = st.text(st.sampled_from("ab/"), max_size=3)


@pytest.fixture(scope="module")
def row(make):
    """The encoded row of some version."""
    machine = make.Machine().initialised()
    bucket = machine.bucket()
    machine.done(make.put(bucket, "k", "one"))
    return machine.rows.get(keys.live(bucket, "k"))


def bucket_of(row, objects):
    return MemoryRows((keys.live(bucket, key), row) for bucket in (BUCKET, BUCKET + 1) for key in objects)


def model(objects, prefix, delimiter, start_after):
    """Every entry and common prefix, in order, as the S3 API describes them."""
    found = {}
    for key in sorted(objects, key=str.encode):
        if not key.startswith(prefix):
            continue
        end = key.find(delimiter, len(prefix)) if delimiter else -1
        name = key[: end + len(delimiter)] if end >= 0 else key
        is_behind = key.encode() > start_after.encode() and not (end >= 0 and name == start_after)
        if is_behind:
            found[name] = end >= 0
    return list(found.items())


def told(page):
    rows = [(entry.key, False) for entry in page.entries] + [(prefix, True) for prefix in page.common_prefixes]
    return sorted(rows, key=lambda row: row[0].encode())


@given(st.sets(names, max_size=12), parts, parts, names | st.just(""))
@settings(max_examples=300)
def test_a_list_is_what_sorting_everything_gives(row, objects, prefix, delimiter, start_after):
    page = list_objects(bucket_of(row, objects), BUCKET, prefix, delimiter, start_after, 1000)
    assert told(page) == model(objects, prefix, delimiter, start_after)
    assert not page.is_truncated
    assert page.next_after == ""


@given(st.sets(names, max_size=12), parts, parts, st.integers(1, 4))
@settings(max_examples=300)
def test_pages_together_are_the_whole_list(row, objects, prefix, delimiter, limit):
    rows, after, found = bucket_of(row, objects), "", []
    for _ in range(20):
        page = list_objects(rows, BUCKET, prefix, delimiter, after, limit)
        assert len(told(page)) <= limit
        assert page.is_truncated == bool(page.next_after)
        found += told(page)
        after = page.next_after
        if not page.is_truncated:
            break
        assert len(told(page)) == limit
    assert found == model(objects, prefix, delimiter, "")


def test_a_page_of_no_keys_is_not_truncated(row):
    page = list_objects(bucket_of(row, {"a"}), BUCKET, "", "", "", 0)
    assert (page.entries, page.is_truncated, page.next_after) == ((), False, "")


def test_an_entry_has_its_version(row):
    (entry,) = list_objects(bucket_of(row, {"a"}), BUCKET, "", "", "", 1).entries
    assert entry.version == tables.decode_version(row)


class Counting:
    """Counts the rows and scans that a list asks for."""

    def __init__(self, rows):
        self.rows, self.rows_count, self.scans_count = rows, 0, 0

    def get(self, key, /):
        return self.rows.get(key)

    def scan(self, start, stop, /, *, reverse=False):
        self.scans_count += 1
        for found in self.rows.scan(start, stop, reverse=reverse):
            self.rows_count += 1
            yield found


def test_a_common_prefix_costs_a_seek_and_not_its_keys(row):
    rows = Counting(bucket_of(row, [f"{folder:03}/{number:04}" for folder in range(10) for number in range(300)]))
    page = list_objects(rows, BUCKET, "", "/", "", 1000)
    assert len(page.common_prefixes) == 10
    assert rows.scans_count <= 11
    assert rows.rows_count <= 10 * 10


def test_small_common_prefixes_cost_no_seek(row):
    rows = Counting(bucket_of(row, [f"{folder:03}/{number}" for folder in range(100) for number in range(3)]))
    assert len(list_objects(rows, BUCKET, "", "/", "", 1000).common_prefixes) == 100
    assert rows.scans_count == 1


def test_a_page_reads_one_row_more_than_it_has_entries(row):
    rows = Counting(bucket_of(row, [f"{number:04}" for number in range(2000)]))
    assert len(list_objects(rows, BUCKET, "", "", "", 1000).entries) == 1000
    assert rows.rows_count == 1001


def test_a_list_shows_writes_that_are_still_in_an_overlay(row):
    overlay = Overlay(bucket_of(row, ["a", "b/1", "c"]))
    overlay.delete(keys.live(BUCKET, "a"))
    overlay.put(keys.live(BUCKET, "b/0"), row)
    page = list_objects(overlay, BUCKET, "", "/", "", 10)
    assert told(page) == [("b/", True), ("c", False)]
