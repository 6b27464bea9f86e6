"""What a version's bytes are made of.        Floor: model (pure). Called by: registry, engine, s3, operations.

Law: a body is an ordered list of blobs, each of at most 4 MiB and named by its digest; it never changes.
The union is tagged, so that later kinds (bytes kept in the row itself) join without touching stored rows.
"""

import msgspec

from mys3d.model.digest import Digest
from mys3d.model.names import BodyId


class BlobRef(msgspec.Struct, frozen=True, array_like=True):
    """One blob of a body: its name and its length in bytes (1..4 MiB)."""

    digest: Digest
    length: int


class InlineBlobs(msgspec.Struct, frozen=True, array_like=True, tag="i"):
    """At most 32 blobs, kept in the version row itself. Empty for an empty object."""

    blobs: tuple[BlobRef, ...]


class StagedBody(msgspec.Struct, frozen=True, array_like=True, tag="s"):
    """Blobs kept in extent rows `(body, part, sequence)`, for bodies of more than 32 blobs."""

    body: BodyId
    blobs_count: int


class PartsBody(msgspec.Struct, frozen=True, array_like=True, tag="p"):
    """The parts of a completed upload, by the table of body `body`, which has the number of the upload."""

    body: BodyId
    parts_count: int  # 1 to 10,000


SimpleBody = InlineBlobs | StagedBody  # what one PUT, or one part, may have
Body = InlineBlobs | StagedBody | PartsBody
