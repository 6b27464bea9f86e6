"""Damaged stores are kept aside, a bounded number of them, and not for ever again."""

from pathlib import Path

import pytest

from mys3d import limits
from mys3d.errors import Unavailable
from mys3d.model.names import Instant
from mys3d.node.quarantine import put_aside, quarantined

HOUR = limits.quarantine_period_ms


@pytest.fixture
def registry(tmp_path: Path) -> Path:
    return filled(tmp_path)


def filled(path: Path) -> Path:
    for name in ("CURRENT", "MANIFEST-000005", "000008.sst"):
        (path / name).write_text(name)
    return path


def test_everything_is_moved_aside_and_nothing_deleted(registry: Path) -> None:
    place = put_aside(registry, "rot", Instant(5))
    assert sorted(path.name for path in place.iterdir()) == ["000008.sst", "CURRENT", "MANIFEST-000005"]
    assert list(registry.iterdir()) == [place]


def test_the_newest_are_kept(registry: Path) -> None:
    for number in range(4):
        put_aside(filled(registry), "rot", Instant(number * 2 * HOUR))
    assert [place.name for place in quarantined(registry)] == [f"damaged-{number * 2 * HOUR}" for number in (2, 3)]


def test_a_disk_that_damages_it_again_and_again_stops_the_node_and_nothing_is_moved(registry: Path) -> None:
    for number in range(limits.quarantined_stores_max):
        put_aside(filled(registry), "rot", Instant(number))
    with pytest.raises(Unavailable, match="rot; this happened 3 times within an hour: replace its disk"):
        put_aside(filled(registry), "rot", Instant(HOUR - 1))
    assert (registry / "CURRENT").exists()
    put_aside(registry, "rot", Instant(2 * HOUR))


def test_an_interrupted_move_is_finished_by_the_next(registry: Path) -> None:
    (registry / "damaged-1").mkdir()
    (registry / "CURRENT").rename(registry / "damaged-1" / "CURRENT")
    place = put_aside(registry, "rot", Instant(2))
    assert sorted(path.name for path in place.iterdir()) == ["000008.sst", "MANIFEST-000005"]
    assert (registry / "damaged-1" / "CURRENT").exists()


def test_a_name_of_another_kind_counts_as_old(registry: Path) -> None:
    (registry / "damaged-by-hand").mkdir()
    (registry / "damaged-1").mkdir()
    put_aside(registry, "rot", Instant(2 * HOUR))
    assert [place.name for place in quarantined(registry)] == ["damaged-1", f"damaged-{2 * HOUR}"]
