"""Percentiles from buckets."""

import random

import pytest

from mys3d.bench.histogram import Histogram, added, bucket_of, histogram_of, lower


def test_a_bucket_holds_its_own_bound_and_ends_where_the_next_begins() -> None:
    for bucket in range(3000):
        assert bucket_of(lower(bucket)) == bucket
        assert bucket_of(lower(bucket + 1) - 1) == bucket
        assert lower(bucket + 1) - lower(bucket) <= max(1, lower(bucket) / 128)


def test_a_percentile_is_right_to_one_percent() -> None:
    chance = random.Random(3)
    values = sorted(chance.lognormvariate(-6, 1.5) for _ in range(20_000))
    found = histogram_of(values)
    for percent in (1, 50, 90, 99, 99.9, 100):
        exact = values[max(0, round(len(values) * percent / 100) - 1)] * 1e3
        assert found.percentile(percent) == pytest.approx(exact, rel=0.01, abs=0.001)
    assert found.mean() == pytest.approx(sum(values) / len(values) * 1e3, rel=0.01)


def test_histograms_add_up() -> None:
    first, second = histogram_of([0.001, 0.002]), histogram_of([0.002, 5.0])
    assert added([first, second]) == histogram_of([0.001, 0.002, 0.002, 5.0])
    assert added([first, second]).count == 4


def test_nothing_has_no_latency() -> None:
    assert (Histogram().percentile(99), Histogram().mean(), Histogram().count) == (0.0, 0.0, 0)
