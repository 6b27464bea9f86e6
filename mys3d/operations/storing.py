"""Objects: store.        Floor: operations. Called by: dispatch.

Law: every refusal that the head of a request allows comes before its body is asked for; every promise about the body
is checked before the version is committed.
Source: S3 API, PutObject.
"""

from typing import Annotated, Final

from mys3d import limits
from mys3d.engine import put
from mys3d.engine.put import StoredBody
from mys3d.errors import Reason, S3Error
from mys3d.model.acl import Acl
from mys3d.model.names import BucketId, ObjectKey
from mys3d.model.objects import Checksum, Content
from mys3d.operations.answers import header, quoted
from mys3d.operations.call import Call, bucket_for_write, writing_to
from mys3d.operations.describing import Described, content_of
from mys3d.operations.granting import object_acl
from mys3d.operations.objects import object_key
from mys3d.operations.payload import Payload
from mys3d.registry import commands, queries
from mys3d.registry.commands import Precondition
from mys3d.registry.outcomes import Applied, VersionPut
from mys3d.registry.rules.objects import refusal_of
from mys3d.s3 import checksums, promises, version_ids
from mys3d.s3.message import Response
from mys3d.s3.promises import Promises
from mys3d.s3.table import Header, operation


class PutObject(Described, frozen=True):
    if_match: Annotated[str | None, Header("If-Match")] = None
    if_none_match: Annotated[str | None, Header("If-None-Match")] = None


@operation("PUT", "/{Bucket}/{Key+}", PutObject, action="s3:PutObject")
async def put_object(call: Call, asked: PutObject) -> Response:
    check_length(call.payload.promised)
    return await store(call, asked)


async def store(call: Call, asked: PutObject) -> Response:
    """Store the payload, whose length need not be known: a form says it with its last byte. Answers as PutObject."""
    key = object_key(asked.key)
    content = content_of(asked)
    precondition = precondition_of(asked.if_match, asked.if_none_match)
    bucket = await bucket_for_write(call, asked.bucket)
    acl = await object_acl(call, bucket, asked)
    if precondition != Precondition():
        await _refuse_early(call, bucket.id, key, precondition)
    finish = _Finish(bucket.id, key, content, precondition, call.payload, acl)
    services = call.services
    wanted = call.payload.promised.wanted(default=checksums.DEFAULT.hash)
    with writing_to(call, bucket):
        applied = await put.put_object(services.ports, services.budget, call.payload, wanted, finish)
    told = [header("etag", quoted(finish.etag)), *made_headers(applied)]
    if finish.checksum is not None:
        told += [header(*pair) for pair in checksums.headers_of(finish.checksum)]
    return Response(200, told)


def made_headers(applied: Applied) -> list[tuple[bytes, bytes]]:
    """The name of the version that was made, where versions are kept: the null version's is not told."""
    made = applied.detail
    assert isinstance(made, VersionPut), f"a version was made, found {made}"
    return version_made(made)


def version_made(made: VersionPut) -> list[tuple[bytes, bytes]]:
    return [] if made.is_null else [header("x-amz-version-id", version_ids.text_of(made.version))]


class _Finish:
    """Turns a stored body into the command, after every promise was kept. Asked again when epochs were renewed."""

    def __init__(
        self,
        bucket: BucketId,
        key: ObjectKey,
        content: Content,
        precondition: Precondition,
        payload: Payload,
        acl: Acl | None,
    ) -> None:
        self.etag = ""
        self.checksum: Checksum | None = None
        self._place: Final = (bucket, key)
        self._content: Final = content
        self._precondition: Final = precondition
        self._payload: Final = payload
        self._acl: Final = acl

    def __call__(self, stored: StoredBody) -> commands.PutObject:
        payload = self._payload
        self.checksum = promises.check(payload.promised, payload.trailers, stored.size, stored.md5, stored.hashes)
        self.etag = stored.md5.hex()
        return commands.PutObject(
            *self._place,
            size=stored.size,
            etag=self.etag,
            body=stored.body,
            content=self._content,
            checksums=() if self.checksum is None else (self.checksum,),
            layout_epoch=stored.layout_epoch,
            gc_epoch=stored.gc_epoch,
            precondition=self._precondition,
            acl=self._acl,
        )


def check_length(promised: Promises) -> None:
    """Raises S3Error MissingContentLength, EntityTooLarge."""
    length = promised.length
    if length is None and not promised.is_streamed:
        raise S3Error("MissingContentLength")
    if length is not None and length > limits.put_bytes_max:
        raise S3Error("EntityTooLarge", ProposedSize=str(length), MaxSizeAllowed=str(limits.put_bytes_max))


def precondition_of(if_match: str | None, if_none_match: str | None) -> Precondition:
    """Return the condition of a write; None: the header was not sent. Raises S3Error NotImplemented, InvalidArgument.

    The quotes stay: `""` is an entity tag that no object has, and an empty text would be no condition at all. If-None-
    Match takes entity tags as well as the `*` that S3 knows.
    """
    if if_match is not None and if_none_match is not None:
        raise S3Error("NotImplemented", Header="If-Match,If-None-Match")
    for name, text in (("If-Match", if_match), ("If-None-Match", if_none_match)):
        if text is not None and not text.strip():
            raise S3Error("InvalidArgument", f"{name} names no entity tag.", ArgumentName=name, ArgumentValue="")
    return Precondition((if_match or "").strip(), (if_none_match or "").strip())


async def _refuse_early(call: Call, bucket: BucketId, key: ObjectKey, precondition: Precondition) -> None:
    """Spare the client an upload that cannot succeed now. What counts is decided again inside apply."""
    registry = call.services.ports.registry
    await registry.barrier()
    version = queries.live(registry.view(), bucket, key)
    refusal = refusal_of(version, precondition)
    if refusal is None:
        return
    if refusal.reason is Reason.NO_SUCH_KEY:
        raise S3Error("NoSuchKey", Key=key)
    raise refusal
