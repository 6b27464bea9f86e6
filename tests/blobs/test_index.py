"""Rows of the index: what they say, what is counted, what survives."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from mys3d.blobs.index import Index, IndexLost, Place, Position, Use, remove
from mys3d.model.body import BlobRef
from mys3d.model.digest import Digest
from mys3d.model.names import Partition

OURS = b"d" * 16
A, B = Digest(b"a" * 32), Digest(b"b" * 32)
PLACE = Place(1, 4096, 100, 0, 5)
OTHER = Place(2, 8192, 200, 0, 6)


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Index]:
    index = Index(tmp_path / "index", OURS)
    yield index
    index.close()


def test_a_row_is_found_as_it_was_added(index: Index) -> None:
    index.add([(A, PLACE)], Position(1, 5000))
    assert index.find(A) == PLACE
    assert index.find(B) is None
    assert (index.blobs_count, index.position, index.volumes) == (1, Position(1, 5000), {1})


def test_a_later_record_replaces_an_earlier_one_and_is_counted_once(index: Index) -> None:
    index.add([(A, PLACE), (A, OTHER)], Position(2, 9000))
    assert index.find(A) == OTHER
    assert index.blobs_count == 1
    assert index.volumes == {1, 2}


def test_a_quarantined_blob_is_not_held_and_still_stored(index: Index) -> None:
    index.add([(A, PLACE)], Position(1, 5000))
    assert index.quarantine(A, PLACE)
    assert index.find(A) is None
    assert index.stored(Partition(0x61 << 2 | 0x61 >> 6)) == [BlobRef(A, PLACE.length)]
    assert index.blobs_count == 0
    assert index.forget(A) is not None
    assert index.stored(Partition(0x61 << 2 | 0x61 >> 6)) == []


def test_a_blob_is_quarantined_once(index: Index) -> None:
    index.add([(A, PLACE)], Position(1, 5000))
    assert index.quarantine(A, PLACE)
    assert not index.quarantine(A, PLACE)
    assert index.blobs_count == 0


def test_a_blob_that_was_written_anew_is_not_quarantined_for_its_old_record(index: Index) -> None:
    index.add([(A, PLACE)], Position(1, 5000))
    index.add([(A, OTHER)], Position(2, 9000))
    assert not index.quarantine(A, PLACE)
    assert index.find(A) == OTHER


def test_a_quarantined_blob_that_is_written_anew_is_held_again(index: Index) -> None:
    index.add([(A, PLACE)], Position(1, 5000))
    index.quarantine(A, PLACE)
    index.add([(A, OTHER)], Position(2, 9000))
    assert index.find(A) == OTHER
    assert index.blobs_count == 1


def test_partitions_do_not_overlap(index: Index) -> None:
    names = [
        Digest(bytes([high, low]) + b"\x00" * 30) for high in (0, 1, 254, 255) for low in (0, 63, 64, 128, 192, 255)
    ]
    index.add([(name, PLACE) for name in names], Position(1, 5000))
    listed = [blob.digest for partition in range(1024) for blob in index.stored(Partition(partition))]
    assert listed == sorted(names)
    last = (Digest(b"\xff\xc0" + bytes(30)), Digest(b"\xff\xff" + bytes(30)))
    assert index.stored(Partition(1023)) == [BlobRef(name, PLACE.length) for name in last]


def test_rows_survive_a_close(tmp_path: Path) -> None:
    first = Index(tmp_path / "index", OURS)
    first.add([(A, PLACE), (B, OTHER)], Position(2, 9000))
    first.close()
    second = Index(tmp_path / "index", OURS)
    assert (second.find(A), second.find(B)) == (PLACE, OTHER)
    assert (second.blobs_count, second.position, second.volumes) == (2, Position(2, 9000), {1, 2})
    second.close()


def test_an_index_of_another_directory_is_lost(tmp_path: Path) -> None:
    first = Index(tmp_path / "index", OURS)
    first.add([(A, PLACE)], Position(1, 5000))
    first.close()
    with pytest.raises(IndexLost, match="directory"):
        Index(tmp_path / "index", b"x" * 16)


def test_an_unreadable_index_is_lost_and_can_be_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "index"
    Index(path, OURS).close()
    (path / "CURRENT").write_bytes(b"no manifest")
    with pytest.raises(IndexLost):
        Index(path, OURS)
    remove(path)
    Index(path, OURS).close()


def rot_tables(path: Path) -> None:
    for table in path.glob("*.sst"):
        data = bytearray(table.read_bytes())
        data[: len(data) // 2] = bytes(len(data) // 2)
        table.write_bytes(data)


def test_rotten_rows_are_told_once_and_the_index_is_lost_from_then_on(tmp_path: Path) -> None:
    path = tmp_path / "index"
    names = [Digest(number.to_bytes(32, "big")) for number in range(5000)]
    first = Index(path, OURS)
    first.add([(name, PLACE) for name in names], Position(1, 5000))
    first.close()
    rot_tables(path)
    try:
        second = Index(path, OURS)
    except IndexLost:
        pass
    else:
        with pytest.raises(IndexLost, match="has to be built anew"):
            second.find(names[0])
        with pytest.raises(IndexLost):
            second.stored(Partition(0))
        second.close()
    with pytest.raises(IndexLost, match="found unreadable before"):
        Index(path, OURS)
    remove(path)
    third = Index(path, OURS)
    assert third.find(names[0]) is None
    third.close()


def test_a_volume_is_used_by_what_is_held_in_it_and_by_what_is_quarantined(tmp_path: Path) -> None:
    first = Index(tmp_path / "index", OURS)
    first.add([(A, PLACE), (B, OTHER)], Position(2, 9000))
    assert first.quarantine(B, OTHER)
    assert (first.use_of(1), first.use_of(2)) == ((192, 0), (0, 1))
    assert first.forget(B) is not None
    assert first.use_of(2) == (0, 0)
    first.add([(A, OTHER)], Position(2, 10_000))
    first.close()
    second = Index(tmp_path / "index", OURS)
    assert (second.use_of(1), second.use_of(2)) == ((0, 0), (288, 0))
    second.close()


def test_a_forgotten_blob_has_no_row_and_is_forgotten_once(index: Index) -> None:
    index.add([(A, PLACE)], Position(1, 5000))
    assert index.forget(A) == PLACE
    assert (index.record_of(A), index.blobs_count) == (None, 0)
    assert index.forget(A) is None


def test_rows_are_swapped_where_they_name_the_old_place_and_left_alone_elsewhere(index: Index) -> None:
    moved, newer = Place(3, 4096, 100, 0, 5), Place(3, 9000, 200, 0, 9)
    index.add([(A, PLACE), (B, OTHER)], Position(2, 9000))
    index.add([(B, newer)], Position(3, 9300))
    index.swap([(A, PLACE, moved), (B, OTHER, moved)], Position(3, 9999))
    assert (index.find(A), index.find(B)) == (moved, newer)
    assert index.position == Position(3, 9999)
    index.forget(A)
    index.swap([(A, moved, OTHER)], Position(3, 9999))
    assert index.find(A) is None


def test_a_volume_in_use_is_never_dropped_and_one_that_is_not_is_never_named_again(
    index: Index, tmp_path: Path
) -> None:
    index.add([(A, PLACE), (B, OTHER)], Position(2, 9000))
    with pytest.raises(AssertionError, match="in use"):
        index.drop_volume(1)
    index.forget(A)
    index.drop_volume(1)
    assert index.volumes == {2}


def test_held_blobs_are_found_by_where_they_lie(index: Index) -> None:
    index.add([(A, PLACE), (B, OTHER)], Position(2, 9000))
    assert index.within(1, [(0, 4096)]) == []
    assert index.within(1, [(0, 10), (4096, 4097)]) == [(A, PLACE)]
    assert index.within(2, []) == []
    index.quarantine(B, OTHER)
    assert index.within(2, [(0, 10_000)]) == []


def test_a_volume_that_only_counts_as_empty_is_never_dropped(index: Index, tmp_path: Path) -> None:
    index.add([(A, PLACE), (B, OTHER)], Position(2, 9000))
    index._uses[1] = Use(0, 0)
    with pytest.raises(IndexLost, match="rows name volume 1"):
        index.drop_volume(1)
    assert index.find(A) == PLACE
    assert (tmp_path / "index.lost").exists()  # the next open counts anew


@pytest.mark.parametrize("kind", [AssertionError, TypeError, AttributeError, ValueError, OSError])
def test_a_bug_is_no_broken_index(index: Index, tmp_path: Path, kind: type[Exception]) -> None:
    def fail(*_: object) -> None:
        raise kind("ours")

    rows, index._rows, index._get = index._rows, SimpleNamespace(write=fail, flush=fail, iter=fail), fail
    for call in (
        lambda: index.find(A),
        lambda: index.add([], Position(1, 5000)),
        lambda: index.stored(Partition(0)),
        index.flush,
    ):
        with pytest.raises(kind, match="ours"):
            call()
    assert not (tmp_path / "index.lost").exists()
    index._rows = rows
