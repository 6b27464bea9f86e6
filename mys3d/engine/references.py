"""Walking the references of many partitions in bounded steps.        Floor: engine. Called by: repair.

Law: a step reads at most `limit` rows from one snapshot, and the cursor it returns continues behind the last of them.
"""

from collections.abc import Callable
from typing import NamedTuple

from mys3d.model.body import BlobRef
from mys3d.model.digest import Digest
from mys3d.model.names import Partition
from mys3d.registry import queries
from mys3d.registry.transaction import Reader


class Cursor(NamedTuple):
    """Where a walk goes on: the partitions left, and the last digest seen of the first one."""

    partitions: tuple[Partition, ...]
    after: Digest | None  # None: the first partition was not begun


def next_references(cursor: Cursor, limit: int) -> Callable[[Reader], tuple[list[BlobRef], Cursor | None]]:
    """Return the query for one step of a walk. The step's cursor is None at the end."""

    def step(reader: Reader) -> tuple[list[BlobRef], Cursor | None]:
        partitions, after = cursor
        found: list[BlobRef] = []
        for position, partition in enumerate(partitions):
            more = queries.referenced(reader, partition, after, limit - len(found))
            found += more
            if len(found) >= limit:
                return found, Cursor(partitions[position:], more[-1].digest)
            after = None
        return found, None

    return step
