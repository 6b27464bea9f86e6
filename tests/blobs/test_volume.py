"""A volume as a file: how it comes into being, grows, and fails."""

import errno
from collections.abc import Callable
from pathlib import Path

import pytest

from mys3d.blobs import record, volume
from mys3d.blobs.record import Malformed, VolumeHeader
from mys3d.limits import MIB
from mys3d.model.digest import Digest

HEADER = VolumeHeader(7, b"c" * 16, b"d" * 16, bytes(32))
Build = Callable[..., tuple[Digest, bytes]]


def test_a_new_volume_has_its_room_set_aside_and_its_header_written(tmp_path: Path, disk) -> None:
    made = volume.create(tmp_path, HEADER, MIB, disk.calls())
    assert (made.size, made.end) == (MIB, record.RECORDS_START)
    assert made.path.name == "00000007.volume"
    assert made.path.stat().st_mode & 0o777 == 0o600
    made.close()
    opened = volume.open_volume(made.path, disk.calls())
    assert opened.header == HEADER
    opened.close()


def test_a_volume_whose_making_failed_is_not_there(tmp_path: Path, disk) -> None:
    disk.sync_errno = errno.EIO
    with pytest.raises(OSError, match="Input/output"):
        volume.create(tmp_path, HEADER, MIB, disk.calls())
    assert list(tmp_path.iterdir()) == []


def test_what_a_power_cut_left_of_a_new_volume_is_made_anew(tmp_path: Path, disk) -> None:
    (tmp_path / "00000007.new").write_bytes(b"half")
    made = volume.create(tmp_path, HEADER, MIB, disk.calls())
    made.close()
    assert [path.name for path in tmp_path.iterdir()] == ["00000007.volume"]


def test_a_number_is_not_given_twice_even_if_its_volume_cannot_be_read(tmp_path: Path) -> None:
    assert volume.next_number(tmp_path) == 1
    (tmp_path / "00000012.volume").write_bytes(b"rotten")
    assert volume.next_number(tmp_path) == 13


def test_a_volume_under_another_name_is_refused(tmp_path: Path, disk) -> None:
    made = volume.create(tmp_path, HEADER, MIB, disk.calls())
    made.close()
    other = made.path.rename(tmp_path / "00000008.volume")
    with pytest.raises(Malformed, match="volume 7"):
        volume.open_volume(other, disk.calls())


def test_an_append_is_synced_before_it_counts(tmp_path: Path, disk) -> None:
    made = volume.create(tmp_path, HEADER, MIB, disk.calls())
    before = disk.syncs_count
    made.append([b"abc", b"defg"], 16)
    assert made.end == record.RECORDS_START + 16
    assert disk.syncs_count == before + 1
    assert made.path.read_bytes()[record.RECORDS_START :][:8] == b"abcdefg\0"
    made.close()


def test_an_append_that_fails_does_not_count(tmp_path: Path, disk) -> None:
    made = volume.create(tmp_path, HEADER, MIB, disk.calls())
    disk.sync_errno = errno.EIO
    with pytest.raises(OSError, match="Input/output"):
        made.append([b"abc"], 16)
    assert made.end == record.RECORDS_START
    made.close()


@pytest.mark.parametrize("count", [1, 7, 50])
def test_short_writes_are_carried_on(tmp_path: Path, disk, count: int) -> None:
    made = volume.create(tmp_path, HEADER, MIB, disk.calls())
    disk.write_bytes_max = count
    made.append([b"some", b"", b"bytes in pieces", bytes(100), b"end"], 128)
    assert made.path.read_bytes()[record.RECORDS_START :][:122] == b"somebytes in pieces" + bytes(100) + b"end"
    made.close()


def test_a_disk_that_writes_nothing_is_an_error(tmp_path: Path, disk) -> None:
    made = volume.create(tmp_path, HEADER, MIB, disk.calls())
    disk.write_bytes_max = 0
    with pytest.raises(OSError, match="wrote 0"):
        made.append([b"abc"], 16)
    made.close()


def test_a_cut_drops_the_tail_and_keeps_the_room(tmp_path: Path, disk) -> None:
    made = volume.create(tmp_path, HEADER, MIB, disk.calls())
    made.append([b"keep"], 16)
    volume.write_all(disk.calls(), made.fd, [b"torn"], made.end)
    made.cut(MIB)
    assert made.size == MIB
    assert made.path.read_bytes()[record.RECORDS_START :].rstrip(b"\0") == b"keep"
    made.close()


def test_a_cut_on_a_full_disk_goes_without_the_room(tmp_path: Path, disk) -> None:
    made = volume.create(tmp_path, HEADER, MIB, disk.calls())
    disk.allocate_errno = errno.ENOSPC
    made.cut(MIB)
    assert made.size == made.end
    made.close()
