"""Measure a running cluster: `python -m mys3d.bench.run put --ready-file F`.        Floor: bench.

Law: bounded in time and in requests; any error fails the run unless it was allowed beforehand.
"""

import argparse
import itertools
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from mys3d.bench import report, work
from mys3d.bench.cpu import Cluster, CpuMeter, host_of, read_ready_file
from mys3d.bench.load import Connection, Request, run
from mys3d.bench.work import CannotPrepare, Target

REQUESTS_MAX: Final = 1_000_000
SECONDS_MAX: Final = 600.0
_UNITS: Final = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}


def parse_size(text: str) -> int:
    """`4K` -> 4096. Raises ValueError."""
    number, unit = (text[:-1], text[-1].upper()) if text[-1:].upper() in _UNITS else (text, "")
    size = int(number) * _UNITS.get(unit, 1)
    if not 1 <= size <= 5 << 30:
        raise ValueError(f"a size is 1 byte to 5G, found {text!r}")
    return size


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m mys3d.bench.run", description="Measure a running S3 cluster.")
    parser.add_argument("operation", choices=["put", "get", "list"])
    parser.add_argument("--endpoint", nargs="+", default=[], metavar="URL", help="http://host:port, several are shared")
    parser.add_argument("--access-key")
    parser.add_argument("--secret-key")
    parser.add_argument("--region", default="us-east-1")
    parser.add_argument("--bucket", default="bench", help="created when it is not there")
    parser.add_argument("--ready-file", type=Path, help="as written by mys3d dev: endpoints, keys and process ids")
    parser.add_argument("--pids", nargs="*", type=int, default=[], help="server processes whose CPU is counted")
    parser.add_argument("--sizes", type=_list_of(parse_size), default=[4 << 10, 64 << 10, 1 << 20])
    parser.add_argument("--concurrency", type=_list_of(int), default=[1, 8, 32])
    parser.add_argument("--seconds", type=float, default=10.0, help="of each measurement")
    parser.add_argument("--requests", type=int, default=REQUESTS_MAX, help="of each measurement, at most")
    parser.add_argument("--objects", type=int, default=64, help="that get goes round")
    parser.add_argument("--allow-errors", action="store_true")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--markdown", type=Path)
    options = parser.parse_args(arguments)
    if not 0 < options.seconds <= SECONDS_MAX or not 0 < options.requests <= REQUESTS_MAX:
        parser.error(f"at most {SECONDS_MAX:.0f} seconds and {REQUESTS_MAX} requests")
    if not all(1 <= count <= 1024 for count in options.concurrency) or not 1 <= options.objects <= 10_000:
        parser.error("a concurrency is 1 to 1024, and get goes round 1 to 10000 objects")
    if options.ready_file is None and not (options.endpoint and options.access_key and options.secret_key):
        parser.error("give --ready-file, or --endpoint with --access-key and --secret-key")
    return options


def cluster_of(options: argparse.Namespace) -> Cluster:
    """What the options say, the ready file first. Raises ValueError, OSError, KeyError."""
    pids = {f"pid {pid}": pid for pid in options.pids}
    endpoints = tuple(host_of(url) for url in options.endpoint)
    if options.ready_file is None:
        return Cluster(endpoints, options.access_key, options.secret_key, options.region, options.bucket, pids)
    found = read_ready_file(options.ready_file)
    return Cluster(
        endpoints or found.endpoints,
        options.access_key or found.access_key,
        options.secret_key or found.secret_key,
        found.region,
        options.bucket,
        found.pids | pids,
    )


def measure(target: Target, operation: str, size: int, concurrency: int, options: argparse.Namespace) -> report.Row:
    endpoints = target.cluster.endpoints
    sources = [_requests(target, operation, host, size, options.objects) for host in endpoints]
    for source in sources:
        next(source)  # signs now: the first of a generator is made before the clock starts
    connections = [
        Connection(host, source)
        for host, source in itertools.islice(itertools.cycle(zip(endpoints, sources, strict=True)), concurrency)
    ]
    meter = CpuMeter(target.cluster.pids)
    result = run(connections, seconds=options.seconds, requests_max=options.requests)
    own, servers = meter.own(), meter.spent()
    return report.make_row(operation, size, concurrency, result, servers, own)


def main(arguments: Sequence[str]) -> int:
    options = parse(arguments)
    started_at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    rows: list[report.Row] = []
    try:
        cluster = cluster_of(options)
        target = Target(cluster, cluster.bucket)
        work.make_bucket(target)
        for size in [0] if options.operation == "list" else options.sizes:
            _prepare(target, options.operation, size, options.objects)
            for concurrency in options.concurrency:
                rows.append(measure(target, options.operation, size, concurrency, options))
                print(report.as_markdown(rows[-1:]).splitlines()[2], flush=True)
    except (CannotPrepare, OSError, ValueError, KeyError) as error:
        print(f"bench: {type(error).__name__}: {error}", file=sys.stderr)
        return 2
    table = report.as_markdown(rows)
    print("\n" + table)
    if options.json is not None:
        document = report.as_document(rows, cluster.endpoints, started_at)
        options.json.write_text(json.dumps(document, indent=1) + "\n")
    if options.markdown is not None:
        options.markdown.write_text(table)
    failed = {row.operation: row.errors for row in rows if row.errors}
    if failed and not options.allow_errors:
        print(f"bench: failed: {failed}", file=sys.stderr)
        return 1
    return 0


def _requests(target: Target, operation: str, host: str, size: int, objects_count: int) -> Iterator[Request]:
    match operation:
        case "put":
            return work.puts(target, host, size)
        case "get":
            return work.gets(target, host, size, objects_count)
        case _:
            return work.lists(target, host)


def _prepare(target: Target, operation: str, size: int, objects_count: int) -> None:
    if operation == "get":
        work.prepare_objects(target, size, objects_count)
    elif operation == "list":
        work.prepare_listing(target)


def _list_of(parse_one: Callable[[str], int]) -> Callable[[str], list[int]]:
    def parse_all(text: str) -> list[int]:
        return [parse_one(part) for part in text.split(",")]

    return parse_all


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
