"""What `mys3d status` shows a person.        Floor: top (pure). Called by: status.

Law: colour is never the only sign; every number carries its unit.
"""

import time
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from mys3d.cli.scrub_text import summary
from mys3d.cli.units import size

_MARKS = {"healthy": ("●", "green"), "degraded": ("▲", "yellow"), "unavailable": ("✗", "red")}


def status_view(status: dict[str, Any]) -> RenderableType:
    """Return the headline, one row per node, and the lines about troubles, garbage, copies and scrubs."""
    nodes = sorted(status["nodes"], key=lambda node: (len(node["name"]), node["name"]))
    lines = (*map(Text, _troubles(nodes)), _garbage(status["garbage"]), _copies(status), _scrubs(nodes))
    return Group(_headline(status), _table(nodes), *lines)


def _headline(status: dict[str, Any]) -> Text:
    mark, colour = _MARKS.get(status["health"], ("?", "red"))
    writable = "yes" if status["writable"] else "no"
    text = Text(f"cluster {status['cluster']['id'][:8]}  ")
    text.append(f"{mark} {status['health']}", colour)
    return text.append(f"   writable: {writable}   {status['sentence']}")


def _table(nodes: list[dict[str, Any]]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("NODE", "ZONE", "STATE", "RAFT"):
        table.add_column(title, no_wrap=True)
    for title in ("TERM", "APPLIED", "LAG", "DISK FREE", "BLOBS", "MISSING"):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("S3", no_wrap=True)
    for node in nodes:
        table.add_row(*_row(node))
    return table


def _row(node: dict[str, Any]) -> list[str]:
    state = node["state"] if node["reachable"] else f"{node['state']}, not reachable"
    state += ", rows differ" if node.get("rows_differ") else ""
    role = "leader ★" if node["role"] == "leader" else str(node["role"])
    if not node["reachable"]:
        role = "learner" if node["role"] == "learner" else "follower"  # nobody leads unheard
        return [node["name"], node["zone"], state, role, *["-"] * 6, node["s3"]]
    disk = node["disk"]
    free = f"{size(disk['free_bytes'])} of {size(disk['size_bytes'])}"
    numbers = [node["term"], node["applied_index"], node["lag"], free, disk["blobs_count"], node["blobs_missing"]]
    return [node["name"], node["zone"], state, role, *(_cell(number) for number in numbers), node["s3"]]


def _troubles(nodes: list[dict[str, Any]]) -> list[str]:
    """One line for each directory that is not as it should be."""
    lines = []
    for node in nodes:
        for directory in (node["disk"] or {}).get("directories", []):
            lines += [f"{node['name']}  {directory['path']}: {trouble}" for trouble in _troubles_of(directory)]
    return lines


def _troubles_of(directory: dict[str, Any]) -> list[str]:
    troubles = []
    if directory["offline"]:
        troubles.append(f"offline: {directory['offline']}")
    elif not directory["is_writable"]:
        troubles.append(f"full: {size(directory['free_bytes'])} free, nothing is written until there is more")
    if directory["damages_count"]:
        troubles.append(f"{directory['damages_count']} blobs found damaged since its start")
    if directory["unreadable_volumes_count"]:
        troubles.append(f"{directory['unreadable_volumes_count']} volumes cannot be read and are kept for a rescue")
    return troubles


def _cell(number: object) -> str:
    return "-" if number is None else str(number)


def _copies(status: dict[str, Any]) -> Text:
    copies, layout = status["copies"], status["layout"]
    target = copies["target"]
    text = f"{target} {'copy' if target == 1 else 'copies'} of every blob wanted, {copies['missing_blobs']} missing"
    return Text(f"{text}; layout {layout['epoch']}{', moving' if layout['in_transition'] else ''}")


def _scrubs(nodes: list[dict[str, Any]]) -> Text:
    reports = [node["scrub"] for node in nodes if node.get("scrub") is not None]
    return Text(summary(reports, time.time()))


def _garbage(garbage: dict[str, Any]) -> Text:
    ago = garbage["walked_ago_seconds"]
    told = "not looked at by all nodes yet" if ago is None else f"looked at within {ago} s"
    return Text(f"garbage: {garbage['blobs_count']} blobs, {size(garbage['bytes_count'])}, {told}")
