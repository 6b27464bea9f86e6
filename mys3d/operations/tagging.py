"""Tags of buckets and of objects.        Floor: operations. Called by: dispatch.

Law: tags are kept and told, sorted by key; they change nothing of an object but themselves, not even its date.
Source: S3 API, PutBucketTagging, PutObjectTagging and their kin.
"""

from dataclasses import dataclass
from typing import Annotated

import msgspec

from mys3d import limits
from mys3d.errors import Reason, Rejected, S3Error
from mys3d.operations.answers import XML_TYPE
from mys3d.operations.call import Call, bucket_for_write, bucket_now, propose_for
from mys3d.operations.meant import version_headers, version_meant
from mys3d.operations.objects import Headers, object_key
from mys3d.operations.storing import made_headers
from mys3d.registry import amendments
from mys3d.s3 import tags, version_ids, xml
from mys3d.s3.message import Response
from mys3d.s3.schema import Element
from mys3d.s3.table import Query, Uri, XmlBody, operation
from mys3d.s3.tags import TagSet


@dataclass(frozen=True, slots=True)
class Tag:
    key: Annotated[str, Element("Key")]
    value: Annotated[str, Element("Value")]


@dataclass(frozen=True, slots=True)
class Tags:
    tags: Annotated[tuple[Tag, ...], Element("Tag")] = ()


@dataclass(frozen=True, slots=True)
class Tagging:
    tag_set: Annotated[Tags, Element("TagSet")]


def set_of(asked: Tags, tags_max: int) -> TagSet:
    """Raises S3Error InvalidTag."""
    return tags.checked([(tag.key, tag.value) for tag in asked.tags], tags_max)


def _told(found: TagSet) -> bytes:
    rows = [xml.row("Tag", (("Key", key), ("Value", value))) for key, value in found]
    return xml.write_list("Tagging", {}, ["<TagSet>", *rows, "</TagSet>"])


class PutBucketTagging(msgspec.Struct, frozen=True):
    bucket: Annotated[str, Uri("Bucket")]
    tagging: Annotated[Tagging, XmlBody("Tagging", limits.xml_body_bytes_max)]


@operation("PUT", "/{Bucket}?tagging", PutBucketTagging, action="s3:PutBucketTagging")
async def put_bucket_tagging(call: Call, asked: PutBucketTagging) -> Response:
    await _tag_bucket(call, asked.bucket, set_of(asked.tagging.tag_set, limits.bucket_tags_max))
    return Response(204)


class GetBucketTagging(msgspec.Struct, frozen=True):
    bucket: Annotated[str, Uri("Bucket")]


@operation("GET", "/{Bucket}?tagging", GetBucketTagging, action="s3:GetBucketTagging")
async def get_bucket_tagging(call: Call, asked: GetBucketTagging) -> Response:
    await call.services.ports.registry.barrier()
    found = bucket_now(call, asked.bucket).configuration.tags
    if not found:
        raise S3Error("NoSuchTagSet", BucketName=asked.bucket)
    return Response(200, [XML_TYPE], _told(found))


class DeleteBucketTagging(msgspec.Struct, frozen=True):
    bucket: Annotated[str, Uri("Bucket")]


@operation("DELETE", "/{Bucket}?tagging", DeleteBucketTagging, action="s3:PutBucketTagging")
async def delete_bucket_tagging(call: Call, asked: DeleteBucketTagging) -> Response:
    await _tag_bucket(call, asked.bucket, ())
    return Response(204)


async def _tag_bucket(call: Call, name: str, wanted: TagSet) -> None:
    bucket = await bucket_for_write(call, name)
    await propose_for(call, bucket, amendments.TagBucket(bucket.id, wanted))


class PutObjectTagging(msgspec.Struct, frozen=True):
    bucket: Annotated[str, Uri("Bucket")]
    key: Annotated[str, Uri("Key")]
    tagging: Annotated[Tagging, XmlBody("Tagging", limits.xml_body_bytes_max)]
    version_id: Annotated[str | None, Query("versionId")] = None


@operation("PUT", "/{Bucket}/{Key+}?tagging", PutObjectTagging, action="s3:PutObjectTagging")
async def put_object_tagging(call: Call, asked: PutObjectTagging) -> Response:
    return Response(200, await _tag_object(call, asked, set_of(asked.tagging.tag_set, limits.object_tags_max)))


class GetObjectTagging(msgspec.Struct, frozen=True):
    bucket: Annotated[str, Uri("Bucket")]
    key: Annotated[str, Uri("Key")]
    version_id: Annotated[str | None, Query("versionId")] = None


@operation("GET", "/{Bucket}/{Key+}?tagging", GetObjectTagging, action="s3:GetObjectTagging")
async def get_object_tagging(call: Call, asked: GetObjectTagging) -> Response:
    key = object_key(asked.key)
    named = version_ids.parse(asked.version_id)
    registry = call.services.ports.registry
    await registry.barrier()
    bucket = bucket_now(call, asked.bucket)
    version = version_meant(registry.view(), bucket, key, named)
    return Response(200, [XML_TYPE, *version_headers(bucket, version)], _told(version.content.tags))


class DeleteObjectTagging(msgspec.Struct, frozen=True):
    bucket: Annotated[str, Uri("Bucket")]
    key: Annotated[str, Uri("Key")]
    version_id: Annotated[str | None, Query("versionId")] = None


@operation("DELETE", "/{Bucket}/{Key+}?tagging", DeleteObjectTagging, action="s3:DeleteObjectTagging")
async def delete_object_tagging(call: Call, asked: DeleteObjectTagging) -> Response:
    return Response(204, await _tag_object(call, asked, ()))


async def _tag_object(call: Call, asked: PutObjectTagging | DeleteObjectTagging, wanted: TagSet) -> Headers:
    """Return the headers that name the version. Raises S3Error, Unavailable, OutcomeUnknown."""
    key = object_key(asked.key)
    named = version_ids.parse(asked.version_id)
    bucket = await bucket_for_write(call, asked.bucket)
    try:
        return made_headers(await propose_for(call, bucket, amendments.TagVersion(bucket.id, key, named, wanted)))
    except Rejected as refusal:
        if refusal.reason in (Reason.NO_SUCH_KEY, Reason.NO_SUCH_VERSION):
            view = call.services.ports.registry.view()
            version_meant(view, bucket, key, named)  # says more: a marker is no version that is missing
        raise
