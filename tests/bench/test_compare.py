"""Worse, better, or as before."""

import pytest

from mys3d.bench.compare import as_lines, changes
from mys3d.bench.figures import measured_of
from tests.bench.results import row_of, slice_of, two_targets

BEFORE = two_targets()


def test_the_same_run_is_as_before() -> None:
    found = changes(BEFORE, BEFORE, 0.05)
    assert [(change.is_worse, change.is_better) for change in found] == [(False, False)] * 2
    assert as_lines(found)[0] == (
        "get 4K x 8 mys3d: as before: ops/s x 1.00 [1.00, 1.00], servers' CPU for each x 1.00 [1.00, 1.00]"
    )


@pytest.mark.parametrize(
    ("requests", "server", "word"),
    [
        (100, 0.05, "as before"),
        (97, 0.05, "as before"),  # within the tolerance
        (80, 0.04, "WORSE"),  # slower
        (100, 0.07, "WORSE"),  # as fast, and dearer
        (130, 0.065, "better"),
        (100, 0.03, "better"),
    ],
)
def test_a_change_beyond_the_tolerance_is_told(requests: int, server: float, word: str) -> None:
    now = measured_of([row_of(slices=[slice_of(requests, server=server) for _ in range(8)])])
    (line,) = as_lines(changes(BEFORE, now, 0.05))
    assert line.startswith(f"get 4K x 8 mys3d: {word}:")


def test_what_is_within_the_noise_is_no_regression() -> None:
    noisy = [slice_of(requests) for requests in (40, 150, 60, 130, 50, 140, 55, 100)]
    (change,) = changes(BEFORE, measured_of([row_of(slices=noisy)]), 0.05)
    assert change.pace.value < 0.95
    assert not change.is_worse


def test_cpu_that_was_not_counted_is_not_compared() -> None:
    now = measured_of([row_of(slices=[slice_of(server_cpu_seconds={}) for _ in range(8)])])
    (change,) = changes(BEFORE, now, 0.05)
    assert change.cost is None
    assert "CPU" not in as_lines([change])[0]


def test_rows_of_other_loads_are_not_compared() -> None:
    assert changes(BEFORE, measured_of([row_of(concurrency=9)]), 0.05) == []
