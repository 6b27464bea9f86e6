"""How the cost of a node grows with what its registry holds.

python -m bench.scale --sizes 1000,10000,100000,1000000 --delete 1000000 --out bench-results/scale

Registries are filled by proposing commands to the state machine of a stopped node (bench/scale_fill.py), not by HTTP:
ten million uploads would take a day. Then the node runs as always and is measured over HTTP, on loopback. Each size is
measured in turns with a node that holds the smallest, so that what else the machine does meets both alike: the figures
to trust are CPU and "CPU x first".
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from bench import scale_report
from bench.scale_fill import BEFORE_NEIGHBOURS, key_of, neighbour_of, stopped
from bench.scale_loads import OPERATIONS, Anywhere, PageBehind, deletes
from bench.scale_node import BUCKET, RunningNode, disk_bytes
from bench.scale_report import Deleted, Report, Size
from bench.scale_snapshot import snapshot
from mys3d.bench.cpu import CpuMeter
from mys3d.bench.document import encode, machine
from mys3d.bench.figures import Measured, Row, figures_of, make_row
from mys3d.bench.load import Bounds, run
from mys3d.bench.measure import Slice, measure
from mys3d.bench.prepare import make_bucket
from mys3d.bench.rounds import order_of
from mys3d.bench.sizes import parse_size
from mys3d.bench.workload import Workload

_QUIET_SECONDS_MAX: Final = 900.0
_DELETE_SECONDS_MAX: Final = 3_600.0
_DELETE_STREAMS: Final = 2
_PAGES_EVERY: Final = (0.0, 10.0, 60.0)  # seconds behind the last delete
_FILL_TOLD: Final = 100_000


class Side(msgspec.Struct):
    """One node and how many objects it holds."""

    data: Path
    objects: int = 0
    fill_seconds: float = 0.0
    fill_cpu_us: float = 0.0  # of the last stretch, for each object


def say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def begin(data: Path) -> Side:
    """Make a new cluster of one node with a bucket, and stop it."""
    node = RunningNode(data)
    try:
        make_bucket(node.target)
    finally:
        node.stop()
    return Side(data)


def fill(side: Side, objects: int, length: int) -> None:
    """Bring a stopped node to so many objects."""
    missing, began, cpu = objects - side.objects, time.monotonic(), time.process_time()
    with stopped(side.data, BUCKET) as node:
        keys = map(key_of, range(side.objects, objects))
        node.fill(keys, length, lambda done: _tell(done, missing))
    side.objects, side.fill_seconds = objects, time.monotonic() - began
    side.fill_cpu_us = (time.process_time() - cpu) / max(missing, 1) * 1e6


def _tell(done: int, count: int) -> None:
    if done % _FILL_TOLD < 4_096:
        say(f"  {done:,} of {count:,} objects")


def measured(sides: Sequence[tuple[Side, RunningNode]], words: argparse.Namespace) -> list[Measured]:
    """Each operation on all nodes in turns; the first of them is what the others are compared with."""
    rows: list[Measured] = []
    for operation in OPERATIONS:
        loads = [(Anywhere(operation, node.target, side.objects, words.bytes), node) for side, node in sides]
        slices = in_turns(loads, operation, words)
        firsts: list[Row] = []
        for (side, _), found in zip(sides, slices, strict=True):
            row = _row(operation, f"{side.objects:,}", found, words)
            rows.append(Measured(row, figures_of(row, firsts[0] if firsts else None)))
            firsts.append(row)
    return rows


def in_turns(
    loads: Sequence[tuple[Workload, RunningNode]], operation: str, words: argparse.Namespace
) -> list[list[Slice]]:
    found: list[list[Slice]] = [[] for _ in loads]
    for number in range(words.rounds):
        for at in order_of(range(len(loads)), number):
            load, node = loads[at]
            slice_ = measure(load, words.concurrency, node.target.pids, words.seconds)[operation]
            if slice_.errors:
                raise SystemExit(f"{operation} on {node.data}: {slice_.errors}")
            found[at].append(slice_)
    return found


def _row(operation: str, target: str, slices: Sequence[Slice], words: argparse.Namespace) -> Row:
    concurrency = 1 if operation == "list" else words.concurrency
    size = 0 if operation == "list" else words.bytes
    about = {"size_bytes": size, "concurrency": concurrency, "body": "unsigned", "rate": None, "ceiling": None}
    return make_row(slices, operation=operation, target=target, **about)


def grow(first: Side, side: Side, objects: int, words: argparse.Namespace) -> Size:
    """Fill a node up, start it, measure it, kill it, start it again."""
    say(f"{objects:,} objects: filling")
    fill(side, objects, words.bytes)
    node = RunningNode(side.data)
    try:
        quiet = node.quiet(_QUIET_SECONDS_MAX)
        say(f"  ready in {node.started.seconds:.1f} s, quiet {quiet.seconds:.0f} s later; measuring")
        rss_quiet = node.rss_mib()
        if first is side:
            rows = measured([(side, node)], words)
        else:
            other = RunningNode(first.data)
            try:
                other.quiet(_QUIET_SECONDS_MAX)
                rows = measured([(first, other), (side, node)], words)
            finally:
                other.stop()
        rss_loaded, rss_max = node.rss_mib(), node.rss_max_mib()
    finally:
        node.kill()
    again = RunningNode(side.data)
    again.stop()
    say("  freezing and receiving a snapshot")
    return Size(
        objects=objects,
        fill_seconds=side.fill_seconds,
        fill_cpu_us=side.fill_cpu_us,
        start=node.started,
        start_after_kill=again.started,
        quiet=quiet,
        rss_quiet_mib=rss_quiet,
        rss_loaded_mib=rss_loaded,
        rss_max_mib=rss_max,
        registry_bytes=disk_bytes(side.data / "registry"),
        index_bytes=disk_bytes(side.data / "blobs" / "index"),
        volumes_bytes=sum(path.stat().st_blocks * 512 for path in (side.data / "blobs").glob("*") if path.is_file()),
        snapshot=snapshot(side.data / "registry", side.data.parent),
        rows=rows,
    )


def delete(first: Side, side: Side, count: int, words: argparse.Namespace) -> Deleted:
    """Fill in neighbours, remove them over HTTP, and look at the page behind them straight after and later."""
    say(f"filling in {count:,} neighbours")
    neighbours = [neighbour_of(number) for number in range(count)]
    with stopped(side.data, BUCKET) as stopped_node:
        stopped_node.fill(iter(neighbours), words.bytes, lambda done: _tell(done, count))
    node, other = RunningNode(side.data), RunningNode(first.data)
    try:
        node.quiet(_QUIET_SECONDS_MAX)
        other.quiet(_QUIET_SECONDS_MAX)
        looks = [look("before", first, side, other, node, words)]
        meter = CpuMeter(node.target.pids)
        say("deleting them")
        result = run(deletes(node.target, neighbours, _DELETE_STREAMS), Bounds(_DELETE_SECONDS_MAX))
        ended = time.monotonic()
        if result.errors_count:
            raise SystemExit(f"deletes: {dict(result.errors)}")
        cpu_us = sum(meter.spent().values()) / count * 1e6
        for seconds in _PAGES_EVERY:
            time.sleep(max(0.0, ended + seconds - time.monotonic()))
            looks.append(look(f"{time.monotonic() - ended:.0f} s later", first, side, other, node, words))
        bytes_now = disk_bytes(side.data / "registry")
    finally:
        node.stop()
        other.stop()
    return Deleted(side.objects, count, result.seconds, cpu_us, bytes_now, looks)


def look(
    when: str, first: Side, side: Side, other: RunningNode, node: RunningNode, words: argparse.Namespace
) -> Measured:
    """The page behind the neighbours, in turns with a page of the smallest registry."""
    loads: list[tuple[Workload, RunningNode]] = [
        (Anywhere("list", other.target, first.objects, words.bytes), other),
        (PageBehind(node.target, BEFORE_NEIGHBOURS), node),
    ]
    slices = in_turns(loads, "list", words)
    reference, row = _row("list", "first", slices[0], words), _row("list", when, slices[1], words)
    figures = figures_of(row, reference)
    say(f"  {when}: p50 {figures.p50_ms:.1f} ms, p99 {figures.p99_ms:.1f} ms")
    return Measured(row, figures)


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m bench.scale", description=__doc__)
    parser.add_argument("--sizes", type=_sizes, default=_sizes("1000,10000,100000,1000000"), help="objects, ascending")
    parser.add_argument("--bytes", type=parse_size, default=512, help="of an object")
    parser.add_argument("--delete", type=int, default=1_000_000, help="neighbours to remove from the largest; 0: none")
    parser.add_argument("--concurrency", type=int, default=8, help="of PUT and GET; a list is asked for by one client")
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--seconds", type=float, default=3.0, help="of one operation, node and round")
    parser.add_argument("--folder", type=Path, help="where the nodes keep their data meanwhile; default: the system's")
    parser.add_argument("--out", type=Path, default=Path("bench-results/scale"))
    return parser.parse_args(arguments)


def _sizes(text: str) -> list[int]:
    found = [int(word) for word in text.split(",")]
    if found != sorted(set(found)) or found[0] < 1_000:
        raise argparse.ArgumentTypeError("expected numbers from 1000 on, ascending: a page has 1,000 keys")
    return found


def main(arguments: Sequence[str]) -> None:
    words = parse(arguments)
    words.out.mkdir(parents=True, exist_ok=True)
    settings = {name: str(value) for name, value in vars(words).items()}
    sizes: list[Size] = []
    deleted: Deleted | None = None
    with tempfile.TemporaryDirectory(prefix="mys3d-scale-", dir=words.folder) as folder:
        first = side = begin(Path(folder) / "first")
        for objects in words.sizes:
            if sizes and side is first:
                side = begin(Path(folder) / "growing")
            sizes.append(grow(first, side, objects, words))
            write(words.out, Report(machine(), settings, sizes, deleted))
        if words.delete:
            deleted = delete(first, side, words.delete, words)
            write(words.out, Report(machine(), settings, sizes, deleted))
    print(scale_report.as_markdown(Report(machine(), settings, sizes, deleted)))


def write(folder: Path, report: Report) -> None:
    """What is known so far."""
    (folder / "result.json").write_bytes(encode(report))
    (folder / "table.md").write_text(scale_report.as_markdown(report))
    picture = scale_report.chart(report)
    if picture:
        (folder / "scale.png").write_bytes(picture)


if __name__ == "__main__":
    main(sys.argv[1:])
