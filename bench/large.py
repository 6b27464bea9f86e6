"""Large bodies: what a byte costs all nodes together, several checkouts and settings side by side.

python -m bench.large --target tls=. --target plain=.,plain --sizes 64M,1G --streams 1,8 --rounds 3

Each target is a cluster of three nodes of its own, made anew for every round from a checkout: NAME=CHECKOUT, and
`,plain` where its peers are to send bulk unencrypted. Rounds go through the targets forth and back, so that what else
the machine does meets all of them alike. CPU is the kernel's account of every node, user and system, from before the
first byte until a moment after the last answer; `net` is without what the nodes spend on doing nothing for so long.
"""

import argparse
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

from mys3d.bench.caller import Caller
from mys3d.bench.connection import Connection, Request
from mys3d.bench.cpu import CpuMeter
from mys3d.bench.load import Bounds, run
from mys3d.bench.memory import resident_bytes_max
from mys3d.bench.prepare import make_bucket
from mys3d.bench.rounds import order_of
from mys3d.bench.sign import Signer
from mys3d.bench.sizes import parse_size
from mys3d.bench.target import Target, read_ready_file
from mys3d.cli.bench_servers import free_ports

STRIDE: Final = 4 << 20  # one blob: each differs from all others, or a store that names bytes by digest writes nothing
NODES_COUNT: Final = 3
START_SECONDS: Final = 120.0
CELL_SECONDS: Final = 900.0
SETTLE_SECONDS: Final = 0.3
IDLE_SECONDS: Final = 3.0
_UNIQUE_BYTES: Final = 16
_MIB: Final = 1 << 20
_HEAD: Final = (
    "| op | size | streams | target | MB/s | ns/B, all nodes | net | of each node, net | client | GB/s per core | RSS |"
)


class Cell(NamedTuple):
    operation: str
    size: int
    streams: int


@dataclass(slots=True)
class Side:
    """One running cluster."""

    name: str
    target: Target
    process: subprocess.Popen[bytes]
    idle: dict[str, float] = field(default_factory=dict)  # CPU seconds of each node in a second without requests


@dataclass(frozen=True, slots=True)
class Sample:
    """One cell of one round."""

    seconds: float
    bytes: int
    nodes: dict[str, float]  # CPU seconds
    idle: dict[str, float]  # what they would have spent without requests
    client: float
    rss_mib: float  # the highest of any node so far

    def cost(self, nodes: Sequence[str], *, net: bool) -> float:
        """Nanoseconds a byte."""
        return sum(self.nodes[node] - net * self.idle[node] for node in nodes) / self.bytes * 1e9


def start(text: str, folder: Path) -> Side:
    """Start the cluster that NAME=CHECKOUT[,plain] describes. Raises SystemExit."""
    name, _, rest = text.partition("=")
    checkout, _, bulk = rest.partition(",")
    ready = folder / f"{name}.json"
    environ = {key: value for key, value in os.environ.items() if not key.startswith(("MYS3D_", "S3_"))}
    environ["PYTHONPATH"] = str(
        Path(checkout).resolve()
    )  # nodes run elsewhere, where an installed package is found first
    if bulk:
        environ["MYS3D_PEERS_BULK"] = bulk
    words = ["dev", "--data", str(folder / name), "--port", str(free_ports(NODES_COUNT)), "--ready-file", str(ready)]
    with (folder / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "mys3d", *words], cwd=Path(checkout).resolve(), env=environ, stdout=log, stderr=log
        )
    deadline = time.monotonic() + START_SECONDS
    while not ready.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            raise SystemExit(f"{name} does not start:\n{(folder / f'{name}.log').read_text()}")
        time.sleep(0.2)
    target = read_ready_file(name, ready, "large")
    make_bucket(target)
    return Side(name, target, process)


def body(size: int, block: bytes) -> list[bytes | memoryview]:
    """A body of which no blob was sent before, in pieces."""
    pieces: list[bytes | memoryview] = []
    for start in range(0, size, STRIDE):
        length = min(STRIDE, size - start)
        pieces += [os.urandom(min(_UNIQUE_BYTES, length)), memoryview(block)[: max(0, length - _UNIQUE_BYTES)]]
    return pieces


def requests_of(side: Side, cell: Cell, prefix: str, count: int) -> Iterator[Request]:
    target, block = side.target, os.urandom(STRIDE)
    signer = Signer(target.keys, target.endpoints[0])
    for number in range(count):
        path = f"/{target.bucket}/{prefix}/{number}"
        if cell.operation == "put":
            head = signer.head("PUT", path, length=cell.size)
            yield Request((head, *body(cell.size, block)), "put", sent_bytes=cell.size)
        else:
            yield Request((signer.head("GET", path),), "get", answer_bytes=cell.size)


