"""The table of markdown."""

from mys3d.bench.figures import Ceiling, measured_of
from mys3d.bench.table import as_markdown
from tests.bench.results import row_of, slice_of, two_targets


def test_the_table_has_one_line_for_each_row_and_intervals() -> None:
    lines = as_markdown(two_targets()).splitlines()
    assert lines[2] == (
        "| get | 4K | 8 | mys3d | 100 [100, 100] | 0.4 | 50.05 | 89.86 | 99.07 | "
        "1,000 [1,000, 1,000] | 20 | 1 | 1 | 0 |"
    )
    assert "| other | 200 [200, 200] |" in lines[3]
    assert "| 2.00 [2.00, 2.00] | 0.50 [0.50, 0.50] | 0 |" in lines[3]
    assert len({line.count("|") for line in lines[:4]}) == 1


def test_what_says_less_than_it_seems_is_marked() -> None:
    behind = [slice_of(unsent_count=5, errors={"status 503": 4}) for _ in range(2)]
    rows = measured_of([row_of(ceiling=Ceiling(120.0, 20.0)), row_of("late", behind, rate=500.0)])
    text = as_markdown(rows)
    assert "100 [100, 100]\\* |" in text
    assert "| 8 @ 500/s | late | 100† |" in text
    assert "more than 60% of what the generator reaches" in text
    assert "† requests were due" in text
    assert "| 4 |" not in text and "| 8 |\n" in text


def test_servers_that_were_not_counted_are_a_dash() -> None:
    uncounted = [slice_of(server_cpu_seconds={})]
    text = as_markdown(measured_of([row_of(slices=uncounted), row_of("far", uncounted)]))
    assert "| - | 20 | 1 | 1 | 0 |" in text
    assert "| - | 20 | 1.00 | - | 0 |" in text
    assert "\\*" not in text.splitlines()[2]
