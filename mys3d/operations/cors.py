"""Pages of other origins: rules of buckets, and what browsers are told.        Floor: operations. Called by: dispatch.

Law: a request without an Origin costs nothing here; one with it costs the rows that say whether its bucket has rules.
Source: S3 API, PutBucketCors, GetBucketCors, DeleteBucketCors; S3 User Guide, "Using cross-origin resource sharing".
"""

from dataclasses import dataclass
from typing import Annotated

import msgspec

from mys3d import limits
from mys3d.errors import S3Error, Unavailable
from mys3d.model.buckets import Bucket
from mys3d.model.cors import CorsRule
from mys3d.model.names import BucketName
from mys3d.operations.answers import XML_TYPE
from mys3d.operations.call import Call, bucket_for_write, bucket_now, propose_for
from mys3d.operations.services import Services
from mys3d.registry import amendments, queries
from mys3d.registry.codec import RowDamaged
from mys3d.s3 import cors, uri, xml
from mys3d.s3.message import Request, Response
from mys3d.s3.schema import Element
from mys3d.s3.table import Uri, XmlBody, operation


@dataclass(frozen=True, slots=True)
class CORSRule:
    methods: Annotated[tuple[str, ...], Element("AllowedMethod")]
    origins: Annotated[tuple[str, ...], Element("AllowedOrigin")]
    headers: Annotated[tuple[str, ...], Element("AllowedHeader")] = ()
    exposed: Annotated[tuple[str, ...], Element("ExposeHeader")] = ()
    max_age_seconds: Annotated[int | None, Element("MaxAgeSeconds")] = None
    id: Annotated[str, Element("ID")] = ""


@dataclass(frozen=True, slots=True)
class CORSConfiguration:
    rules: Annotated[tuple[CORSRule, ...], Element("CORSRule")]


class PutBucketCors(msgspec.Struct, frozen=True):
    bucket: Annotated[str, Uri("Bucket")]
    configuration: Annotated[CORSConfiguration, XmlBody("CORSConfiguration", limits.cors_bytes_max)]


@operation("PUT", "/{Bucket}?cors", PutBucketCors, action="s3:PutBucketCORS")
async def put_bucket_cors(call: Call, asked: PutBucketCors) -> Response:
    rules = tuple(map(_rule, asked.configuration.rules))
    cors.check(rules)
    await _set(call, asked.bucket, rules)
    return Response(200)


def _rule(asked: CORSRule) -> CorsRule:
    return CorsRule(
        _stripped(asked.methods),
        _stripped(asked.origins),
        _stripped(asked.headers),
        _stripped(asked.exposed),
        asked.max_age_seconds,
        asked.id,
    )


def _stripped(texts: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(text.strip() for text in texts)


class GetBucketCors(msgspec.Struct, frozen=True):
    bucket: Annotated[str, Uri("Bucket")]


@operation("GET", "/{Bucket}?cors", GetBucketCors, action="s3:GetBucketCORS")
async def get_bucket_cors(call: Call, asked: GetBucketCors) -> Response:
    registry = call.services.ports.registry
    await registry.barrier()
    rules = queries.cors(registry.view(), bucket_now(call, asked.bucket).id)
    if not rules:
        raise S3Error("NoSuchCORSConfiguration", BucketName=asked.bucket)
    return Response(200, [XML_TYPE], xml.write("CORSConfiguration", {"CORSRule": [_shown(rule) for rule in rules]}))


def _shown(rule: CorsRule) -> dict[str, xml.Node]:
    tree: dict[str, xml.Node] = {"ID": rule.id} if rule.id else {}
    lists = (
        ("AllowedMethod", rule.methods),
        ("AllowedOrigin", rule.origins),
        ("AllowedHeader", rule.headers),
        ("ExposeHeader", rule.exposed),
    )
    tree |= {name: list(texts) for name, texts in lists if texts}
    if rule.max_age_seconds is not None:
        tree["MaxAgeSeconds"] = str(rule.max_age_seconds)
    return tree


class DeleteBucketCors(msgspec.Struct, frozen=True):
    bucket: Annotated[str, Uri("Bucket")]


@operation("DELETE", "/{Bucket}?cors", DeleteBucketCors, action="s3:PutBucketCORS")
async def delete_bucket_cors(call: Call, asked: DeleteBucketCors) -> Response:
    await _set(call, asked.bucket, ())
    return Response(204)


async def _set(call: Call, name: str, rules: tuple[CorsRule, ...]) -> None:
    bucket = await bucket_for_write(call, name)
    await propose_for(call, bucket, amendments.SetCors(bucket.id, rules))


async def preflight(services: Services, request: Request) -> Response:
    """Answer OPTIONS, which nobody signs: a browser asks before it sends what the page wants to send.

    Raises S3Error: BadRequest, NoSuchBucket, AccessForbidden, InvalidURI; Unavailable.
    """
    origin, method = request.header(b"origin"), request.header(_METHOD)
    if origin is None:
        raise S3Error("BadRequest", "Insufficient information. Origin request header needed.")
    if method not in cors.METHODS:
        raise S3Error("BadRequest", f"Invalid Access-Control-Request-Method: {method or 'null'}")
    asked = cors.headers_asked(request.header(b"access-control-request-headers"))
    name = _bucket_name(services, request)
    if not name:
        raise S3Error("AccessForbidden", Method=method)
    await services.ports.registry.barrier()
    found = _bucket(services, name)
    if found is None:
        raise S3Error("NoSuchBucket", "CORSResponse: Bucket not found", BucketName=name)
    return Response(200, cors.preflight(_rules(services, found), origin, method, asked))


_METHOD = b"access-control-request-method"


def answered(services: Services, request: Request, origin: str) -> list[tuple[bytes, bytes]]:
    """What the answer to a request of a page tells its browser, whatever the answer is. Never raises."""
    try:
        found = _bucket(services, _bucket_name(services, request))
        rules = () if found is None else _rules(services, found)
    except (S3Error, Unavailable):  # the target is none, or there are no rows to ask: the answer says so
        return []
    except RowDamaged as error:
        services.ports.registry.distrust(error)
        return []
    return cors.answered(rules, origin, request.header(_METHOD) or request.method)


def _bucket_name(services: Services, request: Request) -> str:
    """Raises S3Error InvalidURI."""
    return uri.target_of(request.raw_path, request.header(b"host") or "", services.domains).bucket


def _bucket(services: Services, name: str) -> Bucket | None:
    return queries.bucket(services.ports.registry.view(), BucketName(name))


def _rules(services: Services, bucket: Bucket) -> tuple[CorsRule, ...]:
    return queries.cors(services.ports.registry.view(), bucket.id)