def measure(side: Side, cell: Cell, prefix: str, count: int) -> Sample:
    """Raises SystemExit when a request fails."""
    requests = iter(list(requests_of(side, cell, prefix, count)))
    target = side.target
    connections = [Connection(target.endpoints[:1], requests) for _ in range(cell.streams)]
    meter, began = CpuMeter(target.pids), time.monotonic()
    result = run(connections, Bounds(CELL_SECONDS, count))
    client = meter.own()
    time.sleep(SETTLE_SECONDS)
    nodes, seconds = meter.spent(), time.monotonic() - began
    if result.errors_count or len(result.latencies[cell.operation]) != count:
        raise SystemExit(f"{side.name} {cell}: {dict(result.errors)}")
    idle = {node: spent * seconds for node, spent in side.idle.items()}
    rss_mib = max(map(resident_bytes_max, target.pids.values())) / _MIB
    return Sample(result.seconds, cell.size * count, nodes, idle, client, rss_mib)


def look_at_idle(sides: Sequence[Side]) -> None:
    meters = [CpuMeter(side.target.pids) for side in sides]
    time.sleep(IDLE_SECONDS)
    for side, meter in zip(sides, meters, strict=True):
        side.idle = {node: spent / IDLE_SECONDS for node, spent in meter.spent().items()}


def delete(side: Side, prefix: str, count: int) -> None:
    endpoint = side.target.endpoints[:1]
    caller = Caller(side.target, endpoint[0])
    run([Connection(endpoint, iter([caller.delete(f"{prefix}/{n}") for n in range(count)]))], Bounds(60))


def one_round(words: argparse.Namespace, number: int) -> Iterator[tuple[Cell, str, Sample]]:
    """Measure every cell of every target once, with clusters made for it."""
    folder = Path(tempfile.mkdtemp(prefix="mys3d-large-", dir=words.folder))
    sides: list[Side] = []
    try:
        sides.extend(start(text, folder) for text in words.target)
        look_at_idle(sides)
        for size in map(parse_size, words.sizes.split(",")):
            for streams in map(int, words.streams.split(",")):
                count = max(streams, words.bytes // size)
                for side in order_of(sides, number):
                    prefix = f"{size}/{streams}"
                    for operation in words.operations.split(","):
                        cell = Cell(operation, size, streams)
                        yield cell, side.name, measure(side, cell, prefix, count)
                    delete(side, prefix, count)
    finally:
        for side in sides:
            side.process.send_signal(signal.SIGINT)
        for side in sides:
            side.process.wait(60)
        shutil.rmtree(folder, ignore_errors=True)


def line(cell: Cell, name: str, samples: Sequence[Sample]) -> str:
    """One row of the table: medians over the rounds."""
    nodes = list(samples[0].nodes)
    gross = sorted(sample.cost(nodes, net=False) for sample in samples)
    net = statistics.median(sample.cost(nodes, net=True) for sample in samples)
    each = [statistics.median(sample.cost([node], net=True) for sample in samples) for node in nodes]
    cells = [
        cell.operation,
        f"{cell.size >> 20} MiB",
        str(cell.streams),
        name,
        f"{statistics.median(sample.bytes / sample.seconds / 1e6 for sample in samples):.0f}",
        f"{statistics.median(gross):.2f} ({gross[0]:.2f} to {gross[-1]:.2f})",
        f"{net:.2f}",
        " ".join(f"{cost:.2f}" for cost in each),
        f"{statistics.median(sample.client / sample.bytes * 1e9 for sample in samples):.2f}",
        f"{1 / net:.2f}" if net > 0 else "-",
        f"{max(sample.rss_mib for sample in samples):.0f}",
    ]
    return "| " + " | ".join(cells) + " |"


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m bench.large", description=__doc__)
    parser.add_argument("--target", action="append", required=True, help="NAME=CHECKOUT[,plain]")
    parser.add_argument("--operations", default="put,get")
    parser.add_argument("--sizes", default="64M")
    parser.add_argument("--streams", default="1,8")
    parser.add_argument("--bytes", type=parse_size, default=512 << 20, help="of one cell; at least a body a stream")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="where the clusters are kept meanwhile; default: the system's")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str]) -> None:
    words = parse(arguments)
    found: dict[tuple[Cell, str], list[Sample]] = {}
    for number in range(words.rounds):
        for cell, name, sample in one_round(words, number):
            found.setdefault((cell, name), []).append(sample)
            print(line(cell, name, [sample]), file=sys.stderr, flush=True)
    print(_HEAD)
    print("|" + "---|" * (_HEAD.count("|") - 1))
    for (cell, name), samples in found.items():
        print(line(cell, name, samples))


if __name__ == "__main__":
    main(sys.argv[1:])
