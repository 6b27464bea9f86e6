"""Rows of a report: what was measured, and what it comes to.        Floor: bench (pure). Called by: run, cli.

Law: every figure can be made again from what the row keeps, and none is told without what it cost.
"""

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from mys3d.bench.bootstrap import Estimate, Fraction, ratio_of_pairs, ratio_of_sums
from mys3d.bench.histogram import Histogram, added
from mys3d.bench.measure import Slice

BOUND_SHARE: Final = 0.6  # above this share of the generator's ceiling a result says more of the generator


class Ceiling(msgspec.Struct, frozen=True):
    """What the generator reached with a server that does nothing, and what a request cost it."""

    ops_per_second: float
    client_us_per_request: float


class Row(msgspec.Struct, frozen=True):
    """One operation on one target, at one size and one concurrency."""

    operation: str
    size_bytes: int  # 0: it has none
    concurrency: int
    body: str
    rate: float | None  # None: as fast as answers came
    target: str
    ceiling: Ceiling | None
    slices: list[Slice]
    latencies: dict[str, Histogram]  # by kind; the row's own under the name of its operation

    @property
    def key(self) -> tuple[str, int, int, str, float | None, str]:
        """What makes rows of two reports comparable."""
        return (self.operation, self.size_bytes, self.concurrency, self.body, self.rate, self.target)

    def pace(self) -> list[Fraction]:
        return [(slice_.requests_count, slice_.seconds) for slice_ in self.slices]

    def server_cost(self) -> list[Fraction]:
        """CPU of all servers in us, over requests; empty when it was not counted."""
        if not any(slice_.server_cpu_seconds for slice_ in self.slices):
            return []
        return [(sum(slice_.server_cpu_seconds.values()) * 1e6, slice_.requests_count) for slice_ in self.slices]

    def client_cost(self) -> list[Fraction]:
        return [(slice_.client_cpu_seconds * 1e6, slice_.requests_count) for slice_ in self.slices]

    @property
    def errors(self) -> dict[str, int]:
        total: dict[str, int] = {}
        for slice_ in self.slices:
            for what, count in slice_.errors.items():
                total[what] = total.get(what, 0) + count
        return total


class Figures(msgspec.Struct, frozen=True):
    """What a row comes to."""

    ops_per_second: Estimate
    mb_per_second: float  # of bodies, 10**6 bytes
    p50_ms: float
    p90_ms: float
    p99_ms: float
    max_ms: float
    server_us_per_request: Estimate | None  # all servers together; None: not counted
    each_server_us_per_request: dict[str, float]
    client_us_per_request: Estimate
    pace_against_first: Estimate | None  # None: this is the first target
    cost_against_first: Estimate | None
    requests_count: int
    checked_count: int
    errors_count: int
    unsent_count: int
    is_generator_bound: bool


class Measured(msgspec.Struct, frozen=True):
    """A row and its figures."""

    row: Row
    figures: Figures


def make_row(slices: Sequence[Slice], **about: object) -> Row:
    """`about`: the other fields of the row."""
    kinds = {kind for slice_ in slices for kind in slice_.latencies}
    latencies = {
        kind: added(slice_.latencies[kind] for slice_ in slices if kind in slice_.latencies) for kind in sorted(kinds)
    }
    bare = [msgspec.structs.replace(slice_, latencies={}) for slice_ in slices]
    return msgspec.convert({**about, "slices": bare, "latencies": latencies}, Row)


def figures_of(row: Row, first: Row | None) -> Figures:
    """`first`: the row of the first target at the same load; None: this is it."""
    histogram = row.latencies.get(row.operation, Histogram())
    seconds = sum(slice_.seconds for slice_ in row.slices)
    requests = sum(slice_.requests_count for slice_ in row.slices)
    pace, cost = ratio_of_sums(row.pace()), row.server_cost()
    is_comparable = first is not None and bool(cost) and bool(first.server_cost())
    return Figures(
        ops_per_second=pace,
        mb_per_second=sum(slice_.body_bytes for slice_ in row.slices) / max(seconds, 1e-9) / 1e6,
        p50_ms=histogram.percentile(50),
        p90_ms=histogram.percentile(90),
        p99_ms=histogram.percentile(99),
        max_ms=histogram.percentile(100),
        server_us_per_request=ratio_of_sums(cost) if cost else None,
        each_server_us_per_request=_each_server(row.slices, requests),
        client_us_per_request=ratio_of_sums(row.client_cost()),
        pace_against_first=None if first is None else ratio_of_pairs(row.pace(), first.pace()),
        cost_against_first=ratio_of_pairs(cost, first.server_cost()) if first is not None and is_comparable else None,
        requests_count=requests,
        checked_count=sum(slice_.checked_count for slice_ in row.slices),
        errors_count=sum(row.errors.values()),
        unsent_count=sum(slice_.unsent_count for slice_ in row.slices),
        is_generator_bound=row.ceiling is not None and pace.value > BOUND_SHARE * row.ceiling.ops_per_second,
    )


def measured_of(rows: Iterable[Row]) -> list[Measured]:
    """Figures of rows; the first row of each load is that of the first target."""
    firsts: dict[tuple[object, ...], Row] = {}
    found = []
    for row in rows:
        first = firsts.setdefault(row.key[:-1], row)
        found.append(Measured(row, figures_of(row, None if first is row else first)))
    return found


def _each_server(slices: Sequence[Slice], requests: int) -> dict[str, float]:
    names = sorted({name for slice_ in slices for name in slice_.server_cpu_seconds})
    return {
        name: sum(slice_.server_cpu_seconds.get(name, 0.0) for slice_ in slices) / max(requests, 1) * 1e6
        for name in names
    }
