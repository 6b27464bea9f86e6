"""Rows read one by one, together, in order, and those that are kept."""

import threading

import pytest

from mys3d import limits
from mys3d.consensus.store_faults import StoreDamaged
from mys3d.errors import Unavailable
from mys3d.registry import keys


def test_a_snapshot_keeps_its_rows_in_another_thread(store):
    store.write([(b"ka", b"1"), (b"kb", b"1")])
    seen = []
    with store.snapshot() as reader:
        store.write([(b"ka", b"2"), (b"kb", None), (b"kc", b"2")])
        thread = threading.Thread(
            target=lambda: seen.extend([reader.get(b"ka"), reader.get(b"kc"), list(reader.scan(b"k", b"l"))])
        )
        thread.start()
        thread.join()
    assert seen == [b"1", None, [(b"ka", b"1"), (b"kb", b"1")]]
    assert list(store.reader().scan(b"k", b"l")) == [(b"ka", b"2"), (b"kc", b"2")]


def test_a_scan_keeps_the_rows_of_its_beginning(store):
    store.write([(b"ka", b"1"), (b"kb", b"1")])
    scan = store.reader().scan(b"k", b"l")
    store.write([(b"kb", None), (b"kc", b"2")])
    assert [key for key, _ in scan] == [b"ka", b"kb"]


@pytest.mark.parametrize("reverse", [False, True])
def test_a_scan_goes_up_to_its_bound_whatever_becomes_of_the_memory_of_the_bound(store, reverse):
    """Rows about as long as the bound take its place in memory, unless it is kept."""
    names = [b"k%08d" % number for number in range(20)]
    store.write([(name + rest, b"") for name in names for rest in (b"0001", b"0002")])
    for number, name in enumerate(names[:-1]):
        scan = store.reader().scan(b"k%08d" % number, b"k%08d" % (number + 1), reverse=reverse)
        others = [bytes([byte]) * 9 for byte in range(200)]  # whatever was freed is taken
        assert sorted(key for key, _ in scan) == [name + b"0001", name + b"0002"], others


def test_reads_of_a_snapshot_may_be_interleaved(store):
    store.write([(b"k%d" % number, b"") for number in range(5)])
    with store.snapshot() as reader:
        store.write([(b"k%d" % number, None) for number in range(5)])
        up, down = reader.scan(b"k", b"l"), reader.scan(b"k", b"l", reverse=True)
        found = [(next(up)[0], next(down)[0], reader.get(b"k3")) for _ in range(5)]
    assert [left for left, _, _ in found] == [b"k0", b"k1", b"k2", b"k3", b"k4"]
    assert [right for _, right, _ in found] == [b"k4", b"k3", b"k2", b"k1", b"k0"]
    assert {value for _, _, value in found} == {b""}


class Refusing:
    """RocksDB that takes no writes."""

    def __init__(self, rows):
        self.rows = rows

    def write(self, batch, options):
        raise Exception("IO error: No space left on device: While appending to file")  # noqa: TRY002 # as rocksdict


def counted(store):
    """The keys of the rows that were looked up in RocksDB, from here on."""
    reader, found = store.reader(), []
    get = reader._get
    reader._get = lambda key: found.append(key) or get(key)
    return found


def test_a_row_that_each_request_reads_is_looked_up_once_and_follows_each_write(store):
    store.write([(keys.SETTINGS, b"1"), (keys.LIVE + b"a", b"1")])
    found, get = counted(store), store.reader().get
    assert [get(keys.SETTINGS), get(keys.SETTINGS), get(keys.NOW), get(keys.NOW)] == [b"1", b"1", None, None]
    assert found == [keys.SETTINGS, keys.NOW]
    store.write([(keys.SETTINGS, b"2"), (keys.NOW, b"9")])
    assert [get(keys.SETTINGS), get(keys.NOW)] == [b"2", b"9"]
    store.write([(keys.SETTINGS, None)])
    assert get(keys.SETTINGS) is None
    assert found == [keys.SETTINGS, keys.NOW]
    assert [get(keys.LIVE + b"a"), get(keys.LIVE + b"a")] == [b"1", b"1"]
    assert len(found) == 4


def test_a_write_that_failed_leaves_the_rows_that_are_kept(store):
    store.write([(keys.SETTINGS, b"1")])
    assert store.reader().get(keys.SETTINGS) == b"1"
    rows, store._rows = store._rows, Refusing(store._rows)
    with pytest.raises(Unavailable):
        store.write([(keys.SETTINGS, b"2")])
    store._rows = rows
    assert store.reader().get(keys.SETTINGS) == b"1"


def test_only_so_many_rows_are_kept(store):
    names = [keys.BUCKETS + b"%05d" % number for number in range(3 * limits.rows_kept)]
    store.write([(name, name) for name in names])
    assert [store.reader().get(name) for name in names] == names
    assert len(store.reader().kept) <= limits.rows_kept


def test_a_damaged_store_tells_no_row_that_it_kept(store):
    store.write([(keys.SETTINGS, b"1")])
    assert store.reader().get(keys.SETTINGS) == b"1"
    store._faults.told(StoreDamaged("rotten"))
    for read in (lambda: store.reader().get(keys.SETTINGS), lambda: store.reader().get_many([keys.SETTINGS])):
        with pytest.raises(StoreDamaged):
            read()
