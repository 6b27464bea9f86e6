"""Charts of a report as PNG.        Floor: bench. Called by: report, kill_report.

Law: matplotlib is imported when the first chart is drawn and not before; without it there are figures and no charts. An
interval is drawn wherever there is one, and targets keep their colour in every chart.
"""

import importlib.util
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from mys3d.bench.bootstrap import Estimate
from mys3d.bench.figures import Measured
from mys3d.bench.histogram import Histogram
from mys3d.bench.sizes import size_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe & Ito 2008: told apart by colour-blind readers too.
COLOURS: Final = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#f0e442", "#000000")
_PERCENTS: Final = (0.0, 50.0, 75.0, 90.0, 95.0, 99.0, 99.5, 99.9, 99.95, 99.99)
_BAR_SHARE: Final = 0.8  # of the room of a group
_DOTS_PER_INCH: Final = 110


def has_matplotlib() -> bool:
    return importlib.util.find_spec("matplotlib") is not None


def chart_of(operation: str, rows: Sequence[Measured]) -> bytes:
    """Draw throughput, latencies and cost of one operation; every row is of that operation."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 7), layout="constrained")
    pace, latency, cost, curve = figure.subplots(2, 2).flat
    figure.suptitle(operation)
    _bars(pace, rows, "requests a second", [measured.figures.ops_per_second for measured in rows])
    _latencies(latency, rows)
    servers = [measured.figures.server_us_per_request or Estimate(0.0) for measured in rows]
    _bars(cost, rows, "CPU of all servers for each request, us", servers)
    _curves(curve, rows)
    return as_png(figure)


def as_png(figure: "Figure") -> bytes:
    output = io.BytesIO()
    figure.savefig(output, format="png", dpi=_DOTS_PER_INCH)
    return output.getvalue()


def _targets(rows: Sequence[Measured]) -> list[str]:
    return list(dict.fromkeys(measured.row.target for measured in rows))


def _loads(rows: Sequence[Measured]) -> list[str]:
    return list(dict.fromkeys(_load(measured) for measured in rows))


def _load(measured: Measured) -> str:
    row = measured.row
    size = f"{size_text(row.size_bytes)} " if row.size_bytes else ""
    return f"{size}x {row.concurrency}" + (f"\n@ {row.rate:g}/s" if row.rate else "")


def _colour(at: int) -> str:
    return COLOURS[at % len(COLOURS)]


def _places(rows: Sequence[Measured], target: str) -> tuple[list[int], list[float], float]:
    """Which rows are a target's, where their bars stand, and how wide they are."""
    targets, loads = _targets(rows), _loads(rows)
    width = _BAR_SHARE / len(targets)
    shift = (targets.index(target) - (len(targets) - 1) / 2) * width
    mine = [at for at, measured in enumerate(rows) if measured.row.target == target]
    return mine, [loads.index(_load(rows[at])) + shift for at in mine], width


def _bars(axes: "Axes", rows: Sequence[Measured], title: str, estimates: Sequence[Estimate]) -> None:
    """A bar for each row with its interval, grouped by load."""
    for number, target in enumerate(_targets(rows)):
        mine, places, width = _places(rows, target)
        values = [estimates[at].value for at in mine]
        below = [_gap(estimates[at].value, estimates[at].low) for at in mine]
        above = [_gap(estimates[at].high, estimates[at].value) for at in mine]
        axes.bar(places, values, width, yerr=[below, above], capsize=2, color=_colour(number), label=target)
    axes.set_title(title, fontsize=10)
    _name_loads(axes, rows)
    axes.set_ylim(bottom=0)
    axes.legend(fontsize=8)


def _gap(high: float | None, low: float | None) -> float:
    return 0.0 if high is None or low is None else max(0.0, high - low)


def _latencies(axes: "Axes", rows: Sequence[Measured]) -> None:
    """From p50 (the bar's foot) to p99 (its head)."""
    for number, target in enumerate(_targets(rows)):
        mine, places, width = _places(rows, target)
        p50 = [rows[at].figures.p50_ms for at in mine]
        p99 = [rows[at].figures.p99_ms for at in mine]
        heights = [high - low for low, high in zip(p50, p99, strict=True)]
        axes.bar(places, heights, width, bottom=p50, color=_colour(number), alpha=0.75)
        axes.scatter(places, p50, color="black", s=10, zorder=3)
    axes.set_title("latency from p50 to p99, ms", fontsize=10)
    _name_loads(axes, rows)
    if any(measured.figures.p50_ms > 0 for measured in rows):
        axes.set_yscale("log")


def _curves(axes: "Axes", rows: Sequence[Measured]) -> None:
    """All percentiles at the highest load."""
    last = _load(rows[-1])
    for number, target in enumerate(_targets(rows)):
        for measured in rows:
            if measured.row.target == target and _load(measured) == last:
                histogram = measured.row.latencies.get(measured.row.operation, Histogram())
                values = [histogram.percentile(percent) for percent in _PERCENTS]
                axes.plot(range(len(_PERCENTS)), values, color=_colour(number), marker="o", markersize=3)
    axes.set_title(f"latency by percentile at {last}, ms".replace("\n", " "), fontsize=10)
    axes.set_xticks(range(len(_PERCENTS)), [f"{percent:g}" for percent in _PERCENTS], fontsize=8)
    if any(measured.figures.p50_ms > 0 for measured in rows):
        axes.set_yscale("log")


def _name_loads(axes: "Axes", rows: Sequence[Measured]) -> None:
    loads = _loads(rows)
    axes.set_xticks(range(len(loads)), loads, fontsize=8)
    axes.grid(axis="y", alpha=0.3)
