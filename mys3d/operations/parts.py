"""Uploads in parts: put a part.        Floor: operations. Called by: dispatch.

Law: every refusal that the head of a request allows comes before its body is asked for; every promise about the body
is checked before the part is committed.
Source: S3 API, UploadPart.
"""

from typing import Annotated, Final

import msgspec

from mys3d.engine import put
from mys3d.engine.put import StoredBody
from mys3d.errors import S3Error
from mys3d.model.objects import Checksum
from mys3d.model.uploads import Upload
from mys3d.operations.answers import header, quoted
from mys3d.operations.call import Call, bucket_for_write, writing_to
from mys3d.operations.objects import object_key
from mys3d.operations.payload import Payload
from mys3d.operations.storing import check_length
from mys3d.operations.stretches import check_part_number
from mys3d.operations.uploads import OpenUpload, open_upload
from mys3d.registry.upload_commands import PutPart
from mys3d.s3 import checksums, promises
from mys3d.s3.checksums import Algorithm
from mys3d.s3.message import Response
from mys3d.s3.promises import Promises
from mys3d.s3.table import Query, Uri, operation


class UploadPart(msgspec.Struct, frozen=True):
    bucket: Annotated[str, Uri("Bucket")]
    key: Annotated[str, Uri("Key")]
    part_number: Annotated[int, Query("partNumber")]
    upload_id: Annotated[str, Query("uploadId")]


@operation("PUT", "/{Bucket}/{Key+}", UploadPart, action="s3:PutObject")
async def upload_part(call: Call, asked: UploadPart) -> Response:
    check_part_number(asked.part_number)
    check_length(call.payload.promised)
    bucket = await bucket_for_write(call, asked.bucket)
    upload = await open_upload(call, bucket, object_key(asked.key), asked.upload_id)
    _check_algorithm(upload.record, call.payload.promised)
    finish = _Finish(upload, asked.part_number, call.payload)
    wanted = call.payload.promised.wanted() | {kept_algorithm(upload.record).hash}
    with writing_to(call, bucket):
        await put.put_object(call.services.ports, call.services.budget, call.payload, wanted, finish)
    return Response(200, [header("etag", quoted(finish.etag)), *[header(*pair) for pair in part_headers(finish.kept)]])


def kept_algorithm(upload: Upload) -> Algorithm:
    """Of the checksum that every part of an upload keeps."""
    return checksums.ALGORITHMS[upload.algorithm or checksums.DEFAULT.name]


def kept_checksum(upload: Upload, stored: StoredBody) -> Checksum:
    algorithm = kept_algorithm(upload)
    return Checksum(algorithm.name, stored.hashes[algorithm.hash])


def part_of(upload: OpenUpload, number: int, stored: StoredBody, kept: tuple[Checksum, ...]) -> PutPart:
    """The command that makes a stored body a part."""
    return PutPart(
        upload.bucket,
        upload.key,
        upload.id,
        number,
        size=stored.size,
        etag=stored.md5.hex(),
        body=stored.body,
        checksums=kept,
        layout_epoch=stored.layout_epoch,
        gc_epoch=stored.gc_epoch,
    )


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

    def __init__(self, upload: OpenUpload, number: int, payload: Payload) -> None:
        self.etag = ""
        self.kept: tuple[Checksum, ...] = ()
        self._upload: Final = upload
        self._number: Final = number
        self._payload: Final = payload

    def __call__(self, stored: StoredBody) -> PutPart:
        payload = self._payload
        promised = promises.check(payload.promised, payload.trailers, stored.size, stored.md5, stored.hashes)
        of_upload = kept_checksum(self._upload.record, stored)
        self.kept = tuple(dict.fromkeys((promised or of_upload, of_upload)))
        made = part_of(self._upload, self._number, stored, self.kept)
        self.etag = made.etag
        return made
