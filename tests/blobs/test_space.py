"""How much of a disk stays free."""

from pathlib import Path

import pytest

from mys3d.blobs.space import Space, measure, measure_beside, reserve_bytes, volume_bytes
from mys3d.limits import GIB, MIB, TIB


@pytest.mark.parametrize(
    ("size", "reserve"),
    [(100 * MIB, 64 * MIB), (2 * GIB, 2 * GIB // 20), (40 * GIB, 2 * GIB), (10 * TIB, 2 * GIB)],
)
def test_the_reserve_is_five_percent_between_64_mib_and_2_gib(size: int, reserve: int) -> None:
    assert reserve_bytes(size, is_shared=False) == reserve


@pytest.mark.parametrize(("size", "more"), [(400 * MIB, 25 * MIB), (4 * GIB, 256 * MIB), (10 * TIB, 256 * MIB)])
def test_where_the_journal_lives_more_stays_free_for_it(size: int, more: int) -> None:
    assert reserve_bytes(size, is_shared=True) == reserve_bytes(size, is_shared=False) + more
    space = Space(size, reserve_bytes(size, is_shared=True) - 1, is_shared=True)
    assert not space.has_room(0)


def test_a_disk_is_shared_when_the_journal_is_on_it(tmp_path: Path) -> None:
    (tmp_path / "journal").mkdir()
    assert measure_beside([tmp_path / "journal", tmp_path / "not there"])(tmp_path).is_shared
    assert not measure_beside([Path("/proc")])(tmp_path).is_shared
    assert not measure_beside([])(tmp_path).is_shared


@pytest.mark.parametrize(("size", "volume"), [(100 * MIB, 8 * MIB), (32 * GIB, 512 * MIB), (64 * GIB, GIB), (TIB, GIB)])
def test_a_volume_takes_a_64th_of_the_disk_between_8_mib_and_1_gib(size: int, volume: int) -> None:
    assert volume_bytes(size) == volume


def test_there_is_room_until_the_reserve_would_be_touched() -> None:
    space = Space(GIB, 64 * MIB + 10)
    assert space.has_room(10)
    assert not space.has_room(11)


def test_a_new_volume_fits_wherever_there_is_room() -> None:
    for size in [100 * MIB, GIB, 10 * GIB, 50 * GIB, 100 * GIB, TIB, 20 * TIB]:
        assert volume_bytes(size) <= reserve_bytes(size, is_shared=False)


def test_the_disk_of_a_folder_is_measured(tmp_path: Path) -> None:
    space = measure(tmp_path)
    assert 0 < space.free_bytes <= space.size_bytes
