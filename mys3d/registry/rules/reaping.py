"""The rule of reaping: what nobody owns is counted off, step by step.        Floor: registry (pure).

Law: a step touches at most 256 blobs and 128 parts, and leaves the rows as true as they were. Only extents and parts of
dead bodies go, and parts that a completed upload did not name.
"""

from collections.abc import Callable
from itertools import islice

import msgspec

from mys3d import limits
from mys3d.errors import Reason, Rejected
from mys3d.model.names import BodyId
from mys3d.registry import references, tables, upload_tables
from mys3d.registry.commands import Reap
from mys3d.registry.moment import Moment
from mys3d.registry.outcomes import Applied, Outcome
from mys3d.registry.records import DeadBody
from mys3d.registry.rules import bodies
from mys3d.registry.transaction import Transaction


def reap(tx: Transaction, at: Moment, command: Reap) -> Outcome:
    dead = tables.dead_body(tx, command.body)
    if dead is not None and dead.cursor == command.cursor:
        if dead.is_parts:
            _reap_parts(tx, at, command.body, dead)
        else:
            _reap_extent(tx, command.body, dead)
        return Applied(at.index)
    if dead is None and upload_tables.leftovers(tx, command.body) == command.cursor:
        _reap_leftovers(tx, at, command.body, command.cursor)
        return Applied(at.index)
    return Rejected(Reason.NO_SUCH_BODY, f"body {command.body} is not dead at {command.cursor}")


def _reap_extent(tx: Transaction, body: BodyId, dead: DeadBody) -> None:
    blobs = tables.extent(tx, body, dead.cursor)
    if blobs is not None:
        references.change(tx, removed=blobs)
        tables.drop_extent(tx, body, dead.cursor)
    following = msgspec.structs.replace(dead, cursor=dead.cursor + 1)
    if tables.extent(tx, body, following.cursor) is None:
        tables.drop_dead_body(tx, body)
    else:
        tables.put_dead_body(tx, body, following)


def _reap_parts(tx: Transaction, at: Moment, body: BodyId, dead: DeadBody) -> None:
    cursor = _take_parts(tx, at, body, dead.cursor, lambda _: True)
    if cursor is None:
        upload_tables.drop_part_table(tx, body)
        tables.drop_dead_body(tx, body)
    else:
        tables.put_dead_body(tx, body, msgspec.structs.replace(dead, cursor=cursor))


def _reap_leftovers(tx: Transaction, at: Moment, body: BodyId, start: int) -> None:
    table = upload_tables.part_table(tx, body)
    assert table is not None, f"body {body} has leftovers, and a table"
    cursor = _take_parts(tx, at, body, start, lambda number: not table.names(number))
    if cursor is None:
        upload_tables.drop_leftovers(tx, body)
    else:
        upload_tables.put_leftovers(tx, body, cursor)


def _take_parts(tx: Transaction, at: Moment, body: BodyId, start: int, is_taken: Callable[[int], bool]) -> int | None:
    """Remove parts from `start` on; return the number to go on from, None at the end."""
    blobs_count = 0
    parts = list(islice(upload_tables.parts(tx, body, start), limits.reap_parts_max + 1))
    for number, part in parts[: limits.reap_parts_max]:
        if not is_taken(number):
            continue
        blobs = references.blobs_of(part.body)
        if blobs_count + len(blobs) > limits.extent_blobs_max:
            return number
        blobs_count += len(blobs)
        references.change(tx, removed=blobs)
        bodies.disown(tx, at, part.body)  # a staged one becomes a dead body of its own
        upload_tables.drop_part(tx, body, number)
    return parts[-1][0] if len(parts) > limits.reap_parts_max else None
