"""What came of growing a registry: a table, a chart and the numbers themselves."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

import msgspec

from bench.scale_loads import OPERATIONS
from bench.scale_node import Quiet, Start
from bench.scale_snapshot import Snapshot
from mys3d.bench import table
from mys3d.bench.charts import COLOURS, as_png, has_matplotlib
from mys3d.bench.figures import Measured

if TYPE_CHECKING:
    from matplotlib.axes import Axes

HOW: Final = (
    "Registries were filled by proposing `PutObject` commands to the state machine of a stopped node, not by HTTP and "
    "not through Raft; everything else was measured on one running node."
)


class Size(msgspec.Struct, frozen=True):
    """One node of so many objects."""

    objects: int
    fill_seconds: float
    fill_cpu_us: float
    start: Start  # after a stop in good order
    start_after_kill: Start
    quiet: Quiet
    rss_quiet_mib: float
    rss_loaded_mib: float
    rss_max_mib: float
    registry_bytes: int
    index_bytes: int
    volumes_bytes: int
    snapshot: Snapshot
    rows: list[Measured]

    def row(self, operation: str) -> Measured:
        """That of this size; a row of the smallest, measured beside it, stands before it."""
        return [row for row in self.rows if row.row.operation == operation][-1]


class Deleted(msgspec.Struct, frozen=True):
    """A page of a list behind neighbours that were removed."""

    objects: int
    count: int
    seconds: float
    cpu_us: float  # of the node, for each key
    registry_bytes: int
    looks: list[Measured]


class Report(msgspec.Struct, frozen=True):
    """One run."""

    machine: dict[str, str | int]
    settings: dict[str, str]
    sizes: list[Size]
    deleted: Deleted | None


_LINES: Final[tuple[tuple[str, Callable[[Size], str]], ...]] = (
    ("fill, us of CPU an object", lambda size: f"{size.fill_cpu_us:.0f}"),
    ("start, s (s of CPU)", lambda size: f"{size.start.seconds:.1f} ({size.start.cpu_seconds:.1f})"),
    (
        "start after SIGKILL, s (s of CPU)",
        lambda size: f"{size.start_after_kill.seconds:.1f} ({size.start_after_kill.cpu_seconds:.1f})",
    ),
    (
        "then busy in the background, s (s of CPU)",
        lambda size: f"{'' if size.quiet.is_over else '> '}{size.quiet.seconds:.0f} ({size.quiet.cpu_seconds:.1f})",
    ),
    ("memory after the start, MiB", lambda size: f"{size.rss_quiet_mib:.0f}"),
    ("memory after the load, MiB", lambda size: f"{size.rss_loaded_mib:.0f}"),
    ("memory at most, MiB", lambda size: f"{size.rss_max_mib:.0f}"),
    ("registry, MiB", lambda size: f"{size.registry_bytes / 2**20:.1f}"),
    ("registry, bytes an object", lambda size: f"{size.registry_bytes / size.objects:.0f}"),
    ("index of blobs, MiB", lambda size: f"{size.index_bytes / 2**20:.1f}"),
    ("volumes, MiB", lambda size: f"{size.volumes_bytes / 2**20:.0f}"),
    ("snapshot: frozen in, s", lambda size: f"{size.snapshot.freeze_seconds:.2f}"),
    ("snapshot: longest stall meanwhile, ms", lambda size: f"{size.snapshot.freeze_stall_seconds * 1e3:.0f}"),
    ("snapshot: MiB in files", lambda size: f"{size.snapshot.bytes / 2**20:.1f} in {size.snapshot.files_count}"),
    ("snapshot: copied in, s", lambda size: f"{size.snapshot.copy_seconds:.2f}"),
    (
        "snapshot: synced and read through in, s (s of CPU)",
        lambda size: f"{size.snapshot.finish_seconds:.2f} ({size.snapshot.finish_cpu_seconds:.2f})",
    ),
    ("snapshot: longest stall of the receiver, ms", lambda size: f"{size.snapshot.finish_stall_seconds * 1e3:.0f}"),
)


def as_markdown(report: Report) -> str:
    heads = ["", *(f"{size.objects:,}" for size in report.sizes)]
    lines = [HOW, "", _row(heads), _row(["---", *["--:"] * len(report.sizes)])]
    lines += [_row([name, *map(text, report.sizes)]) for name, text in _LINES]
    lines += ["", *_table("objects", [(size.objects, size.row(name)) for name in OPERATIONS for size in report.sizes])]
    if report.deleted is not None:
        lines += ["", *_of_deletes(report.deleted)]
    return "\n".join(lines) + "\n"


def _of_deletes(deleted: Deleted) -> list[str]:
    words = (
        f"{deleted.count:,} neighbours among {deleted.objects:,} objects were deleted over HTTP in "
        f"{deleted.seconds:.0f} s ({deleted.cpu_us:.0f} us of CPU each). The page of 1,000 keys behind them:"
    )
    return [words, "", *_table("when", [(look.row.target, look) for look in deleted.looks])]


def _table(head: str, rows: Sequence[tuple[object, Measured]]) -> list[str]:
    heads = ["operation", head, "CPU us", "CPU x smallest", "p50 ms", "p99 ms", "requests"]
    lines = [_row(heads), _row(["---", *["--:"] * (len(heads) - 1)])]
    for name, measured in rows:
        figures = measured.figures
        cost, against = figures.server_us_per_request, figures.cost_against_first
        cells = [measured.row.operation, f"{name:,}" if isinstance(name, int) else str(name)]
        cells += ["-" if cost is None else table.figure(cost), "1" if against is None else table.figure(against, 2)]
        cells += [f"{figures.p50_ms:.2f}", f"{figures.p99_ms:.2f}", f"{figures.requests_count:,}"]
        lines.append(_row(cells))
    return lines


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def chart(report: Report) -> bytes:
    """Empty without matplotlib."""
    if not has_matplotlib():
        return b""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4.8), layout="constrained")
    cost, tail, starts, memory, bytes_, snapshots = figure.subplots(2, 3).flat
    sizes = report.sizes
    _lines(cost, sizes, "server CPU a request, us", {name: _cost(sizes, name) for name in OPERATIONS})
    _lines(tail, sizes, "p99, ms", {name: [size.row(name).figures.p99_ms for size in sizes] for name in OPERATIONS})
    restarts = {
        "start": [size.start.seconds for size in sizes],
        "after SIGKILL": [size.start_after_kill.seconds for size in sizes],
        "background, CPU": [max(size.quiet.cpu_seconds, 0.01) for size in sizes],
    }
    _lines(starts, sizes, "start, s", restarts)
    rss = {
        "after the start": [size.rss_quiet_mib for size in sizes],
        "at most": [size.rss_max_mib for size in sizes],
    }
    _lines(memory, sizes, "memory, MiB", rss, is_logarithmic=False)
    disk = {
        "registry": [size.registry_bytes / 2**20 for size in sizes],
        "index of blobs": [size.index_bytes / 2**20 for size in sizes],
    }
    _lines(bytes_, sizes, "on disk, MiB", disk)
    copies = {
        "frozen": [size.snapshot.freeze_seconds for size in sizes],
        "copied": [size.snapshot.copy_seconds for size in sizes],
        "synced and read": [size.snapshot.finish_seconds for size in sizes],
    }
    _lines(snapshots, sizes, "snapshot, s", copies)
    return as_png(figure)


def _cost(sizes: Sequence[Size], operation: str) -> list[float]:
    found = [size.row(operation).figures.server_us_per_request for size in sizes]
    return [0.0 if estimate is None else estimate.value for estimate in found]


def _lines(
    axes: "Axes", sizes: Sequence[Size], title: str, lines: dict[str, list[float]], *, is_logarithmic: bool = True
) -> None:
    for number, (name, values) in enumerate(lines.items()):
        axes.plot([size.objects for size in sizes], values, color=COLOURS[number], marker="o", markersize=3, label=name)
    axes.set_title(title, fontsize=9)
    axes.set_xscale("log")
    if is_logarithmic:
        axes.set_yscale("log")
    else:
        axes.set_ylim(bottom=0)
    axes.tick_params(labelsize=7)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=7)
