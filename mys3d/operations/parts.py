"""Uploads in parts: put a part.        Floor: operations. Called by: dispatch.

Law: every refusal that the head of a request allows comes before its body is asked for; every promise about the body
is checked before the part is committed.
Source: S3 API, UploadPart.
"""

from dataclasses import dataclass
from typing import Annotated, Final

from mys3d import limits
from mys3d.engine import put
from mys3d.engine.put import StoredBody
from mys3d.errors import S3Error
from mys3d.model.buckets import Bucket
from mys3d.model.objects import Checksum
from mys3d.model.uploads import Upload
from mys3d.operations.answers import header, quoted
from mys3d.operations.call import Call, bucket_for_write, writing_to
from mys3d.operations.objects import object_key
from mys3d.operations.payload import Payload
from mys3d.operations.storing import check_length
from mys3d.operations.uploads import OpenUpload, open_upload
from mys3d.registry.upload_commands import PutPart
from mys3d.s3 import checksums, promises
from mys3d.s3.message import Response
from mys3d.s3.promises import Promises
from mys3d.s3.table import Query, Uri, operation


@dataclass(frozen=True, slots=True)
class UploadPart:
    bucket: Annotated[str, Uri("Bucket")]
    key: Annotated[str, Uri("Key")]
    part_number: Annotated[int, Query("partNumber")]
    upload_id: Annotated[str, Query("uploadId")]


@operation("PUT", "/{Bucket}/{Key+}", UploadPart, action="s3:PutObject")
async def upload_part(call: Call, asked: UploadPart) -> Response:
    check_number(asked.part_number)
    check_length(call.payload.promised)
    bucket = await bucket_for_write(call, asked.bucket)
    upload = await open_upload(call, bucket, object_key(asked.key), asked.upload_id)
    _check_algorithm(upload.record, call.payload.promised)
    finish = _Finish(bucket, upload, asked.part_number, call.payload)
    wanted = call.payload.promised.wanted() | {kept_hash(upload.record)}
    with writing_to(call, bucket):
        await put.put_object(call.services.ports, call.services.budget, call.payload, wanted, finish)
    return Response(200, [header("etag", quoted(finish.etag)), *[header(*pair) for pair in part_headers(finish.kept)]])


def check_number(number: int) -> None:
    """Raises S3Error InvalidArgument."""
    if not 1 <= number <= limits.parts_max:
        raise S3Error(
            "InvalidArgument",
            "Part number must be an integer between 1 and 10000, inclusive",
            ArgumentName="partNumber",
            ArgumentValue=str(number),
        )


def kept_hash(upload: Upload) -> str:
    """The hash that every part of an upload keeps."""
    return checksums.ALGORITHMS[upload.algorithm or checksums.DEFAULT.name].hash


def part_headers(kept: tuple[Checksum, ...]) -> list[tuple[str, str]]:
    """Parts are told their checksum; of what kind that of the object will be, is told with the upload."""
    return [checksums.headers_of(checksum)[0] for checksum in kept[:1]]


def _check_algorithm(upload: Upload, promised: Promises) -> None:
    """Raises S3Error InvalidRequest when the checksum of a part could not become one of the object."""
    given = promised.checksum
    if upload.algorithm and given is not None and given.algorithm.name != upload.algorithm:
        raise S3Error(
            "InvalidRequest",
            f"Checksum Type mismatch occurred, expected checksum Type: {upload.algorithm.lower()}, actual checksum "
            f"Type: {given.algorithm.name.lower()}",
        )


class _Finish:
    """Turns a stored body into the command, after every promise was kept. Asked again when epochs were renewed."""

    def __init__(self, bucket: Bucket, upload: OpenUpload, number: int, payload: Payload) -> None:
        self.etag = ""
        self.kept: tuple[Checksum, ...] = ()
        self._bucket: Final = bucket
        self._upload: Final = upload
        self._number: Final = number
        self._payload: Final = payload

    def __call__(self, stored: StoredBody) -> PutPart:
        payload, upload = self._payload, self._upload
        promised = promises.check(payload.promised, payload.trailers, stored.size, stored.md5, stored.hashes)
        own = kept_hash(upload.record)
        of_upload = Checksum(upload.record.algorithm or checksums.DEFAULT.name, stored.hashes[own])
        self.kept = tuple(dict.fromkeys((promised or of_upload, of_upload)))
        self.etag = stored.md5.hex()
        return PutPart(
            self._bucket.id,
            upload.key,
            upload.id,
            self._number,
            size=stored.size,
            etag=self.etag,
            body=stored.body,
            checksums=self.kept,
            layout_epoch=stored.layout_epoch,
            gc_epoch=stored.gc_epoch,
        )
