"""Reads prove what they return: whatever bit rots, the answer is the right bytes or Damaged."""

import errno
import os
import random
from collections.abc import Callable

import pytest

from mys3d import limits
from mys3d.blobs import reader as reader_module
from mys3d.blobs import record
from mys3d.blobs.directory import Directory, NewBlob
from mys3d.blobs.reader import Reader
from mys3d.errors import Damaged
from mys3d.model.digest import Digest

STRETCH = limits.sub_digest_bytes
Build = Callable[..., tuple[Digest, bytes]]
Write = Callable[..., NewBlob]


@pytest.fixture
def directory(open_directory: Callable[[], Directory]):
    opened = open_directory()
    yield opened
    opened.close()


@pytest.fixture
def reader(directory: Directory) -> Reader:
    return Reader(directory)


def flip(directory: Directory, offset: int, bit: int) -> None:
    fd = directory._volumes[1].fd
    byte = os.pread(fd, 1, offset)[0] ^ 1 << bit
    os.pwrite(fd, bytes([byte]), offset)


def test_a_cached_read_and_a_waiting_read_return_the_same(
    directory: Directory, reader: Reader, new_blob: Write, blob: Build
) -> None:
    name, data = blob(1, 3 * STRETCH)
    directory.commit([new_blob(1, 3 * STRETCH)])
    place = directory.index.find(name)
    assert place is not None
    for start, stop in [(0, len(data)), (1, 2), (STRETCH, STRETCH + 1), (STRETCH - 1, 2 * STRETCH + 1), (5, 5)]:
        assert reader.read_waiting(name, place, start, stop) == data[start:stop]
        assert reader.read_cached(name, place, start, stop) in (data[start:stop], None)


def test_bytes_that_are_not_in_memory_are_left_to_a_thread(
    directory: Directory, reader: Reader, new_blob: Write, blob: Build
) -> None:
    directory.commit([new_blob(1, limits.MIB)])
    name, data = blob(1, limits.MIB)
    place, fd = directory.index.find(name), directory._volumes[1].fd
    assert place is not None
    assert fd is not None
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    if reader.read_cached(name, place, 0, len(data)) is not None:
        pytest.skip("this file system keeps its pages in memory")
    assert reader.read_waiting(name, place, 0, len(data)) == data
    assert reader.read_cached(name, place, 0, len(data)) == data


@pytest.mark.parametrize("length", [200, STRETCH + 100])
def test_no_flipped_bit_is_ever_served(
    directory: Directory, reader: Reader, new_blob: Write, blob: Build, length: int
) -> None:
    directory.commit([new_blob(1, length)])
    name, _ = blob(1, length)
    place = directory.index.find(name)
    assert place is not None
    chance = random.Random(length)
    size = record.header_bytes(length) + length
    offsets = range(size) if size < 1000 else [*range(record.header_bytes(length)), *chance.sample(range(size), 300)]
    for offset in offsets:
        bit = chance.randrange(8)
        flip(directory, place.offset + offset, bit)
        with pytest.raises(Damaged):
            reader.read_waiting(name, place, 0, length)
        flip(directory, place.offset + offset, bit)
    assert reader.read_waiting(name, place, 0, length) == blob(1, length)[1]


def test_a_rotten_stretch_spoils_only_the_ranges_that_touch_it(
    directory: Directory, reader: Reader, new_blob: Write, blob: Build
) -> None:
    length = 4 * STRETCH
    directory.commit([new_blob(1, length)])
    name, data = blob(1, length)
    place = directory.index.find(name)
    assert place is not None
    flip(directory, place.offset + record.header_bytes(length) + 2 * STRETCH + 9, 3)
    assert reader.read_waiting(name, place, 0, 2 * STRETCH) == data[: 2 * STRETCH]
    assert reader.read_waiting(name, place, 3 * STRETCH, length) == data[3 * STRETCH :]
    for start, stop in [(0, length), (2 * STRETCH, 2 * STRETCH + 1), (2 * STRETCH - 1, 3 * STRETCH + 1)]:
        with pytest.raises(Damaged):
            reader.read_waiting(name, place, start, stop)


def test_a_row_that_points_to_another_blob_is_damage(
    directory: Directory, reader: Reader, new_blob: Write, blob: Build
) -> None:
    directory.commit([new_blob(1), new_blob(2)])
    other = directory.index.find(blob(2)[0])
    assert other is not None
    with pytest.raises(Damaged, match="the record of"):
        reader.read_waiting(blob(1)[0], other, 0, 10)


def test_a_row_that_points_beyond_the_volume_is_damage(
    directory: Directory, reader: Reader, new_blob: Write, blob: Build
) -> None:
    directory.commit([new_blob(1)])
    place = directory.index.find(blob(1)[0])
    assert place is not None
    with pytest.raises(Damaged, match="ends at"):
        reader.read_waiting(blob(1)[0], place._replace(offset=9 * limits.MIB), 0, 10)
    with pytest.raises(Damaged, match="volume 5 is missing"):
        reader.read_waiting(blob(1)[0], place._replace(volume=5), 0, 10)


