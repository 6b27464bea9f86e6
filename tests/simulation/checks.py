"""What must be true of the nodes, while they work and when they rest.        Floor: tests. Called by: world.

Law: a checker works from what nodes hold; it knows nothing of how they got there. The laws of the write path are
looked at when they could break: at each commit that is applied first, and whenever a node forgets a blob.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mys3d import limits
from mys3d.model import digest as digests
from mys3d.model.body import InlineBlobs
from mys3d.model.digest import Digest
from mys3d.model.names import Partition
from mys3d.placement import write_quorum
from mys3d.ports import AppliedEntry
from mys3d.registry import queries
from mys3d.registry.commands import PutObject, StageExtent
from mys3d.registry.outcomes import Applied
from mys3d.registry.transaction import Reader

if TYPE_CHECKING:
    from tests.simulation.node import SimulatedNode


def different_registries(seen: Iterable[tuple[str, int, int]]) -> list[str]:
    """`seen` holds (node, applied index, fingerprint of the rows): equal indexes must have equal fingerprints."""
    first: dict[int, tuple[str, int]] = {}
    problems = []
    for node, index, fingerprint in seen:
        other = first.setdefault(index, (node, fingerprint))
        if other[1] != fingerprint:
            problems.append(f"{node} and {other[0]} differ at applied index {index}")
    return problems


@dataclass
class Laws:
    """Watches all nodes. `durable` is what each node ever synced and did not forget; what faults destroyed counts."""

    nodes: Sequence["SimulatedNode"]
    problems: list[str]
    durable: dict[str, set[Digest]] = field(default_factory=dict)
    rotten: dict[str, set[Digest]] = field(default_factory=dict)  # copies that a fault damaged, until written anew
    checked_index: int = 0  # commits up to here were looked at

    def synced(self, node: str, digests: Iterable[Digest]) -> None:
        self.durable.setdefault(node, set()).update(digests)
        self.rotten.setdefault(node, set()).difference_update(digests)

    def watch(self, node: "SimulatedNode") -> None:
        """Watch a node that has just started. What it forgot shortly before a crash may have come back, whole."""
        blobs = node.node.blobs
        stored = [ref.digest for number in range(limits.partitions_count) for ref in blobs.stored(Partition(number))]
        self.durable.setdefault(node.id, set()).update(digest for digest in stored if blobs.holds(digest))
        node.node.consensus.subscribe(lambda entries: self._on_applied(node, entries))

    def _on_applied(self, node: "SimulatedNode", entries: Sequence[AppliedEntry]) -> None:
        for entry in entries:
            if entry.index > self.checked_index:
                self.checked_index = entry.index
                self._blobs_before_commit(node, entry)

    def _blobs_before_commit(self, node: "SimulatedNode", entry: AppliedEntry) -> None:
        if not isinstance(entry.outcome, Applied) or entry.outcome.index != entry.index:
            return  # refused, or a proposal that came twice: it is told what became of it the first time
        layout = queries.layout(node.rows())
        for digest in _named(entry):
            homes = layout.homes(digests.partition_of(digest))
            copies = self._copies(digest)
            if copies < write_quorum(len(homes)):
                self.note(f"entry {entry.index} names blob {digest.hex()[:8]}, which {copies} nodes hold durably")

    def forgot(self, node: "SimulatedNode", digest: Digest) -> None:
        """References first, blobs last; an old home keeps its copy until the new ones hold the blob.

        A node that lags may forget what was put again meanwhile without asking it: a quorum of copies is elsewhere.
        """
        if node.node is None or node.node.blobs.holds(digest):
            return  # another directory of this node has it
        self.durable.get(node.id, set()).discard(digest)
        self.rotten.get(node.id, set()).discard(digest)
        reader = self.newest_rows()
        if queries.references_count(reader, digest) == 0:
            return
        layout, partition = queries.layout(reader), digests.partition_of(digest)
        copies = self._copies(digest)
        if copies < write_quorum(len(layout.homes(partition))):
            self.note(f"{node.id[:4]} forgot blob {digest.hex()[:8]}, which is referenced and on {copies} nodes now")
        if queries.references_count(node.rows(), digest) == 0:
            return
        if node.id in layout.readable(partition):
            self.note(f"{node.id[:4]} forgot blob {digest.hex()[:8]}, which is referenced and has its home there")
        for home in layout.base[partition]:  # a transition that has begun: those it begins from keep their copies
            if digest not in self.durable.get(home, set()):
                self.note(f"{node.id[:4]} forgot blob {digest.hex()[:8]}, which its home {home[:4]} does not hold yet")

    def _copies(self, digest: Digest) -> int:
        """How many nodes hold a blob durably. An index that was built anew may have found what was forgotten before."""
        serving = {node.id for node in self.nodes if node.node is not None and node.node.blobs.holds(digest)}
        return len(serving | {node for node, held in self.durable.items() if digest in held})

    def newest_rows(self) -> Reader:
        """The rows of the node that has applied most."""
        newest = max((each for each in self.nodes if each.node is not None), key=lambda each: each.applied())
        return newest.rows()

    def has_sound_copy(self, digest: Digest, besides: "SimulatedNode") -> bool:
        """True when another node that is up holds the blob, and no fault has damaged that copy."""
        return any(
            digest not in self.rotten.get(node.id, set()) and node.node.blobs.holds(digest)
            for node in self.nodes
            if node is not besides and node.node is not None
        )

    def note(self, problem: str) -> None:
        if len(self.problems) < 20:
            self.problems.append(problem)


def _named(entry: AppliedEntry) -> list[Digest]:
    """The blobs that an entry names for the first time."""
    command = entry.command
    if isinstance(command, StageExtent):
        return [blob.digest for blob in command.blobs]
    if isinstance(command, PutObject) and isinstance(command.body, InlineBlobs):
        return [blob.digest for blob in command.body.blobs]
    return []


def leaks(node: "SimulatedNode") -> list[str]:
    """What a node at rest must have given back."""
    product, services = node.node, node.services
    found = {
        "bytes of the buffer budget are taken": services.budget._capacity - services.budget.free_bytes,
        "proposals wait": len(product.consensus.proposer._slots),
        "barriers wait": len(product.consensus.read_index._waiting),
        "waits for an index": len(product.consensus.applier._waiting),
        "blobs are missing": product.missing.blobs_missing,
        "commands are queued": len(product.consensus.raft._queue),
        "requests run": len(node.requests),
    }
    return [f"{node.id[:4]} at rest: {count} {what}" for what, count in found.items() if count]
