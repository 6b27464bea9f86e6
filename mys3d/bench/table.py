"""Rows as a table of markdown.        Floor: bench (pure). Called by: cli, page.

Law: an interval stands beside each figure that has one, and a mark beside each figure that says less than it seems to.
"""

from collections.abc import Sequence
from typing import Final

from mys3d.bench.bootstrap import Estimate
from mys3d.bench.figures import BOUND_SHARE, Figures, Measured
from mys3d.bench.sizes import size_text

HEADS: Final = (
    "operation",
    "size",
    "conc",
    "target",
    "ops/s",
    "MB/s",
    "p50 ms",
    "p90 ms",
    "p99 ms",
    "servers us",
    "client us",
    "x first",
    "CPU x first",
    "errors",
)
_LEFT: Final = ("operation", "target")
BOUND_NOTE: Final = (
    f"\\* more than {BOUND_SHARE:.0%} of what the generator reaches with a server that does nothing: "
    "the target may do more."
)
_BEHIND_NOTE: Final = "† requests were due and could not be sent: the rate is more than this target takes."
_COLUMNS_NOTE: Final = (
    "[95 % interval]; *servers us*: CPU for each request of all processes of the target together; *client us*: of the "
    "generator; *x first*: against the first target, in the same rounds."
)


def as_markdown(rows: Sequence[Measured]) -> str:
    """The whole table and what its marks mean."""
    rule = "|".join("---" if head in _LEFT else "--:" for head in HEADS)
    lines = [f"| {' | '.join(HEADS)} |", f"|{rule}|", *(f"| {' | '.join(cells(measured))} |" for measured in rows)]
    return "\n".join([*lines, "", *notes(rows)]) + "\n"


def notes(rows: Sequence[Measured]) -> list[str]:
    found = [_COLUMNS_NOTE]
    if any(measured.figures.is_generator_bound for measured in rows):
        found += ["", BOUND_NOTE]
    if any(measured.figures.unsent_count for measured in rows):
        found += ["", _BEHIND_NOTE]
    return found


def plain(text: str) -> str:
    """The same words without markdown."""
    return "*".join(part.replace("*", "") for part in text.split("\\*"))


def cells(measured: Measured) -> list[str]:
    """One line, in the order of HEADS."""
    row, figures = measured.row, measured.figures
    mark = ("\\*" if figures.is_generator_bound else "") + ("†" if figures.unsent_count else "")
    servers = figures.server_us_per_request
    return [
        row.operation,
        size_text(row.size_bytes),
        str(row.concurrency) + (f" @ {row.rate:g}/s" if row.rate else ""),
        row.target,
        figure(figures.ops_per_second) + mark,
        f"{figures.mb_per_second:,.1f}",
        f"{figures.p50_ms:.2f}",
        f"{figures.p90_ms:.2f}",
        f"{figures.p99_ms:.2f}",
        "-" if servers is None else figure(servers),
        f"{figures.client_us_per_request.value:,.0f}",
        "1" if figures.pace_against_first is None else figure(figures.pace_against_first, 2),
        _against(figures),
        str(figures.errors_count),
    ]


def _against(figures: Figures) -> str:
    if figures.pace_against_first is None:
        return "1"
    return "-" if figures.cost_against_first is None else figure(figures.cost_against_first, 2)


def figure(estimate: Estimate, digits: int = 0) -> str:
    """A figure with its interval, if it has one."""
    if estimate.low is None or estimate.high is None:
        return f"{estimate.value:,.{digits}f}"
    return f"{estimate.value:,.{digits}f} [{estimate.low:,.{digits}f}, {estimate.high:,.{digits}f}]"
