"""Lists of open uploads as S3 cuts them into pages.        Floor: registry (pure). Called by: operations.

Law: uploads are told by key, those of one key by age; a page reads one row for each entry and one more; a common prefix
costs one seek, however many uploads it hides. Source: S3 API, ListMultipartUploads.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from mys3d.model.names import BucketId, ObjectKey, UploadId
from mys3d.model.uploads import Upload
from mys3d.registry import keys, upload_tables
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
    start, stop = keys.uploads(bucket, prefix)
    if after.key:
        start = max(start, _behind(bucket, prefix, delimiter, after))
    while start < stop:
        following = stop
        for row_key, row in reader.scan(start, stop):
            _, key, upload_id = keys.upload_place(row_key)
            common = _common_prefix(key, prefix, delimiter)
            if common:
                yield common
                following = keys.uploads(bucket, common)[1]
                break
            yield UploadEntry(ObjectKey(key), upload_id, upload_tables.decode_upload(row))
        start = following


def _behind(bucket: BucketId, prefix: str, delimiter: str, after: Marker) -> bytes:
    if after.upload is not None:
        return keys.upload(bucket, after.key, after.upload) + b"\x00"
    if after.key.startswith(prefix) and _common_prefix(after.key, prefix, delimiter) == after.key:
        return keys.uploads(bucket, after.key)[1]
    return keys.uploads_of(bucket, after.key)[1]


def _common_prefix(key: str, prefix: str, delimiter: str) -> str:
    """The beginning of `key` up to the first delimiter behind the list's prefix; empty: there is none."""
    found = key.find(delimiter, len(prefix)) if delimiter else -1
    return key[: found + len(delimiter)] if found >= 0 else ""
