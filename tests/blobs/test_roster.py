"""Where blobs were kept is remembered, so that a missing disk is never taken for a new one."""

import shutil
from pathlib import Path

import pytest

from mys3d.blobs.identity import claim
from mys3d.blobs.roster import Absent, Roster
from mys3d.errors import Unavailable

CLUSTER = b"cluster of tests"


def used(folder: Path) -> bytes:
    folder.mkdir(parents=True)
    identity = claim(folder, CLUSTER)
    identity.release()
    return identity.directory_id


@pytest.fixture
def data(tmp_path: Path) -> Path:
    made = tmp_path / "data"
    made.mkdir()
    return made


def remembered(data: Path, *folders: Path) -> Roster:
    roster = Roster(data / "directories.json")
    roster.remember({folder: used(folder) for folder in folders}, [])
    return Roster(data / "directories.json")


def test_nothing_is_expected_where_nothing_was(data: Path) -> None:
    assert Roster(data / "directories.json").expected(data / "blobs") is None


def test_a_directory_is_expected_where_it_was(data: Path, tmp_path: Path) -> None:
    disk = tmp_path / "mnt" / "a"
    roster = remembered(data, disk, data / "blobs")
    assert claim(disk, CLUSTER, roster.expected(disk)).release() is None
    assert roster.expected(data / "blobs") is not None


@pytest.mark.parametrize("is_empty", [True, False])
def test_an_empty_or_missing_mount_point_is_absent_and_not_filled(data: Path, tmp_path: Path, is_empty: bool) -> None:
    disk = tmp_path / "mnt" / "a"
    roster = remembered(data, disk)
    shutil.rmtree(disk)
    if is_empty:
        disk.mkdir()
    with pytest.raises(Absent, match="mount its disk"):
        roster.expected(disk)
    assert not disk.exists() or not any(disk.iterdir())


def test_a_directory_that_vanished_from_the_data_directory_begins_anew_and_an_empty_one_does_not(data: Path) -> None:
    roster = remembered(data, data / "blobs")
    shutil.rmtree(data / "blobs")
    assert roster.expected(data / "blobs") is None
    (data / "blobs").mkdir()
    with pytest.raises(Absent):
        roster.expected(data / "blobs")


def test_a_directory_that_was_forgotten_begins_anew_at_a_later_start_too(data: Path, tmp_path: Path) -> None:
    roster = remembered(data, data / "blobs", tmp_path / "a")
    shutil.rmtree(data / "blobs")
    roster.forget(data / "blobs")
    (data / "blobs").mkdir()
    again = Roster(data / "directories.json")
    assert again.expected(data / "blobs") is None
    assert again.expected(tmp_path / "a") is not None


def test_what_is_absent_stays_remembered_and_what_is_not_configured_is_forgotten(data: Path, tmp_path: Path) -> None:
    a, b, c = (tmp_path / name for name in "abc")
    roster = remembered(data, a, b, c)
    roster.remember({a: used(tmp_path / "x")}, [b])
    again = Roster(data / "directories.json")
    shutil.rmtree(b)
    shutil.rmtree(c)
    assert again.expected(a) is not None
    with pytest.raises(Absent):
        again.expected(b)
    assert again.expected(c) is None


@pytest.mark.parametrize("text", ["", "{", '{"format": 1}', '{"format": 1, "directories": {"/a": "zz"}}'])
def test_a_damaged_roster_is_refused(data: Path, text: str) -> None:
    (data / "directories.json").write_text(text)
    with pytest.raises(Unavailable, match="is damaged"):
        Roster(data / "directories.json")


def test_a_roster_of_a_later_format_is_refused(data: Path) -> None:
    (data / "directories.json").write_text('{"format": 2, "directories": {}}')
    with pytest.raises(Unavailable, match="format 2"):
        Roster(data / "directories.json")
