"""Torrents: there are none.        Floor: operations. Called by: dispatch.

Law: whoever may not read a bucket does not learn even that.
Source: S3 API, GetObjectTorrent; S3 ended its torrents in 2022.
"""

from typing import Annotated

import msgspec

from mys3d.errors import S3Error
from mys3d.operations.call import Call, bucket_now
from mys3d.operations.objects import object_key
from mys3d.s3.message import Response
from mys3d.s3.table import Uri, operation


class GetObjectTorrent(msgspec.Struct, frozen=True):
    bucket: Annotated[str, Uri("Bucket")]
    key: Annotated[str, Uri("Key")]


@operation("GET", "/{Bucket}/{Key+}?torrent", GetObjectTorrent, action="s3:GetObjectTorrent")
async def get_object_torrent(call: Call, asked: GetObjectTorrent) -> Response:
    key = object_key(asked.key)
    await call.services.ports.registry.barrier()
    bucket_now(call, asked.bucket)
    raise S3Error("NoSuchKey", "There is no torrent of this object.", Key=key)
