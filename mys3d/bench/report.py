"""Figures of a run as JSON and as a table.        Floor: bench.

Law: a figure is never shown without what it cost: the CPU of every server and of the generator stand beside it.
"""

import os
import platform
import sys
from dataclasses import asdict, dataclass
from typing import Final

from mys3d.bench.load import Result

GENERATOR_BOUND: Final = 0.6  # above this share of one core the generator, not the server, may be the limit


@dataclass(frozen=True, slots=True)
class Row:
    """One operation at one size and one concurrency."""

    operation: str
    size_bytes: int
    concurrency: int
    seconds: float
    requests_count: int
    errors: dict[str, int]
    checked_count: int
    ops_per_second: float
    mb_per_second: float  # of bodies, 10**6 bytes
    p50_ms: float
    p90_ms: float
    p99_ms: float
    max_ms: float
    server_cpu_seconds: dict[str, float]
    server_cpu_us_per_request: float  # all servers together
    client_cpu_us_per_request: float
    is_generator_bound: bool


def make_row(
    operation: str, size: int, concurrency: int, result: Result, servers: dict[str, float], client: float
) -> Row:
    count = len(result.latencies)
    ordered = sorted(result.latencies)
    return Row(
        operation=operation,
        size_bytes=size,
        concurrency=concurrency,
        seconds=round(result.seconds, 3),
        requests_count=count,
        errors=dict(result.errors),
        checked_count=result.checked_count,
        ops_per_second=round(count / result.seconds, 1),
        mb_per_second=round(result.body_bytes / result.seconds / 1e6, 2),
        p50_ms=percentile(ordered, 50),
        p90_ms=percentile(ordered, 90),
        p99_ms=percentile(ordered, 99),
        max_ms=percentile(ordered, 100),
        server_cpu_seconds={name: round(spent, 3) for name, spent in servers.items()},
        server_cpu_us_per_request=round(sum(servers.values()) / max(count, 1) * 1e6, 1),
        client_cpu_us_per_request=round(client / max(count, 1) * 1e6, 1),
        is_generator_bound=client / result.seconds > GENERATOR_BOUND,
    )


def percentile(ordered: list[float], percent: int) -> float:
    """The smallest latency that `percent` % of all do not exceed, in ms; 0 when there are none."""
    if not ordered:
        return 0.0
    rank = max(1, -(-len(ordered) * percent // 100))
    return round(ordered[rank - 1] * 1e3, 3)


def as_document(rows: list[Row], endpoints: tuple[str, ...], started_at: str) -> dict[str, object]:
    return {
        "format": 1,
        "started_at": started_at,
        "machine": {
            "cpus": os.cpu_count(),
            "kernel": platform.release(),
            "machine": platform.machine(),
            "python": sys.version.split()[0],
        },
        "endpoints": list(endpoints),
        "rows": [asdict(row) for row in rows],
    }


def as_markdown(rows: list[Row]) -> str:
    """One line a row; CPU columns are us for each request."""
    head = "| op | size | conc | ops/s | MB/s | p50 ms | p90 ms | p99 ms | servers us | each | client us | errors |"
    lines = [head, "|---|---|---|---|---|---|---|---|---|---|---|---|", *map(_line, rows)]
    if any(row.is_generator_bound for row in rows):
        lines += ["", f"\\* the generator used more than {GENERATOR_BOUND:.0%} of a core: the server may do more."]
    return "\n".join(lines) + "\n"


def size_text(size: int) -> str:
    for unit, factor in (("M", 1 << 20), ("K", 1 << 10)):
        if size >= factor and size % factor == 0:
            return f"{size // factor}{unit}"
    return str(size)


def _line(row: Row) -> str:
    count = max(row.requests_count, 1)
    each = ", ".join(f"{name} {spent / count * 1e6:.0f}" for name, spent in row.server_cpu_seconds.items())
    mark = "\\*" if row.is_generator_bound else ""
    cells = [
        row.operation,
        size_text(row.size_bytes) if row.size_bytes else "-",
        str(row.concurrency),
        f"{row.ops_per_second:.0f}{mark}",
        f"{row.mb_per_second:.1f}",
        f"{row.p50_ms:.2f}",
        f"{row.p90_ms:.2f}",
        f"{row.p99_ms:.2f}",
        f"{row.server_cpu_us_per_request:.0f}" if row.server_cpu_seconds else "-",
        each or "-",
        f"{row.client_cpu_us_per_request:.0f}",
        str(sum(row.errors.values())),
    ]
    return "| " + " | ".join(cells) + " |"
