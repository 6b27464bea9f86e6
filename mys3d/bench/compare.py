"""Whether a run is worse than an earlier one.        Floor: bench (pure). Called by: cli.

Law: worse is only what is worse by more than the tolerance with its whole 95 % interval. Throughput of two days says
less than CPU for each request, so both are told.
"""

from collections.abc import Sequence

import msgspec

from mys3d.bench.bootstrap import Estimate, ratio_of_strangers
from mys3d.bench.figures import Measured, Row
from mys3d.bench.sizes import size_text


class Change(msgspec.Struct, frozen=True):
    """One row against the same row of the earlier run."""

    row: Row
    pace: Estimate  # now / then
    cost: Estimate | None  # CPU of all servers for each request, now / then; None: not counted
    is_worse: bool
    is_better: bool


def changes(before: Sequence[Measured], now: Sequence[Measured], tolerance: float) -> list[Change]:
    """All rows that both runs have."""
    earlier = {measured.row.key: measured.row for measured in before}
    return [
        _change(earlier[measured.row.key], measured.row, tolerance) for measured in now if measured.row.key in earlier
    ]


def as_lines(found: Sequence[Change]) -> list[str]:
    """A sentence for each change."""
    lines = []
    for change in found:
        row = change.row
        word = "WORSE" if change.is_worse else "better" if change.is_better else "as before"
        cost = "" if change.cost is None else f", servers' CPU for each {_times(change.cost)}"
        load = f"{row.operation} {size_text(row.size_bytes)} x {row.concurrency} {row.target}"
        lines.append(f"{load}: {word}: ops/s {_times(change.pace)}{cost}")
    return lines


def _change(before: Row, now: Row, tolerance: float) -> Change:
    pace = ratio_of_strangers(now.pace(), before.pace())
    is_counted = bool(now.server_cost()) and bool(before.server_cost())
    cost = ratio_of_strangers(now.server_cost(), before.server_cost()) if is_counted else None
    return Change(
        row=now,
        pace=pace,
        cost=cost,
        is_worse=_is_below(pace, 1 - tolerance) or (cost is not None and _is_above(cost, 1 + tolerance)),
        is_better=_is_above(pace, 1 + tolerance) or (cost is not None and _is_below(cost, 1 - tolerance)),
    )


def _is_below(estimate: Estimate, bound: float) -> bool:
    return estimate.high is not None and estimate.high < bound


def _is_above(estimate: Estimate, bound: float) -> bool:
    return estimate.low is not None and estimate.low > bound


def _times(estimate: Estimate) -> str:
    interval = "" if estimate.low is None or estimate.high is None else f" [{estimate.low:.2f}, {estimate.high:.2f}]"
    return f"x {estimate.value:.2f}{interval}"
