"""Idle and busy connections to one node: memory, fairness, and whether its health is still told.

python -m bench.connections get --ready-file F --idle 1000 --busy 256

All connections are to one node, so that its memory and its fairness can be told. While it is busy its health is asked
for on the other port, by a thread, whose figures hold waits for the generator itself.
"""

import argparse
import http.client
import json
import math
import socket
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Final

from mys3d.bench.answer import AnswerReader
from mys3d.bench.caller import Caller
from mys3d.bench.connection import Request
from mys3d.bench.cpu import CpuMeter
from mys3d.bench.load import Bounds, run
from mys3d.bench.memory import resident_bytes
from mys3d.bench.objects import Get, Put
from mys3d.bench.prepare import PREFIX, make_bucket
from mys3d.bench.sizes import parse_size
from mys3d.bench.target import Target, host_of, read_ready_file
from mys3d.bench.workload import Load
from mys3d.errors import Unavailable

CONNECTIONS_MAX: Final = 8192
_PROBE_SECONDS: Final = 0.1
_ANSWER_SECONDS: Final = 30.0
_OBJECTS: Final = 64


class Idle:
    """A connection that asks for something now and then."""

    def __init__(self, endpoint: str) -> None:
        host, _, port = endpoint.rpartition(":")
        self._socket = socket.create_connection((host.strip("[]"), int(port)), timeout=_ANSWER_SECONDS)

    def is_answered(self, request: Request) -> bool:
        reader = AnswerReader()
        reader.begin(has_body=True, keeps_body=False)
        try:
            self._socket.sendall(b"".join(request.pieces))
            while data := self._socket.recv(65536):
                if reader.feed(memoryview(data)):
                    return reader.status == 200
        except (OSError, ValueError):
            return False
        return False

    def close(self) -> None:
        self._socket.close()


class Counted:
    """What one connection takes of the requests of all, and how many it has begun."""

    def __init__(self, requests: Iterator[Request]) -> None:
        self._requests = requests
        self.count = 0

    def __iter__(self) -> "Counted":
        return self

    def __next__(self) -> Request:
        request = next(self._requests)
        self.count += 1
        return request


@dataclass(slots=True)
class Probe:
    """Asks one process for its memory and its node for its health, ten times a second, until `stop` is set."""

    pid: int
    health: str  # host:port of the admin port
    rss_max: int = 0
    latencies: list[float] = field(default_factory=list)
    failures_count: int = 0
    stop: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        while not self.stop.wait(_PROBE_SECONDS):
            self.rss_max = max(self.rss_max, resident_bytes(self.pid))
            before = time.perf_counter()
            try:
                self._ask()
            except OSError:
                self.failures_count += 1
            self.latencies.append(time.perf_counter() - before)

    def _ask(self) -> None:
        connection = http.client.HTTPConnection(self.health, timeout=10)
        try:
            connection.request("GET", "/_mys3d/health/ready")
            if connection.getresponse().status != 200:
                self.failures_count += 1
        finally:
            connection.close()


@dataclass(frozen=True, slots=True)
class Report:
    """What one run came to."""

    operation: str
    size_bytes: int
    idle: int
    busy: int
    seconds: float
    rss_before_mib: float
    rss_idle_mib: float
    rss_busy_max_mib: float
    rss_after_mib: float
    kib_per_idle_connection: float
    idle_still_open: int
    requests_count: int
    errors: dict[str, int]
    ops_per_second: float
    p50_ms: float
    p99_ms: float
    max_ms: float
    slowest_client: int  # requests of the connection that got fewest ...
    fastest_client: int  # ... and of the one that got most
    fairness: float
    node_cpu_us_per_request: float
    health_p50_ms: float
    health_p99_ms: float
    health_max_ms: float
    health_failures: int


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m bench.connections", description="Many connections to one node.")
    parser.add_argument("operation", choices=["get", "put"], nargs="?", default="get")
    parser.add_argument("--ready-file", type=Path, required=True, help="as written by mys3d dev")
    parser.add_argument("--node", type=int, default=1, help="which of its nodes, counted from 1")
    parser.add_argument("--bucket", default="bench", help="created when it is not there")
    parser.add_argument("--idle", type=int, default=1000)
    parser.add_argument("--busy", type=int, default=256)
    parser.add_argument("--size", type=parse_size, default=4 << 10)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(arguments)
    if not 0 <= options.idle <= CONNECTIONS_MAX or not 1 <= options.busy <= CONNECTIONS_MAX:
        parser.error(f"0 to {CONNECTIONS_MAX} idle and 1 to {CONNECTIONS_MAX} busy connections")
    return options


