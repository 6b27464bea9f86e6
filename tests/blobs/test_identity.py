"""Which directories are ours."""

from pathlib import Path

import pytest

from mys3d.blobs.identity import claim
from mys3d.errors import Unavailable

OURS, THEIRS = b"o" * 16, b"t" * 16


def test_a_new_directory_is_named_once_and_keeps_its_name(tmp_path: Path) -> None:
    first = claim(tmp_path, OURS)
    first.release()
    second = claim(tmp_path, OURS)
    second.release()
    assert first.directory_id == second.directory_id
    assert len(first.directory_id) == 16


def test_two_directories_have_two_names(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    first, second = claim(tmp_path / "a", OURS), claim(tmp_path / "b", OURS)
    first.release()
    second.release()
    assert first.directory_id != second.directory_id


def test_a_directory_of_another_cluster_is_refused(tmp_path: Path) -> None:
    claim(tmp_path, THEIRS).release()
    with pytest.raises(Unavailable, match="belongs to cluster"):
        claim(tmp_path, OURS)


def test_a_directory_in_use_is_refused_until_it_is_released(tmp_path: Path) -> None:
    first = claim(tmp_path, OURS)
    with pytest.raises(Unavailable, match="used by another process"):
        claim(tmp_path, OURS)
    first.release()
    claim(tmp_path, OURS).release()


@pytest.mark.parametrize("text", [b"", b"{", b'{"format":1}', b'{"format":1,"cluster_id":"zz","directory_id":""}'])
def test_a_damaged_name_is_refused_and_never_replaced(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "directory.json"
    path.write_bytes(text)
    with pytest.raises(Unavailable, match="damaged"):
        claim(tmp_path, OURS)
    assert path.read_bytes() == text


def test_a_name_of_an_unknown_format_is_refused(tmp_path: Path) -> None:
    claim(tmp_path, OURS).release()
    path = tmp_path / "directory.json"
    path.write_text(path.read_text().replace('"format": 1', '"format": 2'))
    with pytest.raises(Unavailable, match="format 2"):
        claim(tmp_path, OURS)


def test_volumes_without_a_name_beside_them_are_refused(tmp_path: Path) -> None:
    (tmp_path / "00000001.volume").write_bytes(b"")
    with pytest.raises(Unavailable, match="right directory"):
        claim(tmp_path, OURS)


def test_the_name_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    claim(tmp_path, OURS).release()
    assert (tmp_path / "directory.json").stat().st_mode & 0o777 == 0o600


def test_a_swapped_disk_is_refused_by_name_and_let_go(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    first = claim(tmp_path / "a", OURS)
    first.release()
    claim(tmp_path / "a", OURS, first.directory_id).release()
    with pytest.raises(Unavailable, match=f"holds the directory {first.directory_id.hex()}.*right disk"):
        claim(tmp_path / "a", OURS, b"z" * 16)
    claim(tmp_path / "a", OURS).release()
