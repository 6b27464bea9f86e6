"""`mys3d scrub`: have every blob read again, and see what was found.        Floor: top. Called by: root."""

import json
import time
from typing import Any

import click

from mys3d.cli import admin_client
from mys3d.cli.configuration import data_directory
from mys3d.cli.failure import Exit
from mys3d.cli.status_table import size


@click.command()
@click.argument("action", type=click.Choice(["start", "status", "pause", "resume"]), default="status")
@click.option("--node", metavar="NAME", help="Of this node only [every node].")
@click.option("--data", metavar="DIR", help="The node's directory [MYS3D_DATA, ./mys3d-data].")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def scrub(context: click.Context, action: str, node: str | None, data: str | None, as_json: bool) -> None:
    """Read every blob again and compare it with its name; what has rotted is replaced by a sound copy.

    A round begins by itself every 14 days, slowly; START begins one at once, and fast. PAUSE ends after a day.
    Exit code 8: a node did not answer, or a damaged copy is not replaced yet.
    """
    answers = admin_client.ask_any(data_directory(data), "POST", "/scrub", {"action": action, "node": node})
    if as_json:
        click.echo(json.dumps({"nodes": answers}))
    else:
        for answer in answers:
            click.echo(f"{answer['name']}  {sentence(answer, time.time())}")
    is_well = all(answer["report"] is not None and answer["report"]["open_count"] == 0 for answer in answers)
    context.exit(Exit.OK if is_well else Exit.DEGRADED)


def sentence(answer: dict[str, Any], now: float) -> str:
    """What the scrub of one node does, and what it has found; `now` in seconds since 1970."""
    report = answer["report"]
    if report is None:
        return f"did not answer: {answer['error']}"
    words = [_doing(report, now)]
    words.append(f"last full round {ago(report['finished_at'], now)}")
    words.append(f"{report['found_count']} damaged copies found, {report['healed_count']} healed")
    if report["open_count"]:
        words.append(f"{report['open_count']} NOT healed yet")
    return "; ".join(words)


def _doing(report: dict[str, Any], now: float) -> str:
    if report["state"] == "running":
        read = f"{report['blobs_count']} blobs, {size(report['bytes_count'])} read"
        pace = "running fast" if report["is_fast"] else "running"
        return f"{pace}, {report['progress']:.0%}, {read}, {_span(report['eta_seconds'])} left"
    until = _span(max(0.0, report["next_at"] / 1000 - now))
    return f"paused, goes on in {until}" if report["state"] == "paused" else f"waiting, next round in {until}"


def ago(instant_ms: int, now: float) -> str:
    return "never" if instant_ms == 0 else f"{_span(max(0.0, now - instant_ms / 1000))} ago"


def _span(seconds: float) -> str:
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"
