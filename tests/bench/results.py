"""Builders of rows, as a run makes them."""

from typing import Any

from mys3d.bench.figures import Ceiling, Measured, Row, make_row, measured_of
from mys3d.bench.histogram import histogram_of
from mys3d.bench.measure import Slice


def slice_of(requests: int = 100, seconds: float = 1.0, server: float = 0.05, **fields: Any) -> Slice:
    known = {
        "seconds": seconds,
        "requests_count": requests,
        "body_bytes": requests * 4096,
        "checked_count": 1,
        "unsent_count": 0,
        "errors": {},
        "server_cpu_seconds": {"n1": server, "n2": server},
        "client_cpu_seconds": requests * 20e-6,
        "latencies": {"get": histogram_of([0.001 * (at + 1) for at in range(requests)])},
    }
    return Slice(**{**known, **fields})  # type: ignore[arg-type]


def row_of(target: str = "mys3d", slices: list[Slice] | None = None, **fields: Any) -> Row:
    about = {
        "operation": "get",
        "size_bytes": 4096,
        "concurrency": 8,
        "body": "unsigned",
        "rate": None,
        "target": target,
        "ceiling": Ceiling(10_000.0, 20.0),
    }
    return make_row([slice_of() for _ in range(8)] if slices is None else slices, **{**about, **fields})


def two_targets(**fields: Any) -> list[Measured]:
    """mys3d, and another one that is twice as fast and costs half as much."""
    fast = [slice_of(200) for _ in range(8)]
    return measured_of([row_of(**fields), row_of("other", fast, **fields)])
