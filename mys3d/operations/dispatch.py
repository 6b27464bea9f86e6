"""A request's whole life on one screen.        Floor: operations. Called by: web.

Law: route, authenticate, authorise, bind, run, render: in this order, and every request is answered. What can go
wrong becomes an answer here and nowhere else; a fault of ours becomes 500 with the request id, and is logged.
"""

from dataclasses import dataclass
from typing import Final

import structlog

from mys3d.errors import Damaged, OutcomeUnknown, Reason, Rejected, S3Error, Unavailable
from mys3d.operations import (
    acls,
    attributes,
    buckets,
    completing,
    copying,
    cors,
    listing_versions,
    listings,
    objects,
    ownership_controls,
    part_copying,
    parts,
    posting,
    public_access,
    removing,
    renaming,
    storing,
    tagging,
    torrents,
    upload_lists,
    uploads,
    versioning,
)
from mys3d.operations.authenticate import Signer, authenticate
from mys3d.operations.call import Call, bucket_for_write
from mys3d.operations.meant import object_for_write
from mys3d.operations.objects import object_key
from mys3d.operations.payload import Payload, read_document
from mys3d.operations.refusals import refuse_unbuilt
from mys3d.operations.services import Services
from mys3d.policy.decide import ANONYMOUS, OF_OBJECTS, Decision, decide
from mys3d.registry.codec import RowDamaged
from mys3d.s3 import errors, promises, uri, version_ids
from mys3d.s3.message import BodySource, Request, Response
from mys3d.s3.router import route
from mys3d.s3.signing import Way, hoisted, way_of
from mys3d.s3.table import TABLE, Row, Wire, XmlBody, bind

FAMILIES: Final = (
    buckets,
    objects,
    storing,
    copying,
    cors,
    renaming,
    removing,
    listings,
    posting,
    listing_versions,
    tagging,
    versioning,
    attributes,
    torrents,
    uploads,
    parts,
    part_copying,
    completing,
    upload_lists,
    acls,
    ownership_controls,
    public_access,
)  # importing them fills the table

log = structlog.get_logger("mys3d.s3")


async def dispatch(services: Services, request: Request, body: BodySource) -> Response:
    """Answer one request. Never raises anything but cancellation; a streamed body may still break while it is sent."""
    try:
        response = await _serve(services, request, body)
    except RowDamaged as error:
        response = _refuse(services, request, services.ports.registry.distrust(error))
    except Exception as error:  # noqa: BLE001 (one of the four places: a request never takes the node down)
        response = _refuse(services, request, error)
    origin = request.header(b"origin")
    if origin is not None and request.method != "OPTIONS":
        response.headers += cors.answered(services, request, origin)
    response.headers += (
        (b"x-amz-request-id", request.id.encode()),
        (b"x-amz-id-2", services.host_id.encode()),
        (b"server", b"mys3d"),
    )
    return response


async def _serve(services: Services, request: Request, body: BodySource) -> Response:
    if request.method == "OPTIONS":
        return await cors.preflight(services, request)
    way = way_of(request)
    wire = _wire(request, way, services.domains)
    name = route(request.method, wire.target, wire.query, wire.headers)
    signer = await authenticate(services, request, way, wire)
    row = TABLE.get(name)
    if row is None and signer.principal == ANONYMOUS:
        raise S3Error("AccessDenied")
    if row is None:
        refuse_unbuilt(wire.headers)
        raise S3Error("NotImplemented", f"The operation {name} is not implemented.")
    payload = _payload(row, request, wire, signer, body)
    origin = f"{request.scheme}://{wire.headers.get('host', '')}"
    call = Call(
        services,
        signer.principal,
        row.action,
        payload,
        origin,
        wire.headers.get("x-amz-expected-bucket-owner"),
        wire.headers.get("x-amz-source-expected-bucket-owner"),
    )
    await _authorise(call, row, wire)
    refuse_unbuilt(wire.headers)
    document = await _document(row, payload)
    return await row.run(call, bind(row, wire, document))


def _wire(request: Request, way: Way, domains: tuple[str, ...]) -> Wire:
    headers: dict[str, str] = {}
    for raw_name, value in request.headers:
        name = raw_name.decode("latin-1")
        if name not in headers:
            headers[name] = _text(value)
        elif name.startswith("x-amz-meta-"):  # S3 User Guide: metadata that comes twice is joined by a comma
            headers[name] += f",{_text(value)}"
    target = uri.target_of(request.raw_path, headers.get("host", ""), domains)
    if not request.raw_query:
        return Wire(target, {}, headers)
    query = uri.query_texts(uri.query_pairs(request.raw_query))
    for name, text in hoisted(way, query).items():
        headers.setdefault(name, text)
    return Wire(target, query, headers)


