"""How many bodies name each blob.        Floor: registry (pure). Called by: rules.

Law: counts are derived here from lists of blobs (inline bodies and extents) that appear and vanish, never sent by
anyone; a row exists only while the count is above 0. A blob that leaves one list and enters another in one command
never passes through 0.
"""

from collections.abc import Sequence

from mys3d.model.body import BlobRef, Body, InlineBlobs
from mys3d.registry import tables
from mys3d.registry.transaction import Transaction


def change(tx: Transaction, removed: Sequence[BlobRef] = (), added: Sequence[BlobRef] = ()) -> None:
    """Count the blobs of one list less and of another one more."""
    changes: dict[bytes, tuple[BlobRef, int]] = {}
    for blobs, step in ((removed, -1), (added, 1)):
        for blob in blobs:
            changes[blob.digest] = (blob, changes.get(blob.digest, (blob, 0))[1] + step)
    for blob, step in changes.values():
        if step:
            _count(tx, blob, step)


def blobs_of(body: Body | None) -> tuple[BlobRef, ...]:
    """The blobs a row itself names; those of a staged body are named by its extents."""
    return body.blobs if isinstance(body, InlineBlobs) else ()


def _count(tx: Transaction, blob: BlobRef, step: int) -> None:
    found = tables.reference(tx, blob.digest)
    count = (0 if found is None else found.count) + step
    assert count >= 0, f"blob {blob.digest.hex()}: expected references for each body, found {count}"
    if count == 0:
        tables.drop_reference(tx, blob.digest)
    else:
        tables.put_reference(tx, blob, count)
