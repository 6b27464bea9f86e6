"""In which way a request is signed, and what its query stands in for.        Floor: s3 (pure). Called by: operations.

Law: a request is signed in one way or by nobody; two at once are refused, so that no part of a request is believed on
the word of another part. What a signed query says as a header counts as one, unless the header itself came.
Source: S3 API, "Authenticating Requests"; S3 User Guide, "Signing and authenticating REST requests" (Version 2).
"""

import enum
import re
from collections.abc import Mapping
from typing import Final

from mys3d.errors import S3Error
from mys3d.s3 import sigv4, uri
from mys3d.s3.message import CONTROL, Request


class Way(enum.Enum):
    """How a request says who sent it."""

    HEADER_V4 = enum.auto()
    QUERY_V4 = enum.auto()
    HEADER_V2 = enum.auto()
    QUERY_V2 = enum.auto()
    NOBODY = enum.auto()

    @property
    def is_query(self) -> bool:
        return self in (Way.QUERY_V4, Way.QUERY_V2)


_V4_MARKS: Final = frozenset((b"X-Amz-Signature", b"X-Amz-Algorithm", b"X-Amz-Credential"))
_V2_MARKS: Final = frozenset((b"AWSAccessKeyId", b"Signature"))
_PLAIN_HOISTED: Final = frozenset(("content-type", "content-md5"))  # by botocore, for Signature Version 2 alone
_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9a-z-]+")  # RFC 9110, 5.6.2, in lower case
_NOT_HOISTED: Final = frozenset(
    f"x-amz-{name}"
    for name in ("algorithm", "credential", "date", "expires", "security-token", "signature", "signedheaders")
)


def way_of(request: Request) -> Way:
    """Raises S3Error InvalidArgument (two ways at once, an unknown one), NotImplemented (Signature Version 4A)."""
    headers = [value for name, value in request.headers if name == b"authorization"]
    ways = _ways_of_query(request)
    if len(ways) + len(headers) > 1:
        raise S3Error(
            "InvalidArgument",
            "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, "
            "Signature query string parameter or the Authorization header should be specified",
        )
    if headers:
        return _way_of_header(headers[0].decode("latin-1"))
    return ways[0] if ways else Way.NOBODY


def _ways_of_query(request: Request) -> list[Way]:
    if not request.raw_query:
        return []
    pairs = uri.query_pairs(request.raw_query)
    names = frozenset(name for name, _ in pairs)
    if any(name == b"X-Amz-Algorithm" and value.startswith(b"AWS4-ECDSA-") for name, value in pairs):
        raise _asymmetric()
    marks = ((_V4_MARKS, Way.QUERY_V4), (_V2_MARKS, Way.QUERY_V2))
    return [way for own, way in marks if not own.isdisjoint(names)]


def _way_of_header(header: str) -> Way:
    kind = header.partition(" ")[0]
    if kind == sigv4.ALGORITHM:
        return Way.HEADER_V4
    if kind == "AWS":
        return Way.HEADER_V2
    if kind.startswith("AWS4-ECDSA-"):
        raise _asymmetric()
    raise S3Error(
        "InvalidArgument", "Unsupported Authorization Type", ArgumentName="Authorization", ArgumentValue=header
    )


def _asymmetric() -> S3Error:
    return S3Error("NotImplemented", "Signature Version 4A is not implemented.")


def stated(name: str, value: str) -> tuple[str, str]:
    """A header that stands in a query or a form, as a header could have been sent. Raises S3Error InvalidArgument.

    Without this a link or a form could store what no answer can tell again.
    """
    if _TOKEN.fullmatch(name) is None or CONTROL.search(value) is not None:
        raise S3Error("InvalidArgument", "It could not be a header.", ArgumentName=name, ArgumentValue=value)
    return name, value.strip()


def hoisted(way: Way, query: Mapping[str, str]) -> dict[str, str]:
    """The headers that a presigned query says in their place, by lower-case name. Raises S3Error InvalidArgument."""
    if not way.is_query:
        return {}
    plain = _PLAIN_HOISTED if way is Way.QUERY_V2 else frozenset()
    named = [(name.lower(), value) for name, value in query.items()]
    return dict(
        stated(name, value)
        for name, value in named
        if (name.startswith("x-amz-") and name not in _NOT_HOISTED) or name in plain
    )
