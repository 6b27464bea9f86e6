"""What a client says of an object it writes.        Floor: operations. Called by: storing, copying, uploads.

Law: what is said here comes back word for word with every read; what a client may not say is refused before its body
is asked for.
Source: S3 API, PutObject, CopyObject, CreateMultipartUpload; S3 User Guide, "Working with object metadata".
"""

from typing import Annotated, Final

from mys3d import limits
from mys3d.errors import S3Error
from mys3d.model.objects import Content
from mys3d.operations.granting import AclHeaders
from mys3d.s3 import mime, tags
from mys3d.s3.table import Header, Metadata, PrefixHeaders, Uri

# Classes that promise nothing but a price. Archive classes promise a restore, which is not built.
STORAGE_CLASSES: Final = frozenset(
    {"STANDARD", "REDUCED_REDUNDANCY", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER_IR"}
)
REDIRECT: Final = "x-amz-website-redirect-location"


class Described(AclHeaders, frozen=True):
    """What every operation that makes an object asks alike."""

    bucket: Annotated[str, Uri("Bucket")]
    key: Annotated[str, Uri("Key")]
    content_type: Annotated[str | None, Header("Content-Type")] = None
    cache_control: Annotated[str | None, Header("Cache-Control")] = None
    content_disposition: Annotated[str | None, Header("Content-Disposition")] = None
    content_encoding: Annotated[str | None, Header("Content-Encoding")] = None
    content_language: Annotated[str | None, Header("Content-Language")] = None
    expires: Annotated[str | None, Header("Expires")] = None
    website_redirect_location: Annotated[str | None, Header("x-amz-website-redirect-location")] = None
    storage_class: Annotated[str | None, Header("x-amz-storage-class")] = None
    tagging: Annotated[str | None, Header("x-amz-tagging")] = None
    metadata: Annotated[Metadata, PrefixHeaders("x-amz-meta-")] = ()


def content_of(asked: Described) -> Content:
    """Raises S3Error MetadataTooLarge, InvalidStorageClass, InvalidTag, InvalidArgument."""
    size = sum(len(name.encode()) + len(value.encode()) for name, value in asked.metadata)
    if size > limits.metadata_bytes_max:
        raise S3Error("MetadataTooLarge", Size=str(size), MaxSizeAllowed=str(limits.metadata_bytes_max))
    kept = (
        ("cache-control", asked.cache_control),
        ("content-disposition", asked.content_disposition),
        ("content-encoding", _without_framing(asked.content_encoding)),
        ("content-language", asked.content_language),
        ("expires", asked.expires),
        (REDIRECT, asked.website_redirect_location),
    )
    return Content(
        content_type=asked.content_type or mime.guess(asked.key),
        headers=tuple((name, value) for name, value in kept if value),
        metadata=asked.metadata,
        storage_class=storage_class_of(asked),
        tags=tags.from_header(asked.tagging),
    )


def storage_class_of(asked: Described) -> str:
    """Raises S3Error InvalidStorageClass."""
    if asked.storage_class is None:
        return "STANDARD"
    if asked.storage_class not in STORAGE_CLASSES:
        raise S3Error("InvalidStorageClass", StorageClassRequested=asked.storage_class)
    return asked.storage_class


def _without_framing(content_encoding: str | None) -> str:
    """aws-chunked describes the request and not the object: `gzip,aws-chunked` stores gzip."""
    codings = [coding.strip() for coding in (content_encoding or "").split(",")]
    kept = [coding for coding in codings if coding and coding.lower() != "aws-chunked"]
    return ", ".join(kept) if len(kept) < len(codings) else content_encoding or ""
