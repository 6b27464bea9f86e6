"""Objects: store what the form of a browser sends.        Floor: operations. Called by: dispatch.

Law: nothing of a form is believed before its policy's signature, and nothing of its file is read before the policy
allows the fields; what it stores is what PutObject would store for its maker.
Source: S3 API, "Browser-Based Uploads Using POST".
"""

import re
from collections.abc import Mapping
from typing import Annotated, Final
from urllib.parse import urlsplit

import msgspec
from msgspec.structs import replace

from mys3d import limits
from mys3d.errors import S3Error
from mys3d.operations import storing
from mys3d.operations.answers import XML_TYPE, header
from mys3d.operations.authenticate import believe, check_region
from mys3d.operations.call import Call, bucket_for_write
from mys3d.operations.payload import Payload
from mys3d.operations.refusals import refuse_unbuilt
from mys3d.operations.tagging import Tagging, set_of
from mys3d.policy.decide import ANONYMOUS, Principal
from mys3d.s3 import post_policy, promises, schema, sigv4, uri, xml
from mys3d.s3.form import FormParser, boundary_of
from mys3d.s3.message import BodySource, Response
from mys3d.s3.promises import Framing
from mys3d.s3.signing import stated
from mys3d.s3.table import TABLE, Header, Uri, Wire, bind, operation
from mys3d.s3.uri import Target

_PLAIN: Final = frozenset(
    {
        "cache-control",
        "content-type",
        "content-disposition",
        "content-encoding",
        "content-language",
        "content-md5",
        "expires",
    }
)
# Fields of the form itself; every other x-amz- field is a header of PutObject.
_OWN: Final = frozenset({"x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-signature"})
_TOKEN: Final = "x-amz-security-token"
_REDIRECTS: Final = ("success_action_redirect", "redirect")
_FILENAME: Final = "${filename}"
_STATUSES: Final = {"200": 200, "201": 201}  # else 204


class PostObject(msgspec.Struct, frozen=True):
    bucket: Annotated[str, Uri("Bucket")]
    content_type: Annotated[str | None, Header("Content-Type")] = None


@operation("POST", "/{Bucket}", PostObject, action="s3:PutObject")
async def post_object(call: Call, asked: PostObject) -> Response:
    if call.caller != ANONYMOUS:
        await bucket_for_write(call, asked.bucket)
    parser = FormParser(boundary_of(asked.content_type))
    await _read_fields(call.payload, parser)
    fields = {name: _named(name, value, parser.filename) for name, value in parser.fields.items()}
    if not fields.get("key"):
        raise _missing("key")
    caller, bounds = call.caller, (0, limits.put_bytes_max)
    if "policy" not in fields:
        _refuse_half_read(call)
    else:
        caller = await _maker(call, asked.bucket, fields)
        policy = post_policy.parse(fields["policy"])
        post_policy.check(policy, {**fields, "bucket": asked.bucket}, call.services.ports.clock.now())
        bounds = (policy.bytes_min, min(policy.bytes_max, limits.put_bytes_max))
    headers = _headers(fields)
    refuse_unbuilt(headers)
    payload = Payload(_File(parser, call.payload, *bounds), promises.read(headers))
    record = bind(TABLE["PutObject"], Wire(Target(asked.bucket, fields["key"]), {}, headers))
    assert isinstance(record, storing.PutObject)
    stored = await storing.store(replace(call, caller=caller, payload=payload), record)
    return _answer(call, asked.bucket, fields, stored)


async def _read_fields(body: Payload, parser: FormParser) -> None:
    """Read until the bytes of the file come. Raises S3Error."""
    while not parser.has_file:
        piece = await body.read()
        if not piece:
            raise S3Error("MalformedPOSTRequest", "The form ended before its file.")
        parser.feed(piece)


def _refuse_half_read(call: Call) -> None:
    """What follows the file is not read, so a signature over the whole body could not be checked.

    Raises S3Error InvalidRequest.
    """
    if call.caller != ANONYMOUS and call.payload.promised.framing is not Framing.UNSIGNED:
        raise S3Error("InvalidRequest", "A form is signed by its policy, or its request says UNSIGNED-PAYLOAD.")


def _named(name: str, value: str, filename: str) -> str:
    """S3 API: "${filename} is replaced by the name of the file"; of a path, its last part."""
    if _FILENAME not in value or name in ("policy", "signature", "x-amz-signature"):
        return value
    return value.replace(_FILENAME, re.split(r"[/\\]", filename)[-1])


async def _maker(call: Call, bucket: str, fields: Mapping[str, str]) -> Principal:
    """Return who made the policy. Raises S3Error, Unavailable."""
    if _TOKEN in fields:
        raise S3Error("InvalidToken")  # there are no temporary credentials
    if "x-amz-algorithm" in fields or "x-amz-signature" in fields:
        return await _maker_v4(call, bucket, fields)
    for name in ("AWSAccessKeyId", "signature"):
        if not fields.get(name.lower()):
            raise _missing(name)
    policy, signature = fields["policy"], fields["signature"]
    return await believe(
        call.services,
        fields["awsaccesskeyid"],
        lambda secret: post_policy.verify_v2(policy, signature, secret),
    )


