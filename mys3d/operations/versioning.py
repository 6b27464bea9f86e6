"""Whether a bucket keeps versions.        Floor: operations. Called by: dispatch.

Law: a bucket that kept versions once can stop making new ones and never forgets those it has. A promise to ask for a
second factor before a version goes is refused, because nobody would ask.
Source: S3 API, PutBucketVersioning, GetBucketVersioning.
"""

from dataclasses import dataclass
from typing import Annotated

import msgspec

from mys3d import limits
from mys3d.errors import S3Error
from mys3d.model.buckets import Versioning
from mys3d.operations.answers import XML_TYPE
from mys3d.operations.call import Call, bucket_for_write, bucket_now, propose_for
from mys3d.registry.commands import SetVersioning
from mys3d.s3 import xml
from mys3d.s3.message import Response
from mys3d.s3.schema import Element
from mys3d.s3.table import Uri, XmlBody, operation


@dataclass(frozen=True, slots=True)
class VersioningConfiguration:
    mfa_delete: Annotated[str, Element("MfaDelete")] = "Disabled"
    status: Annotated[str, Element("Status")] = ""


class PutBucketVersioning(msgspec.Struct, frozen=True):
    bucket: Annotated[str, Uri("Bucket")]
    configuration: Annotated[VersioningConfiguration, XmlBody("VersioningConfiguration", limits.xml_body_bytes_max)]


@operation("PUT", "/{Bucket}?versioning", PutBucketVersioning, action="s3:PutBucketVersioning")
async def put_bucket_versioning(call: Call, asked: PutBucketVersioning) -> Response:
    wanted = _status(asked.configuration)
    bucket = await bucket_for_write(call, asked.bucket)
    await propose_for(call, bucket, SetVersioning(bucket.id, wanted))
    return Response(200)


class GetBucketVersioning(msgspec.Struct, frozen=True):
    bucket: Annotated[str, Uri("Bucket")]


@operation("GET", "/{Bucket}?versioning", GetBucketVersioning, action="s3:GetBucketVersioning")
async def get_bucket_versioning(call: Call, asked: GetBucketVersioning) -> Response:
    """Where versions were never kept, the answer has no status (S3 API, GetBucketVersioning)."""
    await call.services.ports.registry.barrier()
    status = bucket_now(call, asked.bucket).versioning
    told: dict[str, xml.Node] = {} if status is Versioning.NEVER else {"Status": status.value}
    return Response(200, [XML_TYPE], xml.write("VersioningConfiguration", told))


def _status(asked: VersioningConfiguration) -> Versioning:
    """Raises S3Error MalformedXML, NotImplemented."""
    if asked.mfa_delete not in ("Disabled", "Enabled") or asked.status not in ("Enabled", "Suspended"):
        raise S3Error("MalformedXML")
    if asked.mfa_delete == "Enabled":
        raise S3Error("NotImplemented", "MFA delete is not implemented.")
    return Versioning(asked.status)
