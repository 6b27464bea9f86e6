"""What the scrubs of a cluster do and have found, in words.        Floor: top (pure). Called by: scrub, status.

Law: what is not healed stands out, and a node that said nothing is never counted as well.
"""

from collections.abc import Sequence
from typing import Any

from mys3d.cli.units import size, span

Report = dict[str, Any]  # of model.scrub.ScrubReport


def sentence(report: Report, now: float) -> str:
    """The scrub of one node; `now` in seconds since 1970."""
    words = [_doing(report, now), f"last full round {_ago(report['finished_at'], now)}", _found([report])]
    return "; ".join(words)


def summary(reports: Sequence[Report], now: float) -> str:
    """The scrubs of all nodes that told theirs, in one line."""
    if not reports:
        return "scrub: no node told"
    oldest = min(report["finished_at"] for report in reports)
    running = [report for report in reports if report["state"] == "running"]
    words = [f"scrub: last full round of all nodes {_ago(oldest, now)}", _found(reports)]
    if running:
        slowest = min(running, key=lambda report: float(report["progress"]))
        left = max(report["eta_seconds"] for report in running)
        words.append(f"{len(running)} running, {slowest['progress']:.0%} done, {span(left)} left")
    return "; ".join(words)


def _found(reports: Sequence[Report]) -> str:
    found, healed, left = (
        sum(report[name] for report in reports) for name in ("found_count", "healed_count", "open_count")
    )
    text = f"{found} damaged {'copy' if found == 1 else 'copies'} found, {healed} healed"
    return f"{text}, {left} NOT healed yet" if left else text


def _doing(report: Report, now: float) -> str:
    if report["state"] == "running":
        read = f"{report['blobs_count']} blobs, {size(report['bytes_count'])} read"
        pace = "running fast" if report["is_fast"] else "running"
        return f"{pace}, {report['progress']:.0%}, {read}, {span(report['eta_seconds'])} left"
    until = span(report["next_at"] / 1000 - now)
    return f"paused, goes on in {until}" if report["state"] == "paused" else f"waiting, next round in {until}"


def _ago(instant_ms: int, now: float) -> str:
    return "never" if instant_ms == 0 else f"{span(now - instant_ms / 1000)} ago"
