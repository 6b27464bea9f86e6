"""The simulated store keeps what RocksDB keeps: a flushed prefix, and the rows of the moment for each iterator."""

from collections.abc import Iterator
from random import Random

import pytest

from tests.simulation import rocks
from tests.simulation.files import Disk, PowerCut
from tests.simulation.machine import DISKS, OS


@pytest.fixture
def disk() -> Iterator[Disk]:
    DISKS["t"] = found = Disk("/simulated/t", Random(1))
    found.boot()
    yield found
    DISKS.clear()


def write(rows: rocks.Rdict, **pairs: bytes | None) -> None:
    batch = rocks.WriteBatch(raw_mode=True)
    for key, value in pairs.items():
        if value is None:
            batch.delete(key.encode())
        else:
            batch.put(key.encode(), value)
    rows.write(batch)


def test_a_crash_falls_back_to_a_prefix_that_holds_everything_flushed() -> None:
    kept = set()
    for seed in range(40):
        DISKS["t"] = disk = Disk("/simulated/t", Random(seed))
        disk.boot()
        rows = rocks.Rdict("/simulated/t/rows")
        write(rows, a=b"1")
        rows.flush()
        for number in range(4):
            write(rows, a=b"%d" % (2 + number), **{f"k{number}": b"x"})
        prints = rows.fingerprint
        disk.kill()
        disk.boot()
        again = rocks.Rdict("/simulated/t/rows")
        count = sum(again.get(b"k%d" % number) is not None for number in range(4))
        assert again.get(b"a") == b"%d" % (1 + count)
        assert (again.fingerprint == prints) == (count == 4)
        kept.add(count)
        with pytest.raises(PowerCut):
            write(rows, a=b"late")
    assert kept == {0, 1, 2, 3, 4}
    DISKS.clear()


def test_rows_that_were_deleted_leave_no_fingerprint(disk: Disk) -> None:
    rows = rocks.Rdict("/simulated/t/rows")
    write(rows, a=b"1")
    write(rows, a=None, never=None)
    assert rows.fingerprint == 0


def test_iterators_keep_the_rows_of_their_moment(disk: Disk) -> None:
    rows = rocks.Rdict("/simulated/t/rows")
    write(rows, a=b"1", b=b"2", c=b"3")
    cursor = rows.iter()
    write(rows, a=None, b=b"new", d=b"4")
    found = []
    cursor.seek_to_first()
    while cursor.valid():
        found.append((cursor.key(), cursor.value()))
        cursor.next()
    assert found == [(b"a", b"1"), (b"b", b"2"), (b"c", b"3")]
    cursor.seek_for_prev(b"bb")
    assert cursor.key() == b"b"
    cursor.prev()
    assert cursor.key() == b"a"
    bounds = rocks.Options()
    bounds.set_iterate_upper_bound(b"d")
    assert list(rows.items(from_key=b"b", read_opt=bounds)) == [(b"b", b"new"), (b"c", b"3")]
    assert list(rows.items(backwards=True, from_key=b"c", read_opt=bounds)) == [(b"c", b"3"), (b"b", b"new")]


def test_a_rotten_row_raises_when_looked_up_and_ends_a_scan(disk: Disk) -> None:
    rows = rocks.Rdict("/simulated/t/rows")
    write(rows, a=b"1", b=b"2", c=b"3")
    rows.spoil([b"b"])
    with pytest.raises(Exception, match="Corruption"):
        rows.get(b"b")
    assert list(rows.items()) == [(b"a", b"1")]
    cursor = rows.iter()
    cursor.seek(b"b")
    assert not cursor.valid()
    with pytest.raises(Exception, match="Corruption"):
        cursor.status()


def test_a_checkpoint_opens_as_a_store_of_its_own(disk: Disk) -> None:
    rows = rocks.Rdict("/simulated/t/rows")
    write(rows, a=b"1")
    rocks.Checkpoint(rows).create_checkpoint("/simulated/t/copy")
    write(rows, a=b"2")
    assert OS.listdir("/simulated/t/copy") == [rocks.COPY_NAME, "CURRENT", "MANIFEST-000001"]
    assert rocks.Rdict("/simulated/t/copy").get(b"a") == b"1"
