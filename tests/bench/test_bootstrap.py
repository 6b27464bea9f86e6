"""Intervals, with a fixed seed."""

import random

import pytest

from mys3d.bench.bootstrap import Estimate, ratio_of_pairs, ratio_of_strangers, ratio_of_sums


def noisy(mean: float, seed: int, count: int = 8) -> list[tuple[float, float]]:
    chance = random.Random(seed)
    return [(chance.gauss(mean, mean / 10), 1.0) for _ in range(count)]


def test_a_figure_is_the_ratio_of_the_sums() -> None:
    found = ratio_of_sums([(10, 1), (20, 1), (60, 4), (10, 4)])
    assert found.value == 10.0
    assert found.low is not None and found.high is not None
    assert found.low < 10.0 < found.high


def test_the_same_slices_give_the_same_interval() -> None:
    assert ratio_of_sums(noisy(100, 1)) == ratio_of_sums(noisy(100, 1))


def test_an_interval_holds_the_truth_nearly_always_and_narrows_with_more_slices() -> None:
    found = [ratio_of_sums(noisy(100, seed, 16)) for seed in range(60)]
    hits = sum(estimate.low <= 100 <= estimate.high for estimate in found)  # type: ignore[operator]
    assert hits >= 48  # of few slices a percentile interval is a little too narrow
    few, many = ratio_of_sums(noisy(100, 1, 6)), ratio_of_sums(noisy(100, 1, 60))
    assert many.high - many.low < few.high - few.low  # type: ignore[operator]


def test_slices_without_spread_have_no_interval_to_speak_of() -> None:
    assert ratio_of_sums([(50, 2)] * 5) == Estimate(25.0, 25.0, 25.0)


def test_of_few_slices_no_interval_is_told() -> None:
    assert ratio_of_sums([(1, 1)] * 3) == Estimate(1.0)
    assert ratio_of_pairs([(1, 1)], [(2, 1)]) == Estimate(0.5)
    assert ratio_of_strangers([(1, 1)] * 9, [(2, 1)]) == Estimate(0.5)


def test_what_disturbs_both_cancels_out_in_pairs_alone() -> None:
    disturbed = [
        (mean * noise, 1.0) for mean, noise in zip([100] * 8, [1, 0.3, 0.9, 0.5, 1, 0.4, 0.8, 0.6], strict=True)
    ]
    doubled = [(2 * above, below) for above, below in disturbed]
    assert ratio_of_pairs(doubled, disturbed) == Estimate(2.0, 2.0, 2.0)
    loose = ratio_of_strangers(doubled, disturbed)
    assert loose.value == 2.0
    assert loose.low is not None and loose.high is not None
    assert loose.low < 1.8 and loose.high > 2.2


@pytest.mark.parametrize("slices", [[], [(0, 0)] * 5])
def test_nothing_measured_is_zero(slices: list[tuple[float, float]]) -> None:
    assert ratio_of_sums(slices).value == 0.0
