"""Long lists of removals, cut into commands.        Floor: operations. Called by: removing.

Law: a command stays within its bytes, its keys and its rows, whatever is listed; the order is that of the request.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from mys3d import limits
from mys3d.model.body import InlineBlobs
from mys3d.model.buckets import Bucket, Versioning
from mys3d.model.names import ObjectKey
from mys3d.registry import queries
from mys3d.registry.commands import Wanted
from mys3d.registry.transaction import Reader
from mys3d.s3 import version_ids

_ENTRY_BYTES: Final = 64  # numbers and frames of one key in a command, at most
PLAINLY: Final = Wanted()  # the visible version, on no condition


@dataclass(frozen=True, slots=True)
class Removal:
    """One key that is to go, or one version of it."""

    key: ObjectKey
    wanted: Wanted = PLAINLY

    @property
    def named(self) -> str | None:
        """The version as the client named it. None: it named none."""
        return None if self.wanted.version is None else version_ids.text_of(self.wanted.version)


def rows_of(reader: Reader, bucket: Bucket, removals: Sequence[Removal]) -> list[int]:
    """How many rows each removal will touch: those that hold its versions, and one for each blob."""
    own = 1 if bucket.versioning is Versioning.NEVER else limits.version_rows_max
    return [own + _blobs_count(reader, bucket, removal) for removal in removals]


def _blobs_count(reader: Reader, bucket: Bucket, removal: Removal) -> int:
    version = removal.wanted.version
    if version is None:
        found = queries.live(reader, bucket.id, removal.key)
    else:
        found = queries.version(reader, bucket.id, removal.key, version)
    return len(found.body.blobs) if found is not None and isinstance(found.body, InlineBlobs) else 0


def batches(
    removals: Sequence[Removal], rows_counts: Sequence[int], versioning: Versioning
) -> Iterator[Sequence[Removal]]:
    """Cut removals so that each command stays within its bounds. A key whose marker is to be made twice is cut as well:
    a command makes one marker of a key."""
    keys_max = limits.delete_keys_max_at_once if versioning is Versioning.NEVER else limits.delete_versions_max
    start = size = rows = 0
    marked: dict[ObjectKey, None] = {}
    for at, removal in enumerate(removals):
        length = _size(removal)
        is_full = size + length > limits.delete_command_bytes_max or at - start >= keys_max
        is_full = is_full or rows + rows_counts[at] > limits.delete_command_rows_max or removal.key in marked
        if at > start and is_full:
            yield removals[start:at]
            start, size, rows, marked = at, 0, 0, {}
        size += length
        rows += rows_counts[at]
        if removal.wanted.version is None and versioning is not Versioning.NEVER:
            marked[removal.key] = None
    if start < len(removals):
        yield removals[start:]


def _size(removal: Removal) -> int:
    """Bytes in a command."""
    plain = len(removal.key.encode())
    if removal.wanted == PLAINLY:
        return plain
    return plain + len(removal.wanted.precondition.if_match.encode()) + _ENTRY_BYTES
