"""Rules of bodies that have rows of their own: stage, own, share, give up.        Floor: registry (pure).

Law: a body is unfinished, or owned by at least one version or part, or dead. A blob is counted for each extent that
names it, from the command that stages the extent to the one that reaps it (rules/reaping.py).
"""

import msgspec

from mys3d import limits
from mys3d.errors import Reason, Rejected
from mys3d.model.body import Body, PartsBody, StagedBody
from mys3d.model.names import BodyId, Epoch, GcEpoch
from mys3d.model.objects import Version
from mys3d.registry import references, tables, upload_tables
from mys3d.registry.codec import FORMAT
from mys3d.registry.commands import AbandonBody, PutObject, StageExtent
from mys3d.registry.moment import Moment
from mys3d.registry.outcomes import Applied, BodyStaged, Outcome
from mys3d.registry.records import BodyRow, DeadBody
from mys3d.registry.transaction import Transaction
from mys3d.registry.upload_commands import PutPart


def stage(tx: Transaction, at: Moment, command: StageExtent) -> Outcome:
    refusal = refusal_of_epochs(tx, command.layout_epoch, command.gc_epoch)
    if refusal is not None:
        return refusal
    body, found = _being_staged(tx, at, command.body)
    if found is None:
        return Rejected(Reason.NO_SUCH_BODY, f"body {body} is not being staged")
    if command.sequence != found.extents_count:
        return Rejected(Reason.INVALID_COMMAND, f"expected sequence {found.extents_count}, found {command.sequence}")
    grown = BodyRow(
        FORMAT,
        owners_count=0,
        blobs_count=found.blobs_count + len(command.blobs),
        extents_count=found.extents_count + 1,
        size=found.size + sum(blob.length for blob in command.blobs),
    )
    tables.put_body(tx, body, grown)
    tables.put_extent(tx, body, command.sequence, command.blobs)
    tables.put_unfinished(tx, body, command.expires_at)
    references.change(tx, added=command.blobs)
    return Applied(at.index, BodyStaged(body))


def abandon(tx: Transaction, at: Moment, command: AbandonBody) -> Outcome:
    unfinished = tables.unfinished(tx, command.body)
    if unfinished is None:
        return Rejected(Reason.NO_SUCH_BODY, f"body {command.body} is not being staged")
    if command.is_expired and at.now < unfinished.expires_at:
        return Rejected(Reason.NO_SUCH_BODY, f"body {command.body} has not expired")
    tables.drop_unfinished(tx, command.body)
    bury(tx, at, command.body)
    return Applied(at.index)


def claim(tx: Transaction, command: PutObject | PutPart) -> Rejected | None:
    """Take the body of a version or part that is about to appear. The refusal, when it cannot be.

    Staged blobs are counted since they were staged: epochs matter for blobs that nothing names yet.
    """
    if isinstance(command.body, StagedBody):
        return own(tx, command.body, command.size)
    return refusal_of_epochs(tx, command.layout_epoch, command.gc_epoch)


def own(tx: Transaction, body: StagedBody, size: int) -> Rejected | None:
    """Give an unfinished body to a version or part that is about to appear. The refusal, when it cannot be."""
    if tables.unfinished(tx, body.body) is None:
        return Rejected(Reason.NO_SUCH_BODY, f"body {body.body} is not being staged")
    found = tables.body(tx, body.body)
    assert found is not None, f"unfinished body {body.body} has its row"
    if (found.blobs_count, found.size) != (body.blobs_count, size):
        staged = f"{found.blobs_count} blobs of {found.size} bytes"
        return Rejected(Reason.INVALID_COMMAND, f"{staged} are staged, found {body.blobs_count} of {size}")
    tables.put_body(tx, body.body, msgspec.structs.replace(found, owners_count=1))
    tables.drop_unfinished(tx, body.body)
    return None


def share(tx: Transaction, body: Body) -> None:
    """Another version is about to name the body of a visible one. Inline blobs are counted when it appears."""
    if not isinstance(body, StagedBody | PartsBody):
        return
    found = tables.body(tx, body.body)
    assert found is not None and found.owners_count > 0, f"body {body.body}: expected an owner, found {found}"
    tables.put_body(tx, body.body, msgspec.structs.replace(found, owners_count=found.owners_count + 1))


def disown(tx: Transaction, at: Moment, body: Body | None) -> None:
    """A version or part that named `body` vanishes. The last owner leaves it dead."""
    if not isinstance(body, StagedBody | PartsBody):
        return
    found = tables.body(tx, body.body)
    assert found is not None and found.owners_count > 0, f"body {body.body}: expected an owner, found {found}"
    if found.owners_count > 1:
        fewer = msgspec.structs.replace(found, owners_count=found.owners_count - 1)
        tables.put_body(tx, body.body, fewer)
    else:
        bury(tx, at, body.body, is_parts=isinstance(body, PartsBody))


class Room:
    """The rows that one removal of many versions may touch: what does not fit becomes a dead body of its own."""

    def __init__(self, versions_count: int, rows_each: int = 1) -> None:
        """`rows_each`: how many rows a removal touches beside those of the body."""
        worst = versions_count * (rows_each + limits.body_rows_max)
        self._left = max(0, limits.command_rows_max - limits.inline_blobs_max - worst)

    def forget(self, tx: Transaction, at: Moment, version: Version) -> None:
        """Take back what a version counts, now or, when that is too many rows, by later reaping."""
        disown(tx, at, version.body)
        blobs = references.blobs_of(version.body)
        beyond = max(0, len(blobs) - limits.body_rows_max)
        if beyond <= self._left:
            self._left -= beyond
            references.change(tx, removed=blobs)
            return
        body = BodyId(version.id)  # a log index as well, and no body was created by that entry
        tables.put_extent(tx, body, 0, blobs)
        tables.put_dead_body(tx, body, DeadBody(FORMAT, 0, at.now))


def refusal_of_epochs(tx: Transaction, layout_epoch: Epoch, gc_epoch: GcEpoch) -> Rejected | None:
    """Blobs that nothing names yet are named only under epochs in which they cannot have been removed."""
    if not tables.accepts(tx, layout_epoch):
        return Rejected(Reason.LAYOUT_EPOCH_OLD, f"epoch {layout_epoch}")
    if gc_epoch < tables.gc_epoch(tx) - 1:
        return Rejected(Reason.GC_EPOCH_OLD, f"epoch {gc_epoch}")
    return None


def bury(tx: Transaction, at: Moment, body: BodyId, *, is_parts: bool = False) -> None:
    """From here on the body is dead and nothing else. What it left over is reaped with the rest."""
    tables.drop_body(tx, body)
    if is_parts:
        upload_tables.drop_leftovers(tx, body)
    tables.put_dead_body(tx, body, DeadBody(FORMAT, 0, at.now, is_parts))


def _being_staged(tx: Transaction, at: Moment, body: BodyId | None) -> tuple[BodyId, BodyRow | None]:
    if body is None:
        return BodyId(at.index), BodyRow(FORMAT, 0, 0, 0, 0)
    return body, tables.body(tx, body) if tables.unfinished(tx, body) is not None else None
