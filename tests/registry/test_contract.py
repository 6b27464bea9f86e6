"""One contract for every store of rows: in memory and RocksDB, live and as a snapshot, bare and under an overlay."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mys3d.consensus.store import RocksStore
from mys3d.registry.memory import MemoryRows
from mys3d.registry.transaction import Overlay

row_keys = st.binary(min_size=1, max_size=3)
writes = st.lists(st.tuples(row_keys, st.none() | st.binary(max_size=3)), max_size=12)
batches = st.lists(writes, max_size=4)
LAST = b"\xff" * 9


@pytest.fixture(params=["memory", "rocks"])
def stores(request, tmp_path):
    """Make stores, each of them empty."""
    opened = []

    def make():
        if request.param == "memory":
            return MemoryRows()
        opened.append(RocksStore(Path(tempfile.mkdtemp(dir=tmp_path))))
        return opened[-1]

    yield make
    for store in opened:
        store.close()


@pytest.fixture
def store(stores):
    return stores()


same_store = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)


def emptied(store):
    store.write([(key, None) for key, _ in store.reader().scan(b"", LAST)])
    return store


def test_an_absent_row_is_none(store):
    assert store.reader().get(b"a") is None
    with store.snapshot() as reader:
        assert reader.get(b"a") is None


def test_an_empty_value_is_a_row(store):
    store.write([(b"a", b"")])
    assert store.reader().get(b"a") == b""
    assert list(store.reader().scan(b"", LAST)) == [(b"a", b"")]


def test_the_last_write_of_a_batch_counts(store):
    store.write([(b"a", b"1"), (b"a", None), (b"b", None), (b"b", b"2")])
    assert list(store.reader().scan(b"", LAST)) == [(b"b", b"2")]


def test_removing_an_absent_row_is_no_error(store):
    store.write([(b"a", None)])
    assert list(store.reader().scan(b"", LAST)) == []


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize(("start", "stop"), [(b"b", b"b"), (b"c", b"b"), (b"x", b"z")])
def test_an_empty_range_has_no_rows(store, start, stop, reverse):
    store.write([(b"a", b"1"), (b"b", b"2"), (b"c", b"3")])
    assert list(store.reader().scan(start, stop, reverse=reverse)) == []


@pytest.mark.parametrize("reverse", [False, True])
def test_a_range_has_its_start_and_not_its_stop(store, reverse):
    store.write([(key, b"") for key in (b"a", b"b", b"b\x00", b"c", b"c\x00")])
    found = [key for key, _ in store.reader().scan(b"b", b"c", reverse=reverse)]
    assert sorted(found) == [b"b", b"b\x00"]
    assert found == sorted(found, reverse=reverse)


def test_a_scan_may_be_left_unfinished(store):
    store.write([(b"%04d" % number, b"") for number in range(1000)])
    scan = store.reader().scan(b"", LAST)
    assert next(scan) == (b"0000", b"")
    del scan
    assert next(store.reader().scan(b"0500", LAST)) == (b"0500", b"")


def test_a_snapshot_does_not_follow_later_writes(store):
    store.write([(b"a", b"1")])
    with store.snapshot() as reader:
        store.write([(b"a", b"2"), (b"b", b"2")])
        assert reader.get(b"a") == b"1"
        assert list(reader.scan(b"", LAST)) == [(b"a", b"1")]
    assert store.reader().get(b"a") == b"2"


@same_store
@given(batches=batches, start=row_keys, stop=row_keys, reverse=st.booleans())
def test_a_store_is_a_sorted_dictionary(store, batches, start, stop, reverse):
    emptied(store)
    model = {}
    for batch in batches:
        store.write(batch)
        model.update(batch)
    rows = {key: value for key, value in model.items() if value is not None}
    expected = sorted(((key, value) for key, value in rows.items() if start <= key < stop), reverse=reverse)
    with store.snapshot() as snapshot:
        for reader in (store.reader(), snapshot):
            assert list(reader.scan(start, stop, reverse=reverse)) == expected
            assert {key: reader.get(key) for key in model} == {key: rows.get(key) for key in model}
    assert store.reader().get_many(list(model)) == [rows.get(key) for key in model]


@same_store
@given(first=writes, second=writes, reverse=st.booleans())
def test_an_overlay_shows_what_writing_it_would_give(store, first, second, reverse):
    emptied(store).write(first)
    overlay = Overlay(store.reader())
    for key, value in second:
        if value is None:
            overlay.delete(key)
        else:
            overlay.put(key, value)
    shown = list(overlay.scan(b"", LAST, reverse=reverse))
    got = {key: overlay.get(key) for key, _ in first + second}
    store.write(overlay.writes())
    assert shown == list(store.reader().scan(b"", LAST, reverse=reverse))
    assert got == {key: store.reader().get(key) for key, _ in first + second}
