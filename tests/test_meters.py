"""How fast each peer answers, and how often it did not."""

import random

from mys3d.meters import Pace


def test_a_peer_that_never_answered_has_no_pace() -> None:
    assert Pace().percentile_seconds("n1") is None


def test_the_percentile_settles_where_one_push_in_twenty_is_slower() -> None:
    pace, chance = Pace(), random.Random(7)
    for _ in range(20_000):
        pace.answered("n1", chance.uniform(0.0, 1.0))
    percentile = pace.percentile_seconds("n1")
    assert percentile is not None
    assert 0.85 < percentile < 1.15


def test_misses_are_counted_in_a_row() -> None:
    pace = Pace()
    assert [pace.missed("n1"), pace.missed("n1")] == [1, 2]
    pace.answered("n1", 0.001)
    assert (pace.misses("n1"), pace.missed("n1")) == (0, 1)


def test_one_peers_pace_is_not_anothers() -> None:
    pace = Pace()
    pace.answered("n1", 1.0)
    assert pace.percentile_seconds("n2") is None


def test_a_peer_is_full_from_its_own_word_to_its_own_word() -> None:
    pace = Pace()
    pace.refused("a")
    assert (pace.doubted(), pace.is_full("a")) == (("a",), False)
    pace.told("a", False)
    pace.refused("a")
    assert pace.is_full("a")
    pace.told("a", True)
    assert (pace.doubted(), pace.is_full("a")) == ((), False)
    pace.told("b", True)
    assert pace.doubted() == ()
