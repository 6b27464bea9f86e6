"""What a signed request says, read from the rules of Signature Version 4 and not from our code.

Two requests mean the same when every rule maps them to the same canonical request, string to sign and signature. The
rules leave open, and nothing else:

- how a byte of the path or of the query is escaped, and "a" instead of "a=" (both are decoded and encoded again);
- the order of the query's pairs (they are sorted), empty pairs, and how often X-Amz-Signature stands in a query;
- blanks around a header's value and how many stand inside (trimmed, runs become one), one header given in two lines
  (joined by a comma), and the order of headers of different names (sorted);
- headers that are not signed, unless they are Host or begin with x-amz-: these must be signed;
- blanks, order and further fields in Authorization (it is parsed, not signed);
- a body that the payload's name does not cover: UNSIGNED-PAYLOAD, an unsigned trailer, a body of GET, HEAD or DELETE;
- how a chunk's size is spelled, and line ends around chunks (the sizes are not signed, the bytes are).

Source: S3 API, "Authenticating Requests: Using the Authorization Header", "... Using Query Parameters", "Signature
Calculations for the Authorization Header: Transferring Payload in Multiple Chunks".
"""

import hashlib
import re
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from mys3d.s3.message import Request

ALGORITHM = "AWS4-HMAC-SHA256"
SIGNED_CHUNKS = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
_FIELDS = ("Credential", "SignedHeaders", "Signature")
_BROKEN = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,16});chunk-signature=([0-9a-f]{64})\r?\n")


class Unreadable(Exception):
    """No signed request can be read here."""


@dataclass(frozen=True, slots=True)
class Sent:
    """One request and its body."""

    request: Request
    body: bytes


@dataclass(frozen=True, slots=True)
class Meaning:
    """What of a request is signed."""

    method: str
    path: tuple[bytes, ...]
    query: tuple[tuple[bytes, bytes], ...]
    names: tuple[str, ...]  # of the signed headers
    values: tuple[bytes, ...]
    unsigned: tuple[tuple[bytes, bytes], ...]  # that would have to be signed
    credential: str
    timestamp: str
    signature: str
    payload: str
    body: object  # None: not covered


def meaning_of(sent: Sent) -> Meaning:
    """Raises Unreadable."""
    request = sent.request
    pairs = query_of(request.raw_query)
    header = first(request, b"authorization")
    by_query = {name: value.decode("latin-1") for name, value in reversed(pairs)}  # the first of equal names counts
    is_query = b"X-Amz-Signature" in by_query
    if header is None and not is_query:
        raise Unreadable("not signed")
    if [name for name, _ in request.headers].count(b"authorization") > 1:
        raise Unreadable("two who say that they signed")
    if header is not None:
        if not {b"X-Amz-Signature", b"X-Amz-Algorithm", b"X-Amz-Credential"}.isdisjoint(by_query):
            raise Unreadable("signed in two ways")
        fields = fields_of(header)
        credential, names, signature = (fields.get(name, "") for name in _FIELDS)
        timestamp = first(request, b"x-amz-date") or first(request, b"date") or ""
        payload = first(request, b"x-amz-content-sha256")
    else:
        named = (b"X-Amz-Credential", b"X-Amz-SignedHeaders", b"X-Amz-Signature", b"X-Amz-Date", b"X-Amz-Algorithm")
        credential, names, signature, timestamp, algorithm = (by_query.get(name, "") for name in named)
        if algorithm != ALGORITHM:
            raise Unreadable("another algorithm")
        payload = by_query.get(b"X-Amz-Content-Sha256") or first(request, b"x-amz-content-sha256") or "UNSIGNED-PAYLOAD"
        pairs = [pair for pair in pairs if pair[0] != b"X-Amz-Signature"]
    signed = tuple(names.split(";"))
    if payload is None:
        raise Unreadable("no name of the payload")
    return Meaning(
        method=request.method,
        path=tuple(unescaped(segment) for segment in request.raw_path.split(b"/")),
        query=tuple(sorted(pairs)),
        names=signed,
        values=tuple(value_of(request, name.encode("latin-1")) for name in signed),
        unsigned=tuple(
            pair
            for pair in request.headers
            if (pair[0].startswith(b"x-amz-") or pair[0] == b"host") and pair[0].decode("latin-1") not in signed
        ),
        credential=credential,
        timestamp=timestamp,
        signature=signature,
        payload=payload,
        body=covered(request.method, payload, sent.body),
    )


