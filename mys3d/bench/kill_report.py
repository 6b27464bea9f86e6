"""What `mys3d bench kill-node` shows.        Floor: bench. Called by: cli.

Law: the verdict comes first, and a run that is not sound never looks like one.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mys3d.bench import page
from mys3d.bench.charts import COLOURS, as_png, has_matplotlib
from mys3d.bench.document import encode, machine
from mys3d.bench.kill_node import Outcome
from mys3d.bench.report import write_files

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_HEADS: Final = ("stretch", "from s", "to s", "PUT/s", "GET/s", "errors", "p50 ms", "p99 ms", "max ms")
_SHADES: Final = {"killed": "#d55e0030", "started": "#e69f0030", "serving": "#f0e44230"}


def verdict(outcome: Outcome) -> str:
    """One sentence."""
    if outcome.is_sound:
        nodes = len(outcome.read_back)
        return f"sound: {outcome.acknowledged_count} acknowledged objects, all read back through each of {nodes} nodes"
    found = [f"{len(keys)} {word}" for word in ("lost", "wrong", "unread") if (keys := getattr(outcome, word))]
    return "NOT SOUND: " + "; ".join([*found, *([outcome.trouble] if outcome.trouble else [])])


def as_markdown(outcome: Outcome) -> str:
    rows = [f"| {' | '.join(cells)} |" for cells in _rows(outcome)]
    table = [f"| {' | '.join(_HEADS)} |", "|---" + "|--:" * (len(_HEADS) - 1) + "|", *rows]
    keys = [f"{word}: {', '.join(keys)}" for word in ("lost", "wrong", "unread") if (keys := getattr(outcome, word))]
    return "\n".join([f"**{verdict(outcome)}**", "", *table, "", *_sentences(outcome), *keys]) + "\n"


def write(outcome: Outcome, settings: Mapping[str, object], started_at: str, folder: Path) -> list[Path]:
    """Write JSON, table, chart and page into a folder, which is made; return their paths."""
    document = {
        "format": 1,
        "started_at": started_at,
        "machine": machine(),
        "settings": settings,
        "is_sound": outcome.is_sound,
        "outcome": outcome,
    }
    result = encode(document)
    files = {"result.json": result, "table.md": as_markdown(outcome).encode()}
    chart = chart_of(outcome) if has_matplotlib() else None
    if chart is not None:
        files["kill_node.png"] = chart
    facts = page.facts_of({"began": started_at, **machine(), **settings})
    sections = [
        page.paragraph_of(verdict(outcome), "good" if outcome.is_sound else "bad"),
        *([page.picture_of(chart, "throughput over time")] if chart is not None else []),
        page.section_of("Stretches", page.table_of(_HEADS, _rows(outcome))),
        *map(page.paragraph_of, _sentences(outcome)),
        page.section_of("How it was run", facts),
    ]
    files["report.html"] = page.page_of("mys3d bench: a node is killed under load", sections, result).encode()
    return write_files(files, folder)


def chart_of(outcome: Outcome) -> bytes:
    """Draw throughput over time, and what happened."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 5), layout="constrained")
    axes = figure.subplots()
    width = outcome.bin_seconds
    for number, (label, values) in enumerate(
        (("acknowledged PUT", outcome.puts_per_second), ("GET", outcome.gets_per_second))
    ):
        axes.step([at * width for at in range(len(values))], values, where="post", color=COLOURS[number], label=label)
    bins = [at * width for at in range(len(outcome.errors_per_second))]
    axes.bar(bins, outcome.errors_per_second, width, align="edge", color="#c50f1f", label="errors")
    _events(axes, outcome.events, f"{outcome.victim}, {_role(outcome)}, ")
    axes.set_title(verdict(outcome), fontsize=10)
    axes.set_xlabel("seconds")
    axes.set_ylabel("requests a second")
    axes.set_xlim(0, len(outcome.puts_per_second) * width)
    axes.set_ylim(bottom=0)
    axes.grid(axis="y", alpha=0.3)
    figure.legend(loc="outside lower right", ncols=3, fontsize=8)
    return as_png(figure)


def _events(axes: "Axes", events: Mapping[str, float], who: str) -> None:
    names = list(events)
    for name, until in zip(names, [*names[1:], None], strict=True):
        axes.axvline(events[name], color="black", linewidth=1, linestyle=":")
        words = f" {who if name == 'killed' else ''}{name}"
        axes.text(events[name], 1.0, words, transform=axes.get_xaxis_transform(), va="top", fontsize=8)
        if name in _SHADES and until is not None:
            axes.axvspan(events[name], events[until], color=_SHADES[name])


def _rows(outcome: Outcome) -> list[list[str]]:
    return [
        [
            stretch.name,
            f"{stretch.start:.1f}",
            f"{stretch.stop:.1f}",
            f"{stretch.puts_per_second:,.0f}",
            f"{stretch.gets_per_second:,.0f}",
            str(stretch.errors_count),
            f"{stretch.p50_ms:.2f}",
            f"{stretch.p99_ms:.2f}",
            f"{stretch.max_ms:.0f}",
        ]
        for stretch in outcome.stretches
    ]


def _sentences(outcome: Outcome) -> list[str]:
    heal = (
        "did not heal" if outcome.heal_seconds is None else f"all copies were back {outcome.heal_seconds:.1f} s later"
    )
    return [
        f"{outcome.victim} ({_role(outcome)}) was killed at {outcome.events.get('killed', 0):.1f} s; the longest time "
        f"without an acknowledged PUT was {outcome.silence_seconds:.2f} s, from {outcome.silence_began:.1f} s on. "
        f"It was started again at {outcome.events.get('started', 0):.1f} s; {heal}.",
        f"{outcome.doubtful_count} uploads had no answer, or one that promises nothing: they may be there or not.",
    ]


def _role(outcome: Outcome) -> str:
    return "leader" if outcome.was_leader else "follower"
