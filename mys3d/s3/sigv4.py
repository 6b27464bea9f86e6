"""Signature Version 4, in the Authorization header or in the query.        Floor: s3 (pure). Called by: operations.

Law: a request is the signer's only if method, path, query, every signed header and the payload's name are exactly
what was signed; signatures are compared in constant time. Nothing is normalised: `//` and `..` stay, the path is
encoded once. Time and secret come as arguments.
Source: S3 API, "Authenticating Requests: Using the Authorization Header" and "... Using Query Parameters".
"""

import hashlib
import hmac
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Final, NamedTuple

import msgspec

from mys3d import limits
from mys3d.errors import S3Error
from mys3d.model.names import Instant
from mys3d.s3 import dates, uri
from mys3d.s3.message import Headers, Request

ALGORITHM: Final = "AWS4-HMAC-SHA256"
EMPTY_SHA256: Final = hashlib.sha256(b"").hexdigest()

_HEX: Final = frozenset("0123456789abcdef")
_ZEROS: Final = "0" * 64
_SIGNATURE: Final = b"X-Amz-Signature"
_QUERY_FIELDS: Final = (
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Signature",
    "X-Amz-Date",
    "X-Amz-SignedHeaders",
    "X-Amz-Expires",
)


class Claim(msgspec.Struct, frozen=True):
    """What a request says of its signer. Nothing here is trusted before `verify`."""

    access_key: str
    date: str  # the day of the scope, YYYYMMDD
    region: str
    signed_headers: str  # lower-case names joined by ";"
    signature: str
    timestamp: str  # YYYYMMDDTHHMMSSZ
    content_sha256: str
    is_presigned: bool = False

    @property
    def scope(self) -> str:
        return f"{self.date}/{self.region}/s3/aws4_request"


class SigningKeys:
    """Signing keys by (secret, day, region): deriving one costs four HMACs, a day sees few of them."""

    def __init__(self) -> None:
        self._keys: dict[tuple[str, str, str], bytes] = {}

    def key(self, secret: str, date: str, region: str) -> bytes:
        known = self._keys.get((secret, date, region))
        if known is not None:
            return known
        if len(self._keys) >= limits.signing_keys_max:
            self._keys.clear()
        derived = b"AWS4" + secret.encode()
        for part in (date, region, "s3", "aws4_request"):
            derived = hmac.digest(derived, part.encode(), "sha256")
        self._keys[secret, date, region] = derived
        return derived


def read_claim(request: Request, now: Instant) -> Claim:
    """Parse who the Authorization header says has signed, and check the time. The caller checks the region.

    Raises S3Error.
    """
    header = request.header(b"authorization")
    assert header is not None, "a request with an Authorization header"
    access_key, date, region, signed_headers, signature = _authorization(header)
    content = request.header(b"x-amz-content-sha256")
    if content is None:
        raise S3Error("InvalidRequest", "Missing required header for this request: x-amz-content-sha256")
    return Claim(
        access_key=access_key,
        date=date,
        region=region,
        signed_headers=signed_headers,
        signature=signature,
        timestamp=_timestamp(request, date, now),
        content_sha256=content,
    )


def read_query_claim(request: Request, now: Instant) -> Claim:
    """Parse who the query says has signed, and whether the link is good now. Raises S3Error."""
    query = uri.query_texts(uri.query_pairs(request.raw_query))
    if any(not query.get(name) for name in _QUERY_FIELDS):
        raise _malformed_query(
            "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, "
            "X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters."
        )
    if query["X-Amz-Algorithm"] != ALGORITHM:
        raise _malformed_query('X-Amz-Algorithm only supports "AWS4-HMAC-SHA256"')
    if not _is_signature(query["X-Amz-Signature"]):
        raise S3Error("SignatureDoesNotMatch", SignatureProvided=query["X-Amz-Signature"])
    access_key, date, region = _credential(query["X-Amz-Credential"], _malformed_query)
    _check_validity(query["X-Amz-Date"], query["X-Amz-Expires"], now)
    if query["X-Amz-Date"][:8] != date:
        raise _malformed_query(f'Invalid credential date "{date}". This date is not the same as X-Amz-Date.')
    content = query.get("X-Amz-Content-Sha256") or request.header(b"x-amz-content-sha256")
    return Claim(
        access_key=access_key,
        date=date,
        region=region,
        signed_headers=query["X-Amz-SignedHeaders"],
        signature=query["X-Amz-Signature"],
        timestamp=query["X-Amz-Date"],
        content_sha256=content or "UNSIGNED-PAYLOAD",
        is_presigned=True,
    )


