"""Finding records again: behind torn tails, around rotten bytes, and never what only looks like one."""

import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from mys3d import limits
from mys3d.blobs import record, volume
from mys3d.blobs.record import RECORDS_START, RecordHeader, VolumeHeader
from mys3d.blobs.scan import scan
from mys3d.blobs.volume import Volume
from mys3d.model.digest import Digest, digest_of

Build = Callable[..., tuple[Digest, bytes]]
HEADER = VolumeHeader(1, b"c" * 16, b"d" * 16, b"k" * 32)


def record_of(data: bytes, offset: int, synced_end: int, key: bytes = HEADER.record_key) -> bytes:
    header = RecordHeader(
        digest_of(data), len(data), record.BLOB, offset, synced_end, record.sub_digests([data], len(data))
    )
    return (record.encode_header(header, key) + data).ljust(record.record_bytes(len(data)), b"\0")


def append(target: Volume, *batch: bytes) -> list[int]:
    """Append one batch of blobs; return where each record starts."""
    places, buffers, offset = [], [], target.end
    for data in batch:
        places.append(offset)
        buffers.append(record_of(data, offset, target.end))
        offset += len(buffers[-1])
    target.append(buffers, offset - target.end)
    return places


@pytest.fixture
def target(tmp_path: Path, disk):
    made = volume.create(tmp_path, HEADER, 4 * limits.MIB, disk.calls())
    yield made
    made.close()


def scanned(target: Volume, *, start: int = RECORDS_START, synced_end: int = RECORDS_START, is_sealed: bool = False):
    records: list[RecordHeader] = []
    found = scan(target, start, synced_end, is_sealed, records.append)
    return SimpleNamespace(records=records, end=found.end, gaps_count=found.gaps_count)


def test_an_empty_volume_has_no_records(target: Volume) -> None:
    found = scanned(target)
    assert (found.records, found.end, found.gaps_count) == ([], RECORDS_START, 0)


def test_every_record_is_found_in_order(target: Volume, blob: Build) -> None:
    data = [blob(seed, 1 + seed * 3001)[1] for seed in range(40)]
    for first in range(0, 40, 8):
        append(target, *data[first : first + 8])
    found = scanned(target)
    assert [header.digest for header in found.records] == [digest_of(each) for each in data]
    assert (found.end, found.gaps_count) == (target.end, 0)


def test_a_scan_can_start_behind_what_is_known(target: Volume, blob: Build) -> None:
    append(target, blob(1)[1])
    known = target.end
    append(target, blob(2)[1])
    found = scanned(target, start=known, synced_end=known)
    assert [header.digest for header in found.records] == [blob(2)[0]]


@pytest.mark.parametrize("length", [33, 300])
def test_a_tail_torn_at_any_byte_is_cut_and_nothing_else(target: Volume, blob: Build, length: int) -> None:
    append(target, blob(1, 500)[1])
    torn = record_of(blob(2, length)[1], target.end, target.end)
    whole = record.header_bytes(length) + length  # the zeros behind the data say nothing
    for kept in range(whole):
        os.ftruncate(target.fd, target.end)
        os.pwrite(target.fd, torn[:kept], target.end)
        os.ftruncate(target.fd, 4 * limits.MIB)
        found = scanned(target)
        assert [header.digest for header in found.records] == [blob(1, 500)[0]], kept
        assert (found.end, found.gaps_count) == (target.end, 0), kept


def test_a_whole_record_behind_a_torn_one_is_kept(target: Volume, blob: Build) -> None:
    places = append(target, blob(1)[1], blob(2)[1], blob(3)[1])
    os.pwrite(target.fd, bytes(3900), places[1] + 200)
    found = scanned(target)
    assert [header.digest for header in found.records] == [blob(1)[0], blob(3)[0]]
    assert found.gaps_count == 0


def test_a_rotten_header_costs_its_own_record_only_and_is_told(target: Volume, blob: Build) -> None:
    places = append(target, blob(1)[1])
    places += append(target, blob(2)[1])
    append(target, blob(3)[1])
    os.pwrite(target.fd, b"\xff", places[1] + 20)
    found = scanned(target)
    assert [header.digest for header in found.records] == [blob(1)[0], blob(3)[0]]
    assert found.gaps_count == 1


def test_a_hole_larger_than_the_window_is_stepped_over(target: Volume, blob: Build) -> None:
    places = append(target, *(blob(seed, 300_000)[1] for seed in range(9)))
    append(target, blob(10)[1])
    os.pwrite(target.fd, bytes(places[8] - places[1]), places[1])
    found = scanned(target)
    assert [header.digest for header in found.records] == [blob(seed, 300_000)[0] for seed in (0, 8)] + [blob(10)[0]]


def test_rotten_data_that_was_synced_stays_a_record_to_be_found_damaged_when_read(target: Volume, blob: Build) -> None:
    places = append(target, blob(1)[1])
    append(target, blob(2)[1])
    os.pwrite(target.fd, b"\xff\xfe", places[0] + 300)
    assert len(scanned(target).records) == 2


def test_rotten_data_at_the_end_of_a_sealed_volume_stays_a_record(target: Volume, blob: Build) -> None:
    places = append(target, blob(1)[1])
    os.pwrite(target.fd, b"\xff\xfe", places[0] + 300)
    assert len(scanned(target, is_sealed=True).records) == 1
    assert len(scanned(target, is_sealed=False).records) == 0


def test_what_is_known_to_be_synced_is_never_cut(target: Volume, blob: Build) -> None:
    places = append(target, blob(1)[1], blob(2)[1])
    os.pwrite(target.fd, bytes(80), places[1])
    found = scanned(target, synced_end=target.end)
    assert (found.end, found.gaps_count) == (target.end, 1)


def test_a_clients_bytes_that_look_like_a_record_are_none(target: Volume, blob: Build) -> None:
    victim = blob(9, 100)[1]
    place = target.end + record.header_bytes(8192)
    place += -place % record.ALIGNMENT
    forged = record_of(victim, place, target.end, key=b"g" * 32)  # the client cannot know the key of the volume
    data = forged.rjust(len(forged) + place - target.end - record.header_bytes(8192), b"\0").ljust(8192, b"\0")
    places = append(target, data)
    append(target, blob(3)[1])
    os.pwrite(target.fd, b"\xff", places[0] + 1)
    found = scanned(target)
    assert [header.digest for header in found.records] == [blob(3)[0]]


def test_a_record_of_the_same_volume_at_another_place_is_none(target: Volume, blob: Build) -> None:
    places = append(target, blob(1)[1])
    append(target, blob(2)[1])
    misplaced = os.pread(target.fd, record.record_bytes(4096), places[0])
    os.pwrite(target.fd, misplaced, target.end + 160)
    assert len(scanned(target).records) == 2
