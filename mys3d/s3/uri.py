"""The request target: raw bytes in, bucket and key out.        Floor: s3 (pure). Called by: router, sigv4, operations.

Law: nothing is ever normalised. Only the first "/" after the bucket separates; `//`, `.`, `..` and a trailing "/" are
bytes of the key, "+" is a plus, and text that is not UTF-8 is refused instead of replaced.
Source: S3 User Guide, "Naming Amazon S3 objects"; RFC 3986, 2.1.
"""

import re
from collections.abc import Sequence
from typing import Final
from urllib.parse import quote_from_bytes

import msgspec

from mys3d.errors import S3Error

_BROKEN_ESCAPE: Final = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_ESCAPE: Final = re.compile(rb"%([0-9A-Fa-f]{2})")

QueryPairs = tuple[tuple[bytes, bytes], ...]  # decoded, in order of arrival


class Target(msgspec.Struct, frozen=True):
    """What the path names. Empty strings: no bucket, no key."""

    bucket: str
    key: str


def decode(raw: bytes) -> bytes:
    """Undo percent-encoding once. Raises S3Error InvalidURI for a broken escape."""
    if b"%" not in raw:
        return raw
    if _BROKEN_ESCAPE.search(raw) is not None:
        raise S3Error("InvalidURI")
    return _ESCAPE.sub(lambda found: bytes((int(found.group(1), 16),)), raw)


def decode_text(raw: bytes) -> str:
    """Undo percent-encoding and read UTF-8. Raises S3Error InvalidURI."""
    try:
        return decode(raw).decode()
    except UnicodeDecodeError as error:
        raise S3Error("InvalidURI", "The URI is not percent-encoded UTF-8.") from error


def encode(data: bytes, *, safe: str = "") -> str:
    """Percent-encode as SigV4 does: all but A-Z a-z 0-9 - _ . ~ and `safe`."""
    return quote_from_bytes(data, safe=safe)


def split_path(raw_path: bytes) -> Target:
    """Return bucket and key of a path-style target. Raises S3Error InvalidURI."""
    if not raw_path.startswith(b"/"):
        raise S3Error("InvalidURI")
    bucket, _, key = raw_path[1:].partition(b"/")
    return Target(decode_text(bucket), decode_text(key))


def bucket_of_host(host: str, domains: Sequence[str]) -> str:
    """Return the bucket that a Host header names in front of one of `domains`; empty: there is none (path style)."""
    name = (host if host.endswith("]") else host.rsplit(":", 1)[0]).lower()
    for domain in domains:
        if name.endswith(f".{domain}"):
            return name[: -len(domain) - 1]
    return ""


def target_of(raw_path: bytes, host: str, domains: Sequence[str]) -> Target:
    """Return bucket and key of a target in either style. Raises S3Error InvalidURI."""
    bucket = bucket_of_host(host, domains) if domains else ""
    if not bucket:
        return split_path(raw_path)
    if not raw_path.startswith(b"/"):
        raise S3Error("InvalidURI")
    return Target(bucket, decode_text(raw_path[1:]))


def url_of(origin: str, domains: Sequence[str], bucket: str, key: str) -> str:
    """The URL of an object below `origin` (scheme and host of a request), in the style of that request."""
    host = origin.partition("://")[2]
    place = "" if bucket_of_host(host, domains) else f"/{bucket}"
    return f"{origin}{place}/{encode(key.encode(), safe='/')}"


def query_pairs(raw_query: bytes) -> QueryPairs:
    """Return the decoded pairs of a query. A name without "=" has the empty value. Raises S3Error InvalidURI."""
    if not raw_query:
        return ()
    pairs = []
    for piece in raw_query.split(b"&"):
        if piece:
            name, _, value = piece.partition(b"=")
            pairs.append((decode(name), decode(value)))
    return tuple(pairs)


def query_texts(pairs: QueryPairs) -> dict[str, str]:
    """Return the query as text; the first of equal names counts. Raises S3Error InvalidURI unless it is UTF-8."""
    texts: dict[str, str] = {}
    try:
        for name, value in pairs:
            texts.setdefault(name.decode(), value.decode())
    except UnicodeDecodeError as error:
        raise S3Error("InvalidURI", "The query is not percent-encoded UTF-8.") from error
    return texts
