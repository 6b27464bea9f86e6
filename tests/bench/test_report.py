"""Figures of a run, as they are shown."""

import json
from collections import Counter

from mys3d.bench import report
from mys3d.bench.load import Result


def row(**fields: object) -> report.Row:
    result = Result([0.001 * (at + 1) for at in range(100)], Counter(), 409_600, 1, 2.0)
    for name, value in fields.items():
        setattr(result, name, value)
    return report.make_row("get", 4096, 8, result, {"n1": 0.01, "n2": 0.02}, 0.1)


def test_percentiles_are_latencies_that_were_measured() -> None:
    ordered = [0.001, 0.002, 0.003, 0.004]
    assert [report.percentile(ordered, percent) for percent in (50, 90, 99, 100)] == [2.0, 4.0, 4.0, 4.0]
    assert report.percentile([0.5], 1) == 500.0
    assert report.percentile([], 50) == 0.0


def test_a_row_says_what_was_done_and_what_it_cost() -> None:
    found = row()
    assert (found.ops_per_second, found.mb_per_second) == (50.0, 0.2)
    assert (found.p50_ms, found.p90_ms, found.p99_ms, found.max_ms) == (50.0, 90.0, 99.0, 100.0)
    assert (found.server_cpu_us_per_request, found.client_cpu_us_per_request) == (300.0, 1000.0)
    assert not found.is_generator_bound


def test_a_busy_generator_is_told() -> None:
    assert report.make_row("get", 1, 1, Result([0.1], Counter(), 0, 0, 1.0), {}, 0.7).is_generator_bound


def test_a_run_without_answers_has_a_row_too() -> None:
    found = row(latencies=[], errors=Counter({"status 503": 4}))
    assert (found.requests_count, found.p99_ms, found.errors) == (0, 0.0, {"status 503": 4})


def test_the_table_has_one_line_for_each_row() -> None:
    lines = report.as_markdown([row(), row(errors=Counter({"status 503": 4}))]).splitlines()
    assert lines[2] == "| get | 4K | 8 | 50 | 0.2 | 50.00 | 90.00 | 99.00 | 300 | n1 100, n2 200 | 1000 | 0 |"
    assert lines[3].endswith("| 4 |")
    assert len({line.count("|") for line in lines}) == 1


def test_the_document_is_json_with_the_machine_beside_the_figures() -> None:
    found = json.loads(json.dumps(report.as_document([row()], ("h:1",), "2026-01-01T00:00:00Z")))
    assert found["rows"][0]["server_cpu_seconds"] == {"n1": 0.01, "n2": 0.02}
    assert {"cpus", "kernel", "machine", "python"} <= found["machine"].keys()


def test_sizes_are_shown_as_they_are_typed() -> None:
    assert [report.size_text(size) for size in (1, 4096, 65536, 1 << 20, 1500)] == ["1", "4K", "64K", "1M", "1500"]