def node_of(options: argparse.Namespace) -> tuple[Target, int, str]:
    """One node of a cluster, its process, its admin port. Raises OSError, KeyError, ValueError, IndexError."""
    whole = read_ready_file("mys3d", options.ready_file, options.bucket)
    if whole.tls is not None:
        raise ValueError(f"expected a node that speaks plain HTTP, found {whole.url_of(whole.endpoints[0])}")
    node = json.loads(options.ready_file.read_text())["nodes"][options.node - 1]
    pid = int(node["pid"])
    target = replace(whole, endpoints=(host_of(node["s3"]),), pids={str(node["name"]): pid})
    return target, pid, host_of(node["admin"])


def measure(target: Target, pid: int, admin: str, options: argparse.Namespace) -> Report:
    workload = (Put if options.operation == "put" else Get)(target, Load(options.size, objects=_OBJECTS))
    workload.prepare()
    small = Caller(target, target.endpoints[0]).page(PREFIX, keys_max=1)
    before = resident_bytes(pid)
    idle = [Idle(target.endpoints[0]) for _ in range(options.idle)]
    for quiet in idle:
        quiet.is_answered(small)
    waiting = resident_bytes(pid)
    phase = next(workload.phases(options.busy))
    clients = [Counted(connection.requests) for connection in phase.connections]
    for connection, client in zip(phase.connections, clients, strict=True):
        connection.requests = client
    probe, meter = Probe(pid, admin), CpuMeter(target.pids)
    thread = threading.Thread(target=probe.run)
    thread.start()
    try:
        result = run(phase.connections, Bounds(options.seconds))
    finally:
        probe.stop.set()
        thread.join()
    spent, after = sum(meter.spent().values()), resident_bytes(pid)
    still_open = sum(quiet.is_answered(small) for quiet in idle)
    for quiet in idle:
        quiet.close()
    ordered, asked = sorted(result.latencies[options.operation]), sorted(probe.latencies)
    counts = sorted(client.count for client in clients)
    return Report(
        operation=options.operation,
        size_bytes=options.size,
        idle=options.idle,
        busy=options.busy,
        seconds=round(result.seconds, 1),
        rss_before_mib=_mib(before),
        rss_idle_mib=_mib(waiting),
        rss_busy_max_mib=_mib(max(probe.rss_max, after)),
        rss_after_mib=_mib(after),
        kib_per_idle_connection=round((waiting - before) / max(options.idle, 1) / 1024, 1),
        idle_still_open=still_open,
        requests_count=len(ordered),
        errors=dict(result.errors),
        ops_per_second=round(len(ordered) / result.seconds, 1),
        p50_ms=_ms(ordered, 50),
        p99_ms=_ms(ordered, 99),
        max_ms=_ms(ordered, 100),
        slowest_client=counts[0],
        fastest_client=counts[-1],
        fairness=round(counts[0] / max(counts[-1], 1), 3),
        node_cpu_us_per_request=round(spent / max(len(ordered), 1) * 1e6, 1),
        health_p50_ms=_ms(asked, 50),
        health_p99_ms=_ms(asked, 99),
        health_max_ms=_ms(asked, 100),
        health_failures=probe.failures_count,
    )


def main(arguments: Sequence[str]) -> int:
    options = parse(arguments)
    try:
        target, pid, admin = node_of(options)
        make_bucket(target)
        report = measure(target, pid, admin, options)
    except (Unavailable, OSError, ValueError, KeyError, IndexError) as error:
        print(f"bench: {type(error).__name__}: {error}", file=sys.stderr)
        return 2
    for name, value in asdict(report).items():
        print(f"{name:26} {value}")
    if options.json is not None:
        options.json.write_text(json.dumps(asdict(report), indent=1) + "\n")
    return 1 if report.errors or report.health_failures or report.idle_still_open < report.idle else 0


def _ms(ordered: list[float], percent: int) -> float:
    """What so many of some latencies do not exceed; 0 when there are none."""
    return round(ordered[max(1, math.ceil(len(ordered) * percent / 100)) - 1] * 1e3, 1) if ordered else 0.0


def _mib(size: int) -> float:
    return round(size / (1 << 20), 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
