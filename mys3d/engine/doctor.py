"""A running node and its cluster, looked over.        Floor: engine. Called by: node (for the admin API).

Law: the rows are looked at as they are at one moment, in a thread, while everything goes on; the nodes are compared at
one log index a stretch.
"""

import msgspec

from mys3d.engine.comparison import Comparison, Finding
from mys3d.engine.repair import MissingCopies
from mys3d.model.names import NodeId
from mys3d.ports import Ports
from mys3d.registry import invariants, queries


class Examine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Nothing is asked for but the look itself."""


class Report(msgspec.Struct, frozen=True):
    """What is wrong, a sentence each; empty: nothing was found."""

    sentences: tuple[str, ...]
    rows_compared: int


async def examine(ports: Ports, missing: MissingCopies) -> Report:
    """Read all rows of this node from its disk, check them and compare those of all.

    Raises Unavailable (of damaged rows as well: this node then makes them anew), OutcomeUnknown.
    """
    await ports.registry.prove()
    found = await ports.registry.scan(invariants.violations)
    findings = await Comparison(ports).compare_all()
    names = {member.id: member.name for member in queries.members(ports.registry.view())}
    sentences = [*found, *_differences(findings, names)]
    if missing.blobs_missing:
        sentences.append(f"{missing.blobs_missing} copies that this node should hold are being restored")
    return Report(tuple(sentences), sum(finding.rows_count for finding in findings))


def _differences(findings: list[Finding], names: dict[NodeId, str]) -> list[str]:
    silent = {node for finding in findings for node in finding.silent}
    differing = {node for finding in findings for node in finding.differing}
    is_decided = all(finding.digest is not None for finding in findings if finding.differing)
    told = [f"{names[node]} did not name its rows in time: it was not compared" for node in sorted(silent)]
    what = "it makes them anew" if is_decided else "no majority agrees, so nothing was done"
    return told + [f"the registry of {names[node]} is not that of most nodes: {what}" for node in sorted(differing)]
