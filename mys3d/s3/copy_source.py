"""Which object a copy is made from: the value of x-amz-copy-source.        Floor: s3 (pure). Called by: operations.

Law: the value is percent-decoded once, after its version was split off, so that a key may hold "?versionId=" itself.
Source: S3 API, CopyObject and UploadPartCopy, x-amz-copy-source.
"""

from dataclasses import dataclass
from typing import Final

from mys3d.errors import S3Error
from mys3d.s3 import uri

_VERSION: Final = "?versionId="


@dataclass(frozen=True, slots=True)
class CopySource:
    """An object in words. Nothing of it has been looked up."""

    bucket: str
    key: str
    version_id: str | None  # None: the current version; "null": the null version


def parse(header: str) -> CopySource:
    """Read `/bucket/key?versionId=id`; the first "/" may be missing. Raises S3Error InvalidArgument."""
    path, mark, version_id = header.partition(_VERSION)
    try:
        bucket, _, key = uri.decode_text(path.encode()).removeprefix("/").partition("/")
        version = uri.decode_text(version_id.encode()) if mark else None
    except S3Error as error:
        raise _refused(header, "Copy Source is not percent-encoded UTF-8.") from error
    if not bucket or not key:
        raise _refused(header, "Copy Source must mention the source bucket and key: sourcebucket/sourcekey")
    return CopySource(bucket, key, version)


def _refused(header: str, why: str) -> S3Error:
    return S3Error("InvalidArgument", why, ArgumentName="x-amz-copy-source", ArgumentValue=header)
