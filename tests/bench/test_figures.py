"""What rows come to."""

import pytest

from mys3d.bench.bootstrap import Estimate
from mys3d.bench.figures import Ceiling, figures_of, measured_of
from tests.bench.results import row_of, slice_of, two_targets


def test_a_row_says_what_was_done_and_what_it_cost() -> None:
    found = figures_of(row_of(), None)
    assert found.ops_per_second == Estimate(100.0, 100.0, 100.0)
    assert found.mb_per_second == pytest.approx(0.4096)
    assert (found.p50_ms, found.p90_ms, found.p99_ms) == pytest.approx((50, 90, 99), rel=0.01)
    assert found.max_ms == pytest.approx(100, rel=0.01)
    assert found.server_us_per_request is not None
    assert found.server_us_per_request.value == pytest.approx(1000)
    assert found.each_server_us_per_request == pytest.approx({"n1": 500, "n2": 500})
    assert found.client_us_per_request.value == pytest.approx(20)
    assert (found.requests_count, found.checked_count, found.errors_count) == (800, 8, 0)


def test_later_targets_are_compared_with_the_first_at_the_same_load() -> None:
    first, second = two_targets()
    assert first.figures.pace_against_first is None
    assert second.figures.pace_against_first == Estimate(2.0, 2.0, 2.0)
    assert second.figures.cost_against_first == Estimate(0.5, 0.5, 0.5)
    other = measured_of([row_of(), row_of("other", concurrency=9)])
    assert other[1].figures.pace_against_first is None


def test_servers_that_were_not_counted_cost_nothing_that_is_known() -> None:
    uncounted = [slice_of(server_cpu_seconds={}) for _ in range(8)]
    first, second = measured_of([row_of(), row_of("far", uncounted)])
    assert (second.figures.server_us_per_request, second.figures.cost_against_first) == (None, None)
    assert first.figures.server_us_per_request is not None


def test_a_result_near_the_generators_ceiling_is_told() -> None:
    assert figures_of(row_of(ceiling=Ceiling(150.0, 20.0)), None).is_generator_bound
    assert not figures_of(row_of(ceiling=Ceiling(170.0, 20.0)), None).is_generator_bound
    assert not figures_of(row_of(ceiling=None), None).is_generator_bound


def test_errors_and_what_was_not_sent_add_up() -> None:
    slices = [slice_of(errors={"status 503": 2}, unsent_count=3), slice_of(errors={"status 503": 1, "wrong body": 1})]
    row = row_of(slices=slices)
    assert row.errors == {"status 503": 3, "wrong body": 1}
    assert (figures_of(row, None).errors_count, figures_of(row, None).unsent_count) == (4, 3)


def test_a_run_without_answers_has_figures_too() -> None:
    found = figures_of(row_of(slices=[slice_of(0, latencies={})]), None)
    assert (found.requests_count, found.p99_ms, found.ops_per_second.value) == (0, 0.0, 0.0)