def _text(value: bytes) -> str:
    """Header values are UTF-8 where they can be: metadata comes back as it was sent."""
    try:
        return value.decode().strip()
    except UnicodeDecodeError:
        return value.decode("latin-1").strip()


async def _authorise(call: Call, row: Row, wire: Wire) -> None:
    """What concerns no bucket yet is decided here; the rest where its bucket is found (`call.bucket_now`).

    Of a stranger no document is read. Raises S3Error: AccessDenied, NoSuchBucket.
    """
    if not wire.target.bucket or row.action == "s3:CreateBucket":
        if decide(call.caller, row.action, None) is not Decision.ALLOW:
            raise S3Error("AccessDenied")
    elif row.payload is not None and row.action in OF_OBJECTS:
        named = version_ids.parse(wire.query.get("versionId"))
        await object_for_write(call, wire.target.bucket, object_key(wire.target.key), named)
    elif row.payload is not None:
        await bucket_for_write(call, wire.target.bucket)


def _payload(row: Row, request: Request, wire: Wire, signer: Signer, body: BodySource) -> Payload:
    """What a GET, HEAD or DELETE brings as a body means nothing (RFC 9110, 9.3.1): nobody will read it."""
    if request.method not in ("PUT", "POST"):
        return Payload(body, promises.NOTHING)
    promised = promises.read(wire.headers, row.headers)
    return Payload(body, promised, signer.chunk_signer() if promised.framing.signs_chunks else None)


async def _document(row: Row, payload: Payload) -> object | None:
    field = row.payload
    if field is None:
        return None
    assert isinstance(field.place, XmlBody)
    assert isinstance(field.kind, type)
    try:
        return await read_document(payload, field.place.root, field.kind, field.place.bytes_max)
    except S3Error as error:
        if error.code != "MalformedXML":
            raise
        raise S3Error(field.place.malformed) from error


@dataclass(frozen=True, slots=True)
class _Refusal:
    """An error as S3 says it, and the headers that belong to it."""

    error: S3Error
    headers: tuple[tuple[bytes, bytes], ...] = ()


_RETRY: Final = ((b"retry-after", b"1"),)


def _refuse(services: Services, request: Request, error: Exception) -> Response:
    refusal = _translate(request, error)
    status = errors.status_of(refusal.error)
    headers = [(b"content-type", b"application/xml"), *refusal.headers]
    if request.method == "HEAD":  # RFC 9110, 9.3.2: no content, whatever the status
        return Response(status, headers)
    resource = request.raw_path.decode("latin-1")
    return Response(status, headers, errors.render(refusal.error, resource, request.id, services.host_id))


def _translate(request: Request, error: Exception) -> _Refusal:
    """Say in S3's words what went wrong."""
    match error:
        case S3Error() if error.code in errors.CATALOGUE:
            return _Refusal(error, _headers_of(error))
        case Rejected():
            told = {"Condition": error.detail} if error.reason is Reason.PRECONDITION_FAILED else {}
            refusal = S3Error(errors.code_of(error.reason), **told)
            return _Refusal(refusal, _headers_of(refusal))
        case Unavailable():
            log.warning("unavailable", request=request.id, why=str(error))
            return _Refusal(S3Error("SlowDown", "The cluster cannot answer now; nothing was changed."), _RETRY)
        case OutcomeUnknown():
            log.warning("outcome unknown", request=request.id, operation=error.operation_id.hex())
            return _Refusal(S3Error("ServiceUnavailable", "It is not known whether the request took effect."), _RETRY)
        case Damaged():
            log.error("damaged", request=request.id, why=str(error))
            return _Refusal(S3Error("ServiceUnavailable", "The object cannot be read now."), _RETRY)
        case _:
            log.error("internal error", request=request.id, method=request.method, exc_info=error)
            return _Refusal(S3Error("InternalError"))


def _headers_of(error: S3Error) -> tuple[tuple[bytes, bytes], ...]:
    if error.code == "InvalidRange":
        return ((b"content-range", f"bytes */{error.fields['ActualObjectSize']}".encode()),)
    if errors.status_of(error) == 503:
        return _RETRY
    return tuple((name.encode(), value.encode()) for name, value in error.headers)
