"""Which rows an entry will look up.        Floor: registry (pure). Called by: consensus.

Law: a hint. A row too many costs a lookup and a row too few one as well; nothing else depends on it, so that a proposal
which says nonsense may name none.
"""

from collections.abc import Sequence

from mys3d import limits
from mys3d.model.body import InlineBlobs
from mys3d.model.names import LogIndex
from mys3d.registry import keys
from mys3d.registry.codec import decode_proposal
from mys3d.registry.commands import Command, DeleteObject, DeleteObjects, PutObject
from mys3d.registry.upload_commands import PutPart


def rows_of(index: LogIndex, payload: bytes) -> Sequence[bytes]:
    """The keys of rows that differ from entry to entry and are looked up whatever becomes of the command."""
    try:
        proposal = decode_proposal(payload)
        found = [keys.outcome(proposal.operation), keys.outcomes_at(index), *_rows_of(proposal.command)]
    except (ValueError, OverflowError):  # no proposal, or a number that has no place in a key
        return ()
    old = index - limits.operation_lifetime_entries
    if old > 0:
        found.append(keys.outcomes_at(LogIndex(old)))
    return found


def _rows_of(command: Command) -> list[bytes]:
    match command:
        case PutObject(bucket=bucket, key=key, body=InlineBlobs(blobs=blobs)):
            return [keys.live(bucket, key), *(keys.reference(blob.digest) for blob in blobs)]
        case PutObject(bucket=bucket, key=key) | DeleteObject(bucket=bucket, key=key):
            return [keys.live(bucket, key)]
        case DeleteObjects(bucket=bucket, keys=names):
            return [keys.live(bucket, name) for name in names]
        case PutPart(body=InlineBlobs(blobs=blobs)):
            return [keys.reference(blob.digest) for blob in blobs]
        case _:
            return []