async def _maker_v4(call: Call, bucket: str, fields: Mapping[str, str]) -> Principal:
    for name in ("X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Signature"):
        if not fields.get(name.lower()):
            raise _missing(name)
    if fields["x-amz-algorithm"] != sigv4.ALGORITHM:
        raise S3Error(
            "InvalidArgument",
            "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.",
            ArgumentName="X-Amz-Algorithm",
            ArgumentValue=fields["x-amz-algorithm"],
        )
    claim = sigv4.read_form_claim(fields["x-amz-credential"], fields["x-amz-date"], fields["x-amz-signature"])
    check_region(call.services, claim, bucket)
    keys = call.services.signing_keys
    return await believe(
        call.services,
        claim.access_key,
        lambda secret: post_policy.verify_v4(
            fields["policy"], claim.signature, keys.key(secret, claim.date, claim.region)
        ),
    )


def _headers(fields: Mapping[str, str]) -> dict[str, str]:
    """What PutObject would be told in headers. Raises S3Error InvalidArgument, MalformedXML, InvalidTag."""
    headers = dict(
        stated(name, value)
        for name, value in fields.items()
        if name in _PLAIN or (name.startswith("x-amz-") and name not in _OWN)
    )
    headers.pop("x-amz-content-sha256", None)  # of a request, and not of a file
    if "acl" in fields:
        headers["x-amz-acl"] = fields["acl"]
    if "tagging" in fields:
        asked = schema.read(Tagging, xml.parse(fields["tagging"].encode(), "Tagging"))
        pairs = set_of(asked.tag_set, limits.object_tags_max)
        headers["x-amz-tagging"] = "&".join(
            [f"{uri.encode(key.encode())}={uri.encode(value.encode())}" for key, value in pairs]
        )
    return headers


class _File(BodySource):
    """The file of a form, held against the bounds of its policy."""

    def __init__(self, parser: FormParser, body: Payload, bytes_min: int, bytes_max: int) -> None:
        self._parser: Final = parser
        self._body: Final = body
        self._min: Final = bytes_min
        self._max: Final = bytes_max
        self._size = 0

    async def read(self) -> bytes:
        """Raises S3Error: EntityTooLarge, EntityTooSmall, IncompleteBody."""
        while True:
            piece = self._parser.take()
            self._size += len(piece)
            if self._size > self._max:
                sizes = {"ProposedSize": str(self._size), "MaxSizeAllowed": str(self._max)}
                raise S3Error("EntityTooLarge", **sizes)
            if piece:
                return piece
            if self._parser.is_done:
                break
            more = await self._body.read()
            if not more:
                raise S3Error("IncompleteBody", "The form ended inside its file.")
            self._parser.feed(more)
        if self._size < self._min:
            raise S3Error("EntityTooSmall", ProposedSize=str(self._size), MinSizeAllowed=str(self._min))
        return b""


def _answer(call: Call, bucket: str, fields: Mapping[str, str], stored: Response) -> Response:
    """204, or what the form asked for: 200, 201 with a document, or 303 to another page."""
    key = fields["key"]
    etag = next(value.decode() for name, value in stored.headers if name == b"etag")
    place = uri.url_of(call.origin, call.services.domains, bucket, key)
    redirect = _redirect(fields)
    if redirect:
        told = f"bucket={uri.encode(bucket.encode())}&key={uri.encode(key.encode())}&etag={uri.encode(etag.encode())}"
        join = "&" if urlsplit(redirect).query else "?"
        return Response(303, [*stored.headers, header("location", f"{redirect}{join}{told}")])
    status = _STATUSES.get(fields.get("success_action_status", ""), 204)
    headers = [*stored.headers, header("location", place)]
    if status != 201:
        return Response(status, headers)
    document = xml.write("PostResponse", {"Location": place, "Bucket": bucket, "Key": key, "ETag": etag}, namespace="")
    return Response(status, [*headers, XML_TYPE], document)


def _redirect(fields: Mapping[str, str]) -> str:
    """The page to go on to; empty: none, or one that no browser could go to."""
    wanted = next((fields[name] for name in _REDIRECTS if fields.get(name)), "")
    try:
        parts = urlsplit(wanted)
    except ValueError:
        return ""
    is_good = parts.scheme in ("http", "https") and parts.netloc and wanted.isascii() and wanted.isprintable()
    return wanted if is_good and " " not in wanted else ""


def _missing(name: str) -> S3Error:
    return S3Error(
        "InvalidArgument",
        f"Bucket POST must contain a field named '{name}'.  If it is specified, please check the order of the fields.",
        ArgumentName=name,
        ArgumentValue="",
    )
