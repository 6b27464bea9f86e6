"""Charts are pictures."""

import io
import sys

import pytest
from PIL import Image

from mys3d.bench import charts
from mys3d.bench.figures import measured_of
from tests.bench.results import row_of, slice_of, two_targets


def is_drawn(png: bytes) -> bool:
    """True when it is a picture with more than one colour in it."""
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    return picture.width > 500 and len(picture.getcolors(1 << 24) or []) > 20


def test_a_chart_is_drawn_for_several_targets_and_loads() -> None:
    rows = [*two_targets(), *two_targets(concurrency=32), *two_targets(size_bytes=0, rate=50.0)]
    assert is_drawn(charts.chart_of("get", rows))


def test_rows_without_intervals_answers_or_counted_servers_are_drawn_too() -> None:
    empty = slice_of(0, latencies={}, server_cpu_seconds={})
    assert is_drawn(charts.chart_of("get", measured_of([row_of(slices=[empty])])))


def test_targets_keep_their_colour() -> None:
    assert [charts._colour(at) for at in (0, 8)] == [charts.COLOURS[0]] * 2


def test_without_matplotlib_there_are_no_charts(monkeypatch: pytest.MonkeyPatch) -> None:
    assert charts.has_matplotlib()
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError):
        charts.chart_of("get", two_targets())