def test_a_file_system_that_cannot_tell_what_is_cached_is_asked_once(
    directory: Directory, reader: Reader, new_blob: Write, blob: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> int:
        raise OSError(errno.EOPNOTSUPP, "not supported")

    directory.commit([new_blob(1)])
    place = directory.index.find(blob(1)[0])
    assert place is not None
    monkeypatch.setattr(reader_module.os, "preadv", refuse)
    assert reader.read_cached(blob(1)[0], place, 0, 10) is None
    assert not reader.nowait


@pytest.mark.parametrize("number", [errno.EIO, errno.ENODEV, errno.ESTALE, errno.EUCLEAN])
def test_a_read_error_is_damage_and_takes_the_directory_offline(
    directory: Directory, reader: Reader, new_blob: Write, blob: Build, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def fail(*_: object) -> int:
        raise OSError(number, os.strerror(number))

    directory.commit([new_blob(1)])
    place = directory.index.find(blob(1)[0])
    assert place is not None
    monkeypatch.setattr(reader_module.os, "preadv", fail)
    with pytest.raises(Damaged, match=os.strerror(number)):
        reader.read_waiting(blob(1)[0], place, 0, 10)
    assert directory.offline is not None


def test_a_bit_that_flips_in_memory_once_is_no_damage(
    directory: Directory, reader: Reader, new_blob: Write, blob: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory.commit([new_blob(1, 3 * STRETCH)])
    name, data = blob(1, 3 * STRETCH)
    place = directory.index.find(name)
    assert place is not None
    preadv, reads = os.preadv, []

    def flaky(fd: int, buffers: list[memoryview], offset: int, flags: int = 0) -> int:
        count = preadv(fd, buffers, offset, flags)
        if not reads:
            buffers[0][count // 2] ^= 4
        reads.append(offset)
        return count

    monkeypatch.setattr(reader_module.os, "preadv", flaky)
    assert reader.read_waiting(name, place, 0, len(data)) == data
    assert len(reads) == 2


PIECE = limits.read_piece_bytes


@pytest.fixture
def large(directory: Directory, reader: Reader, new_blob: Write, blob: Build):
    """A blob of four pieces that is in memory: its name, its bytes, and how a piece of it is read."""
    directory.commit([new_blob(1, 4 * PIECE)])
    name, data = blob(1, 4 * PIECE)
    place = directory.index.find(name)
    assert place is not None
    if reader.read_cached(name, place, 0, 1) is None:
        pytest.skip("this file system cannot tell what is in memory")
    return name, data, place, lambda number: reader.read_cached(name, place, number * PIECE, (number + 1) * PIECE)


def test_a_view_of_a_piece_stays_as_it_is_while_others_are_read(large) -> None:
    _, data, _, read = large
    kept = read(0)
    assert isinstance(kept, memoryview) and kept.readonly
    for _ in range(3):
        for number in range(4):
            assert read(number) == data[number * PIECE : (number + 1) * PIECE]
    assert kept == data[:PIECE]


def test_a_flipped_bit_in_a_later_piece_is_found_with_the_header_that_is_remembered(
    large, directory: Directory, reader: Reader
) -> None:
    name, data, place, read = large
    assert read(0) == data[:PIECE]
    flip(directory, place.offset + record.header_bytes(place.length) + PIECE + 5, 3)
    with pytest.raises(Damaged):
        read(1)
    with pytest.raises(Damaged):
        reader.read_waiting(name, place, PIECE, 2 * PIECE)
    assert read(2) == data[2 * PIECE : 3 * PIECE]


def test_a_header_that_rots_is_believed_no_longer_than_a_blob_is_read(
    large, directory: Directory, reader: Reader
) -> None:
    name, data, place, read = large
    assert read(1) == data[PIECE : 2 * PIECE]
    flip(directory, place.offset + 70, 1)
    assert read(2) == data[2 * PIECE : 3 * PIECE]
    assert read(3) == data[3 * PIECE :]
    with pytest.raises(Damaged):
        read(1)
    with pytest.raises(Damaged):
        reader.read_waiting(name, place, 2 * PIECE, 3 * PIECE)


def test_a_scrub_believes_no_header_that_is_remembered(large, directory: Directory, reader: Reader) -> None:
    name, _, place, read = large
    read(0)
    flip(directory, place.offset + 70, 1)
    with pytest.raises(Damaged):
        reader.read_waiting(name, place, 0, place.length)


def test_only_so_many_headers_are_remembered(
    directory: Directory, reader: Reader, new_blob: Write, blob: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "headers_kept_max", 2)
    directory.commit([new_blob(seed, 2 * PIECE) for seed in range(5)])
    for seed in [*range(5), 0, 1]:
        name, data = blob(seed, 2 * PIECE)
        place = directory.index.find(name)
        assert place is not None
        assert reader.read_cached(name, place, 0, PIECE) in (data[:PIECE], None)
    assert len(reader._headers) <= 2
