"""Signature Version 2, in the Authorization header or in the query.        Floor: s3 (pure). Called by: operations.

Law: what this version signs (method, content type and digest, date, x-amz headers, path, sub-resources) is compared as
it arrived, in constant time. It signs neither body, host nor most of the query: what selects the operation of a
presigned request has to be among what it signs, or a link for one operation would serve for another.
Source: S3 User Guide, "Signing and authenticating REST requests"; botocore, `HmacV1Auth` and `HmacV1QueryAuth`.
"""

import base64
import hmac
from dataclasses import dataclass
from typing import Final

from mys3d.errors import S3Error
from mys3d.model.names import Instant
from mys3d.s3 import dates, uri
from mys3d.s3.message import Request
from mys3d.s3.sigv4 import check_skew

# Sub-resources and overrides that are signed, as botocore lists them.
SIGNED: Final = frozenset(
    {
        "accelerate",
        "acl",
        "analytics",
        "cors",
        "defaultObjectAcl",
        "delete",
        "inventory",
        "lifecycle",
        "location",
        "logging",
        "metrics",
        "notification",
        "object-lock",
        "partNumber",
        "policy",
        "replication",
        "requestPayment",
        "response-cache-control",
        "response-content-disposition",
        "response-content-encoding",
        "response-content-language",
        "response-content-type",
        "response-expires",
        "restore",
        "select",
        "select-type",
        "storageClass",
        "tagging",
        "torrent",
        "uploadId",
        "uploads",
        "versionId",
        "versioning",
        "versions",
        "website",
    }
)


@dataclass(frozen=True, slots=True)
class Claim:
    """What a request says of its signer. Nothing here is trusted before `verify`."""

    access_key: str
    signature: str
    date: str  # as the string to sign holds it: empty when x-amz-date stands among the headers
    is_presigned: bool


def read_claim(request: Request, now: Instant) -> Claim:
    """Parse `AWS AccessKey:Signature` and check the time. Raises S3Error."""
    header = request.header(b"authorization")
    assert header is not None, "a request with an Authorization header"
    access_key, colon, signature = header.partition(" ")[2].strip().rpartition(":")
    if not colon or not access_key or not signature:
        raise S3Error(
            "InvalidArgument",
            "AWS authorization header is invalid.  Expected AwsAccessKeyId:signature",
            ArgumentName="Authorization",
            ArgumentValue=header,
        )
    amz_date = request.header(b"x-amz-date")
    date = request.header(b"date") or ""
    _check_time(date if amz_date is None else amz_date, now)
    return Claim(access_key, signature, date if amz_date is None else "", is_presigned=False)


def read_query_claim(request: Request, now: Instant) -> Claim:
    """Parse AWSAccessKeyId, Signature and Expires of the query. Raises S3Error."""
    query = uri.query_texts(uri.query_pairs(request.raw_query))
    access_key, signature, expires = (query.get(name, "") for name in ("AWSAccessKeyId", "Signature", "Expires"))
    if not access_key or not signature or not expires:
        raise S3Error(
            "AccessDenied", "Query-string authentication requires the Signature, Expires and AWSAccessKeyId parameters"
        )
    if not (expires.isascii() and expires.removeprefix("-").isdigit() and len(expires) <= 12):
        raise S3Error("AccessDenied", "Invalid date (should be seconds since epoch)", Expires=expires)
    if now > int(expires) * 1000:
        raise S3Error("AccessDenied", "Request has expired", Expires=expires, ServerTime=dates.iso_date(now))
    return Claim(access_key, signature, expires, is_presigned=True)


def _check_time(text: str, now: Instant) -> None:
    at = dates.parse_http_date(text)
    if at is None:
        at = dates.parse_amz_date(text)
    if at is None or at < 0:
        raise S3Error("AccessDenied", "AWS authentication requires a valid Date or x-amz-date header")
    check_skew(at, text, now)


def verify(request: Request, claim: Claim, secret: str, hoisted: dict[str, str], bucket: str = "") -> None:
    """Compare the signature with that of `secret`. `bucket`: what the host names and the path does not.

    Raises S3Error SignatureDoesNotMatch.
    """
    text = string_to_sign(request, claim.date, hoisted, bucket)
    expected = base64.b64encode(hmac.digest(secret.encode(), text.encode("latin-1"), "sha1"))
    if not hmac.compare_digest(expected, claim.signature.encode("latin-1", "replace")):
        raise S3Error(
            "SignatureDoesNotMatch",
            AWSAccessKeyId=claim.access_key,
            StringToSign=text,
            SignatureProvided=claim.signature,
        )


def string_to_sign(request: Request, date: str, hoisted: dict[str, str], bucket: str) -> str:
    """As latin-1 text, one character a byte. Raises S3Error InvalidURI."""
    headers = {name: value.encode().decode("latin-1") for name, value in hoisted.items()}
    arrived: dict[str, str] = {}
    for raw_name, raw_value in request.headers:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1").strip()
        arrived[name] = f"{arrived[name]},{value}" if name in arrived else value
    headers |= arrived
    plain = [headers.get(name, "") for name in ("content-md5", "content-type")]
    amz = "".join([f"{name}:{headers[name]}\n" for name in sorted(headers) if name.startswith("x-amz-")])
    return "\n".join([request.method, *plain, date, amz]) + _resource(request, bucket)


def _resource(request: Request, bucket: str) -> str:
    """The path as it was sent, below the bucket of the host; then the sub-resources, decoded and sorted."""
    path = request.raw_path.decode("latin-1")
    pairs = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in uri.query_pairs(request.raw_query)]
    bare = frozenset(piece for piece in request.raw_query.decode("latin-1").split("&") if "=" not in piece)
    signed = sorted([pair for pair in pairs if pair[0] in SIGNED], key=lambda pair: pair[0])
    query = "&".join([name if not value and name in bare else f"{name}={value}" for name, value in signed])
    return (f"/{bucket}{path}" if bucket else path) + (f"?{query}" if query else "")
