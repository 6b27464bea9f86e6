"""Who is measured when, and when it is enough."""

import pytest

from mys3d.bench.bootstrap import Estimate
from mys3d.bench.rounds import is_enough, is_worth_more, order_of, rounds_count


def test_targets_take_turns_forwards_and_backwards() -> None:
    assert [order_of("AB", number) for number in range(4)] == [["A", "B"], ["B", "A"], ["A", "B"], ["B", "A"]]
    assert order_of("ABC", 1) == ["C", "B", "A"]


def test_each_target_comes_at_the_same_mean_time() -> None:
    turns = [name for number in range(4) for name in order_of("ABC", number)]
    assert len({sum(at for at, name in enumerate(turns) if name == wanted) for wanted in "ABC"}) == 1


@pytest.mark.parametrize(
    ("duration", "interleave", "targets", "count"),
    [(24, 3, 2, 8), (30, 10, 2, 4), (30, 10, 1, 3), (5, 10, 1, 1), (5, 10, 2, 2), (9, 3, 3, 4)],
)
def test_rounds_fill_the_duration_and_come_in_pairs(
    duration: float, interleave: float, targets: int, count: int
) -> None:
    assert rounds_count(duration, interleave, targets) == count


def test_enough_is_known_when_all_intervals_are_narrow_and_no_round_is_half_done() -> None:
    narrow, wide, none = Estimate(100, 98, 102), Estimate(100, 80, 101), Estimate(100)
    assert is_enough([narrow, narrow], 0.05, 4)
    assert not is_enough([narrow, narrow], 0.05, 5)
    assert not is_enough([narrow], 0.05, 2)
    assert not is_enough([narrow, wide], 0.05, 8)
    assert not is_enough([none], 0.05, 8)


def test_more_connections_are_worth_it_while_they_bring_three_percent() -> None:
    assert is_worth_more(None, 10)
    assert is_worth_more(100, 104)
    assert not is_worth_more(100, 102)