def read_form_claim(credential: str, date: str, signature: str) -> Claim:
    """Parse who the fields of a form say has signed its policy; that says how long it is good. Raises S3Error."""
    access_key, day, region = _credential(credential, _malformed_query)
    if dates.parse_amz_date(date) is None or date[:8] != day:
        raise _malformed_query(f'Invalid credential date "{day}". This date is not the same as X-Amz-Date.')
    return Claim(access_key, day, region, "", signature, date, "", is_presigned=True)


def _check_validity(date: str, expires: str, now: Instant) -> None:
    """A link is good from its date (less what clocks may differ) for its seconds."""
    at = dates.parse_amz_date(date)
    if at is None:
        raise _malformed_query("X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"")
    if not (expires.isascii() and expires.removeprefix("-").isdigit()):
        raise _malformed_query("X-Amz-Expires should be a number")
    seconds = int(expires[:8])
    if seconds > limits.presigned_seconds_max:
        raise _malformed_query(
            "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than "
            f"{limits.presigned_seconds_max} seconds"
        )
    until = Instant(at + seconds * 1000)
    if now < at - limits.request_skew_ms:
        raise S3Error("AccessDenied", "Request is not yet valid", ServerTime=dates.iso_date(now))
    if now > until or seconds < 1:
        raise S3Error(
            "AccessDenied",
            "Request has expired",
            Expires=dates.iso_date(until),
            ServerTime=dates.iso_date(now),
            **{"X-Amz-Expires": expires},
        )


def wrong_region(claim: Claim, region: str) -> S3Error:
    """Return the refusal that names the right region: SDKs sign again with it."""
    refuse = _malformed_query if claim.is_presigned else malformed
    return refuse(f"the region '{claim.region}' is wrong; expecting '{region}'", Region=region)


def verify(request: Request, claim: Claim, key: bytes) -> None:
    """Compare the signature with that of `key` (see `SigningKeys`). Raises S3Error."""
    headers = _signed_headers(request.headers, claim)
    query = canonical_query(request.raw_query, without=_SIGNATURE if claim.is_presigned else None)
    behind = b"\n%b\n%b\n%b\n%b" % (
        query.encode(),
        headers,
        claim.signed_headers.encode(),
        claim.content_sha256.encode(),
    )
    for path in _canonical_paths(request.raw_path):
        canonical = b"%b\n%b%b" % (request.method.encode(), path, behind)
        digest = hashlib.sha256(canonical).hexdigest()
        text = f"{ALGORITHM}\n{claim.timestamp}\n{claim.scope}\n{digest}"
        expected = hmac.digest(key, text.encode(), "sha256").hex()
        if hmac.compare_digest(expected, claim.signature):
            return
    raise S3Error(
        "SignatureDoesNotMatch",
        AWSAccessKeyId=claim.access_key,
        StringToSign=text,
        SignatureProvided=claim.signature,
        CanonicalRequest=canonical.decode("latin-1"),
    )


def canonical_query(raw_query: bytes, without: bytes | None = None) -> str:
    """Decode, encode again as SigV4 does, and sort by encoded name, then value. Raises S3Error InvalidURI."""
    if not raw_query:
        return ""
    found = uri.query_pairs(raw_query)
    pairs = [(uri.encode(name), uri.encode(value)) for name, value in found if name != without]
    return "&".join([f"{name}={value}" for name, value in sorted(pairs)])


def _canonical_paths(raw_path: bytes) -> Iterator[bytes]:
    """The path as sent, then as SigV4 would encode it: some clients sign the encoded form of what they send bare."""
    yield raw_path
    # By segment, so that "%2F" in a key stays data and never becomes a separator.
    encoded = b"/".join([uri.encode(uri.decode(segment)).encode() for segment in raw_path.split(b"/")])
    if encoded != raw_path:
        yield encoded


def _signed_headers(headers: Headers, claim: Claim) -> bytes:
    """Return the canonical headers block. Raises S3Error AccessDenied when a header had to be signed and was not."""
    names = _names(claim.signed_headers)
    values: dict[bytes, bytes] = {}
    for name, value in headers:
        if name not in names.all:
            if name.startswith(b"x-amz-") or name == b"host":
                raise _not_signed(name.decode("latin-1"))
            continue
        value = value.strip(b" \t")
        if b"  " in value:
            value = b" ".join(value.split())
        values[name] = b"%b,%b" % (values[name], value) if name in values else value
    if b"host" not in values:
        raise _not_signed("host")
    if not names.is_sorted:
        refuse = _malformed_query if claim.is_presigned else malformed
        raise refuse("SignedHeaders is not a sorted list of lower-case names")
    return b"".join([b"%b:%b\n" % (name, values.get(name, b"")) for name in names.ordered])


class _Names(NamedTuple):
    """The names of a list of signed headers."""

    ordered: tuple[bytes, ...]
    all: frozenset[bytes]
    is_sorted: bool  # and none stands twice


def _names(signed_headers: str) -> _Names:
    is_short = len(signed_headers) <= limits.signer_chars_max  # of a long text nothing is remembered
    return _known_names(signed_headers) if is_short else _read_names(signed_headers)


def _read_names(signed_headers: str) -> _Names:
    ordered = tuple(signed_headers.encode().split(b";"))
    return _Names(ordered, frozenset(ordered), list(ordered) == sorted(set(ordered)))


_known_names: Final = lru_cache(maxsize=limits.signers_max)(_read_names)


def _not_signed(name: str) -> S3Error:
    message = "There were headers present in the request which were not signed"
    return S3Error("AccessDenied", message, HeadersNotSigned=name)


def _authorization(header: str) -> tuple[str, str, str, str, str]:
    """Return access key, date, region, signed headers and signature. Raises S3Error.

    All but the signature, which stands last as a rule, is the same in each request of a client for a day.
    """
    before, mark, signature = header.rpartition("Signature=")
    if not mark or "," in signature or not before.rstrip().endswith(","):
        fields = _fields(header)
        return *_signer(fields["Credential"], fields["SignedHeaders"]), fields["Signature"]
    signer = _known_signer(before) if len(before) <= limits.signer_chars_max else _read_signer(before)
    signature = signature.rstrip()
    if not _is_signature(signature):
        raise malformed("the signature is not 64 hex digits")
    return *signer, signature


def _read_signer(before: str) -> tuple[str, str, str, str]:
    fields = _fields(f"{before}Signature={_ZEROS}")
    return _signer(fields["Credential"], fields["SignedHeaders"])


_known_signer: Final = lru_cache(maxsize=limits.signers_max)(_read_signer)


def _signer(credential: str, signed_headers: str) -> tuple[str, str, str, str]:
    return *_credential(credential, malformed), signed_headers


def _fields(header: str) -> dict[str, str]:
    """`AWS4-HMAC-SHA256 Credential=..., SignedHeaders=..., Signature=...`, with or without spaces behind commas."""
    fields: dict[str, str] = {}
    for piece in header.partition(" ")[2].split(","):
        name, equals, value = piece.strip().partition("=")
        if not equals or name in fields:
            raise malformed("the header is not a list of Credential, SignedHeaders and Signature")
        fields[name] = value
    for name in ("Credential", "SignedHeaders", "Signature"):
        if not fields.get(name):
            raise malformed(f"missing {name}")
    if not _is_signature(fields["Signature"]):
        raise malformed("the signature is not 64 hex digits")
    return fields


def _is_signature(text: str) -> bool:
    return len(text) == 64 and _HEX.issuperset(text)


def _credential(text: str, refuse: Callable[[str], S3Error]) -> tuple[str, str, str]:
    parts = text.rsplit("/", 4)
    if len(parts) != 5 or not parts[0]:
        raise refuse('the Credential is mal-formed; expecting "<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request"')
    access_key, date, region, service, ending = parts
    if service != "s3" or ending != "aws4_request":
        raise refuse(f"incorrect service or terminal in the Credential: '{service}/{ending}'")
    return access_key, date, region


def _timestamp(request: Request, date: str, now: Instant) -> str:
    """Return the time of signing as the string to sign holds it. Raises S3Error."""
    text = request.header(b"x-amz-date")
    at = dates.parse_amz_date(text) if text is not None else None
    if text is None:
        plain = request.header(b"date")
        at = dates.parse_http_date(plain) if plain is not None else None
        text = dates.amz_date(at) if at is not None else None
    if at is None or text is None:
        raise S3Error("AccessDenied", "AWS authentication requires a valid Date or x-amz-date header")
    check_skew(at, text, now)
    if not text.startswith(date) or len(date) != 8:
        raise malformed(f'Invalid credential date "{date}". This date is not the same as X-Amz-Date: "{text[:8]}".')
    return text


def check_skew(at: Instant, text: str, now: Instant) -> None:
    """Raises S3Error RequestTimeTooSkewed. `text`: the time of signing as it arrived."""
    if abs(now - at) > limits.request_skew_ms:
        raise S3Error(
            "RequestTimeTooSkewed",
            RequestTime=text,
            ServerTime=dates.iso_date(now),
            MaxAllowedSkewMilliseconds=str(limits.request_skew_ms),
        )


def malformed(what: str, **fields: str) -> S3Error:
    return S3Error("AuthorizationHeaderMalformed", f"The authorization header is malformed; {what}.", **fields)


def _malformed_query(what: str, **fields: str) -> S3Error:
    return S3Error("AuthorizationQueryParametersError", what, **fields)