def first(request: Request, name: bytes) -> str | None:
    found = next((value for known, value in request.headers if known == name), None)
    return None if found is None else found.decode("latin-1")


def unescaped(raw: bytes) -> bytes:
    if _BROKEN.search(raw):
        raise Unreadable("a broken escape")
    return unquote_to_bytes(raw)


def query_of(raw_query: bytes) -> list[tuple[bytes, bytes]]:
    parts = [piece.partition(b"=") for piece in raw_query.split(b"&") if piece]
    return [(unescaped(name), unescaped(value)) for name, _, value in parts]


def fields_of(header: str) -> dict[str, str]:
    algorithm, _, rest = header.partition(" ")
    if algorithm != ALGORITHM:
        raise Unreadable("another algorithm")
    fields: dict[str, str] = {}
    for piece in rest.split(","):
        name, equals, value = piece.strip(" \t").partition("=")
        if not equals or name in fields:
            raise Unreadable("no list of fields")
        fields[name] = value
    return fields


def value_of(request: Request, name: bytes) -> bytes:
    values = [value for known, value in request.headers if known == name]
    return b",".join(
        re.sub(rb"[ \t]+", b" ", value.strip(b" \t")) if b"  " in value else value.strip(b" \t") for value in values
    )


def covered(method: str, payload: str, body: bytes) -> object:
    """What of a body the payload's name covers; None: nothing."""
    if method not in ("PUT", "POST"):
        return None
    if payload == SIGNED_CHUNKS:
        return chunks_of(body)
    if re.fullmatch("[0-9a-f]{64}", payload):
        return hashlib.sha256(body).hexdigest()
    return None


def chunks_of(body: bytes) -> tuple[tuple[bytes, bytes], ...]:
    """The signature and the bytes of every chunk. Raises Unreadable."""
    found = []
    at = 0
    while True:
        head = _CHUNK.match(body, at)
        if head is None:
            raise Unreadable("no chunk")
        at = head.end()
        size = int(head[1], 16)
        found.append((head[2], body[at : at + size]))
        rest = body[at + size :]
        if size == 0:
            break
        end = re.match(rb"\r?\n", rest)
        if end is None:
            raise Unreadable("a chunk does not end")
        at += size + end.end()
    if rest not in (b"", b"\r\n", b"\n"):
        raise Unreadable("something behind the last chunk")
    return tuple(found)


def differences(before: Sent, after: Sent) -> frozenset[str]:
    """In which of the ways that the rules leave open two requests of one meaning differ."""
    old, new = before.request, after.request
    found = set()
    if old.raw_path != new.raw_path:
        found.add("a path escaped otherwise")
    if old.raw_query != new.raw_query:
        pairs = [query_of(raw) for raw in (old.raw_query, new.raw_query)]
        same = pairs[0] == pairs[1]
        once = len(pairs[0]) == len(pairs[1])
        found.add("a query escaped otherwise" if same else "a query in another order" if once else "a signature more")
    if first(old, b"authorization") != first(new, b"authorization"):
        found.add("an Authorization written otherwise")
    found |= _differences_of_headers(old, new, meaning_of(after).names)
    if before.body != after.body:
        found.add("a chunk spelled otherwise" if meaning_of(after).body is not None else "a body that is not covered")
    return frozenset(found)


def _differences_of_headers(old: Request, new: Request, signed: tuple[str, ...]) -> set[str]:
    if old.headers == new.headers:
        return set()
    if sorted(old.headers) == sorted(new.headers):
        return {"headers in another order"}
    found = set()
    before, after = ([pair for pair in each.headers if pair[0].decode() in signed] for each in (old, new))
    if len(before) != len(after):
        found.add("one header in two lines")
    elif before != after:
        found.add("blanks in a header")
    others = [
        [pair for pair in each.headers if pair[0].decode() not in (*signed, "authorization")] for each in (old, new)
    ]
    if sorted(others[0]) != sorted(others[1]):
        found.add("a header that is not signed")
    return found
