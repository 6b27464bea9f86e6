"""Lists of open uploads as S3 cuts them into pages.        Floor: registry (pure). Called by: operations.

Law: uploads are told by key, those of one key by age; a page reads one row for each entry and one more; a common prefix
costs one seek, however many uploads it hides. Source: S3 API, ListMultipartUploads.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from mys3d.model.names import BucketId, ObjectKey, UploadId
from mys3d.model.uploads import Upload
from mys3d.registry import keys, upload_tables
from mys3d.registry.listing import Fold
from mys3d.registry.transaction import Reader


@dataclass(frozen=True, slots=True)
class Marker:
    """Where a page begins: behind all uploads to `key`, or only behind `upload` of them. An empty key: at the start."""

    key: str = ""
    upload: UploadId | None = None  # None: behind all of the key


@dataclass(frozen=True, slots=True)
class UploadEntry:
    """One open upload of a list."""

    key: ObjectKey
    id: UploadId
    record: Upload


@dataclass(frozen=True, slots=True)
class UploadPage:
    """Uploads and common prefixes, each in order. `following` None: this is the last page."""

    entries: tuple[UploadEntry, ...]
    common_prefixes: tuple[str, ...]
    following: Marker | None


def list_uploads(
    reader: Reader, bucket: BucketId, prefix: str, delimiter: str, after: Marker, limit: int
) -> UploadPage:
    """At most `limit` uploads and common prefixes together, to keys that start with `prefix`, behind `after`."""
    entries: list[UploadEntry] = []
    prefixes: list[str] = []
    last = Marker()
    for found in _walk(reader, bucket, prefix, delimiter, after) if limit > 0 else ():
        if len(entries) + len(prefixes) == limit:
            return UploadPage(tuple(entries), tuple(prefixes), last)
        if isinstance(found, str):
            prefixes.append(found)
            last = Marker(found)
        else:
            entries.append(found)
            last = Marker(found.key, found.id)
    return UploadPage(tuple(entries), tuple(prefixes), None)


def _walk(reader: Reader, bucket: BucketId, prefix: str, delimiter: str, after: Marker) -> Iterator[UploadEntry | str]:
    """Uploads, and common prefixes as texts, in order."""
    fold = Fold(bucket, prefix, delimiter)
    start, stop = fold.stretch(after.key)
    if after.upload is not None:
        start = max(fold.stretch("")[0], keys.upload(bucket, after.key, after.upload)[1:] + b"\x00")
    while start < stop:
        following = stop
        for row_key, row in reader.scan(keys.UPLOADS + start, keys.UPLOADS + stop):
            _, key, upload_id = keys.upload_place(row_key)
            common = fold.common_prefix(key)
            if common:
                yield common
                following = fold.behind(common)
                break
            yield UploadEntry(ObjectKey(key), upload_id, upload_tables.decode_upload(row))
        start = following
