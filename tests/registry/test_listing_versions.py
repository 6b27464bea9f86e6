"""Lists of versions against a model that sorts everything, and what a page costs."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mys3d.model.names import NULL_VERSION, BucketId, VersionId
from mys3d.registry import codec, keys, tables
from mys3d.registry.listing import Start, list_versions
from mys3d.registry.memory import MemoryRows
from mys3d.registry.transaction import Overlay
from tests.registry.test_listing import Counting

BUCKET = BucketId(7)
names = st.text(st.sampled_from("ab/\x00é"), min_size=1, max_size=4)
parts = st.text(st.sampled_from("ab/"), max_size=2)
# Each key: how many hidden versions, and whether the newest one is visible.
histories = st.dictionaries(names, st.tuples(st.integers(0, 4), st.booleans()), max_size=8)


@pytest.fixture(scope="module")
def sample(make):
    """Some version."""
    machine = make.Machine().initialised()
    bucket = machine.bucket()
    machine.done(make.put(bucket, "k", "one"))
    return tables.decode_version(machine.rows.get(keys.live(bucket, "k")))


def bucket_of(sample, objects):
    """Rows of two buckets; ids count down from 1,000 by tens, the same for every key."""
    rows = {}
    for bucket in (BUCKET, BucketId(BUCKET + 1)):
        for key, (hidden, is_visible) in objects.items():
            ids = [1000 - 10 * place for place in range(hidden + is_visible)]
            for index in ids[is_visible:]:
                rows[keys.version(bucket, key, VersionId(index))] = codec.encode(renamed(sample, index))
            if is_visible:
                rows[keys.live(bucket, key)] = codec.encode(renamed(sample, 1000))
    return MemoryRows(rows.items())


def renamed(sample, index):
    return msgspec.structs.replace(sample, id=VersionId(index), is_null=False)


def model(objects, prefix, delimiter, start):
    """Every version as (key, id, latest or not) and every common prefix as (prefix, 0, False), in order."""
    found = {}
    for key in sorted(objects, key=str.encode):
        hidden, is_visible = objects[key]
        for place in range(hidden + is_visible):
            index = 1000 - 10 * place
            if not key.startswith(prefix):
                continue
            end = key.find(delimiter, len(prefix)) if delimiter else -1
            name = key[: end + len(delimiter)] if end >= 0 else key
            is_behind = key.encode() > start.key.encode()
            is_behind = is_behind or (key == start.key and start.version is not None and index < start.version)
            if is_behind and not (end >= 0 and name == start.key):
                found[(name, 0) if end >= 0 else (name, index)] = end < 0 and place == 0
    return [(*name, is_latest) for name, is_latest in found.items()]


def told(page):
    rows = [(entry.key, entry.version.id, entry.is_latest) for entry in page.entries]
    rows += [(prefix, 0, False) for prefix in page.common_prefixes]
    return sorted(rows, key=lambda row: (row[0].encode(), -row[1]))


starts = st.builds(Start, names | st.just(""), st.none() | st.integers(950, 1011).map(VersionId))


@given(histories, parts, parts, starts)
@settings(max_examples=300)
def test_a_list_is_what_sorting_everything_gives(sample, objects, prefix, delimiter, start):
    start = start if start.key else Start()
    page = list_versions(bucket_of(sample, objects), BUCKET, prefix, delimiter, start, 1000)
    assert told(page) == model(objects, prefix, delimiter, start)
    assert (page.is_truncated, page.next_after, page.next_version) == (False, "", None)


@given(histories, parts, parts, st.integers(1, 5))
@settings(max_examples=300)
def test_pages_together_are_the_whole_list(sample, objects, prefix, delimiter, limit):
    rows, start, found = bucket_of(sample, objects), Start(), []
    for _ in range(60):
        page = list_versions(rows, BUCKET, prefix, delimiter, start, limit)
        found += told(page)
        assert len(told(page)) <= limit
        if not page.is_truncated:
            break
        assert len(told(page)) == limit
        start = Start(page.next_after, page.next_version)
    assert found == model(objects, prefix, delimiter, Start())


@given(histories, st.integers(1, 3), st.randoms())
@settings(max_examples=200)
def test_pages_show_what_is_there_all_the_time_once(sample, objects, limit, random):
    """Versions are removed between the pages, the very one that a page ended with among them."""
    rows, start, found, gone = bucket_of(sample, objects), Start(), [], set()
    for _ in range(60):
        page = list_versions(rows, BUCKET, "", "", start, limit)
        found += [row[:2] for row in told(page)]
        if not page.is_truncated:
            break
        start = Start(page.next_after, page.next_version)
        hidden = [row for row in rows.rows() if row[0][:1] == keys.VERSIONS and row[0][1:9] == keys.number(BUCKET)]
        last = keys.version(BUCKET, page.next_after, page.next_version)
        for key in [last, *([random.choice(hidden)[0]] if hidden else [])]:
            gone.add((keys.key_of(key[1:-8]), tables.decode_version(rows.get(key)).id) if rows.get(key) else None)
            rows.commit([(key, None)])
    assert len(found) == len(set(found))
    everything = {row[:2] for row in model(objects, "", "", Start())}
    assert everything - gone <= set(found) <= everything


def test_a_page_that_begins_within_a_key_knows_its_latest_version(sample):
    rows = bucket_of(sample, {"k": (3, True)})
    page = list_versions(rows, BUCKET, "", "", Start("k", VersionId(1000)), 10)
    assert [row[2] for row in told(page)] == [False, False, False]
    rows.commit([(keys.live(BUCKET, "k"), None)])
    page = list_versions(rows, BUCKET, "", "", Start("k", VersionId(1000)), 10)
    assert [row[2] for row in told(page)] == [True, False, False]


def test_a_list_goes_on_behind_the_null_version(sample):
    rows = bucket_of(sample, {"k": (3, False)})
    row = codec.encode(msgspec.structs.replace(renamed(sample, 990), is_null=True))
    overlay = Overlay(rows)
    from mys3d.registry import stack

    overlay.put(keys.version(BUCKET, "k", VersionId(990)), row)
    overlay.put(keys.null_pointer(BUCKET, "k"), codec.encode(stack.NullRow(1, VersionId(990))))
    page = list_versions(overlay, BUCKET, "", "", Start("k", NULL_VERSION), 10)
    assert [row[1] for row in told(page)] == [980]
    overlay.delete(keys.null_pointer(BUCKET, "k"))
    page = list_versions(overlay, BUCKET, "", "", Start("k", NULL_VERSION), 10)
    assert [row[1] for row in told(page)] == [1000, 990, 980], "one that is gone stands before all others"


def test_a_page_of_no_versions_is_not_truncated(sample):
    page = list_versions(bucket_of(sample, {"a": (1, True)}), BUCKET, "", "", Start(), 0)
    assert (page.entries, page.is_truncated, page.next_after) == ((), False, "")


def test_a_page_reads_two_rows_more_than_it_has_entries(sample):
    rows = Counting(bucket_of(sample, {f"{number:03}": (4, True) for number in range(50)}))
    assert len(list_versions(rows, BUCKET, "", "", Start(), 100).entries) == 100
    assert rows.rows_count <= 103


def test_a_page_in_the_midst_of_a_long_history_reads_only_its_own_rows(sample):
    rows = Counting(bucket_of(sample, {"k": (90, True)}))
    page = list_versions(rows, BUCKET, "", "", Start("k", VersionId(500)), 10)
    assert page.entries[0].version.id == 490
    assert rows.rows_count <= 14


def test_a_common_prefix_costs_a_seek_and_not_its_versions(sample):
    objects = {f"{folder:03}/{number:03}": (3, True) for folder in range(10) for number in range(50)}
    rows = Counting(bucket_of(sample, objects))
    assert len(list_versions(rows, BUCKET, "", "/", Start(), 1000).common_prefixes) == 10
    assert rows.scans_count <= 22
    assert rows.rows_count <= 10 * 12
