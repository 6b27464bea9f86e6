"""Commands that change what something is called, or what is said of it.        Floor: registry (pure).

Called by: commands, whose law holds here too. No byte of an object is named by any of these.
"""

import msgspec

from mys3d.model.cors import CorsRule
from mys3d.model.names import BucketId, ObjectKey, VersionId


class RenameObject(msgspec.Struct, frozen=True, array_like=True, tag="mv"):
    """Give the visible version of a key another key, with its date: the same body appears there and vanishes here.

    What becomes of the version in its place, and what is left behind, follows from the bucket's versioning. Refused:
    NO_SUCH_BUCKET, SOURCE_CHANGED (one of the two keys has another visible version than the proposer saw).
    """

    bucket: BucketId
    key: ObjectKey
    source_key: ObjectKey
    source_version: VersionId
    replaced: VersionId | None  # the visible version of `key`; None: there is none


class TagVersion(msgspec.Struct, frozen=True, array_like=True, tag="tagv"):
    """Put these tags, sorted by key, in the place of those a version has; it stays the same version.

    Refused: NO_SUCH_BUCKET, NO_SUCH_KEY, NO_SUCH_VERSION.
    """

    bucket: BucketId
    key: ObjectKey
    version: VersionId | None  # None: the visible one; NULL_VERSION: the null version
    tags: tuple[tuple[str, str], ...]


class TagBucket(msgspec.Struct, frozen=True, array_like=True, tag="tagb"):
    """Put these tags, sorted by key, in the place of those a bucket has. Refused: NO_SUCH_BUCKET."""

    bucket: BucketId
    tags: tuple[tuple[str, str], ...]


class SetCors(msgspec.Struct, frozen=True, array_like=True, tag="cors"):
    """Put these rules in the place of those a bucket has; none: it has none any more. Refused: NO_SUCH_BUCKET."""

    bucket: BucketId
    rules: tuple[CorsRule, ...]


Amendment = RenameObject | TagVersion | TagBucket | SetCors
