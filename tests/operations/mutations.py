"""One change of a signed request, of every kind that somebody in between could make."""

import random
from collections.abc import Callable
from dataclasses import replace

from tests.operations.meanings import Sent, first

METHODS = ("GET", "HEAD", "PUT", "POST", "DELETE", "OPTIONS")
LETTERS = b"abcxyzABCXYZ0189-_.~/%=&,;:+ *?"
ADDED = (
    (b"x-amz-acl", b"public-read"),
    (b"x-amz-meta-b", b"c"),
    (b"x-amz-copy-source", b"/photos/k"),
    (b"x-amz-tagging", b"a=b"),
    (b"x-amz-date", b"20151021T072800Z"),
    (b"host", b"other"),
    (b"range", b"bytes=0-1"),
    (b"if-match", b"*"),
    (b"user-agent", b"somebody"),
    (b"x-forwarded-for", b"10.0.0.1"),
)
PARAMETERS = (b"acl", b"versionId=null", b"X-Amz-Signature=" + b"0" * 64, b"x-amz-acl=public-read", b"a=b", b"", b"=")
PAYLOADS = (
    b"UNSIGNED-PAYLOAD",
    b"STREAMING-UNSIGNED-PAYLOAD-TRAILER",
    b"STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
    b"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
)

Change = Callable[[Sent, random.Random], Sent]


def flip(data: bytes, chance: random.Random) -> bytes:
    """Change one place of some bytes."""
    at = chance.randrange(len(data) + 1)
    letter = bytes([chance.choice(LETTERS)])
    match chance.randrange(8):
        case 0:
            return data[:at] + data[at + 1 :]
        case 1:
            return data[:at] + letter + data[at:]
        case 2:
            return data[:at] + letter + data[at + 1 :]
        case 3:
            return data[:at] + data[at : at + 1].swapcase() + data[at + 1 :]
        case 4:
            return data[:at] + data[at + 1 : at + 2] + data[at : at + 1] + data[at + 2 :]
        case 5:
            return data[:at] + b"".join(b"%%%02X" % byte for byte in data[at : at + 1]) + data[at + 1 :]
        case 6:
            return data[:at] + b" " * chance.choice((1, 2)) + data[at:]
        case _:
            return data[:at] + data[at:][: chance.choice((1, 4))] + data[at:]


def one(sent: Sent, chance: random.Random) -> tuple[str, Sent]:
    """Return the kind of one change, and what it makes of a request; it may be nothing."""
    kind = chance.choice(list(KINDS))
    return kind, KINDS[kind](sent, chance)


def _with(sent: Sent, **changes: object) -> Sent:
    return replace(sent, request=replace(sent.request, **changes))  # type: ignore[arg-type]  # names of fields


def _method(sent: Sent, chance: random.Random) -> Sent:
    return _with(sent, method=chance.choice(METHODS))


def _path(sent: Sent, chance: random.Random) -> Sent:
    return _with(sent, raw_path=b"/" + flip(sent.request.raw_path, chance)[1:])


def _query(sent: Sent, chance: random.Random) -> Sent:
    raw = sent.request.raw_query
    pieces = raw.split(b"&") if raw else []
    at = chance.randrange(len(pieces) + 1)
    match chance.randrange(5):
        case 0:
            pieces.insert(at, chance.choice(PARAMETERS))
        case 1:
            chance.shuffle(pieces)
        case 2 if at < len(pieces):
            pieces.insert(chance.randrange(len(pieces) + 1), pieces[at])
        case 3 if at < len(pieces):
            del pieces[at]
        case _:
            return _with(sent, raw_query=flip(raw, chance))
    return _with(sent, raw_query=b"&".join(pieces))


def _header(sent: Sent, chance: random.Random, name: bytes | None = None) -> Sent:
    headers = list(sent.request.headers)
    places = [at for at, (known, _) in enumerate(headers) if name in (None, known)]
    if not places:
        return sent
    at = chance.choice(places)
    headers[at] = headers[at][0], flip(headers[at][1], chance)
    return _with(sent, headers=tuple(headers))


def _header_added(sent: Sent, chance: random.Random) -> Sent:
    headers = list(sent.request.headers)
    headers.insert(chance.randrange(len(headers) + 1), chance.choice([*ADDED, *headers]))
    return _with(sent, headers=tuple(headers))


def _header_removed(sent: Sent, chance: random.Random) -> Sent:
    headers = list(sent.request.headers)
    del headers[chance.randrange(len(headers))]
    return _with(sent, headers=tuple(headers))


def _header_renamed(sent: Sent, chance: random.Random) -> Sent:
    headers = list(sent.request.headers)
    at = chance.randrange(len(headers))
    headers[at] = flip(headers[at][0], chance).lower().replace(b" ", b""), headers[at][1]
    return _with(sent, headers=tuple(headers))


def _headers_in_another_order(sent: Sent, chance: random.Random) -> Sent:
    headers = list(sent.request.headers)
    chance.shuffle(headers)
    return _with(sent, headers=tuple(headers))


def _header_split(sent: Sent, chance: random.Random) -> Sent:
    headers = list(sent.request.headers)
    at = chance.randrange(len(headers))
    name, value = headers[at]
    before, comma, behind = value.partition(b",")
    if comma:
        headers[at : at + 1] = [(name, before), (name, behind)]
    return _with(sent, headers=tuple(headers))


def _authorization(sent: Sent, change: Callable[[str], str]) -> Sent:
    """Change what says who signed, wherever it stands."""
    header = first(sent.request, b"authorization")
    if header is None:
        return _with(sent, raw_query=change(sent.request.raw_query.decode()).encode())
    headers = [pair for pair in sent.request.headers if pair[0] != b"authorization"]
    headers.append((b"authorization", change(header).encode()))
    return _with(sent, headers=tuple(headers))


def _inside(mark: str, ends: str) -> Change:
    """Change one place of what stands behind `mark`."""

    def change(sent: Sent, chance: random.Random) -> Sent:
        def changed(text: str) -> str:
            start = text.find(mark) + len(mark)
            stop = min([at for end in ends if (at := text.find(end, start)) >= 0], default=len(text))
            return text[:start] + flip(text[start:stop].encode(), chance).decode("latin-1") + text[stop:]

        return _authorization(sent, changed)

    return change


def _scope(sent: Sent, chance: random.Random) -> Sent:
    old, new = chance.choice(
        (
            ("20151021", "20151020"),
            ("20151021", "20151022"),
            ("us-east-1", "us-east-2"),
            ("us-east-1", ""),
            ("s3", "ec2"),
            ("aws4_request", "aws4"),
            ("AWS4-HMAC-SHA256", "AWS4-HMAC-SHA1"),
        )
    )
    return _authorization(sent, lambda text: text.replace(old, new, 1))


def _fields(sent: Sent, chance: random.Random) -> Sent:
    """The same said in another way, or nearly."""

    def change(text: str) -> str:
        algorithm, blank, rest = text.partition(" ")
        fields = rest.split(",") if blank else []
        chance.shuffle(fields)
        fields += chance.choice(([], ["x=y"], [" Signature=" + "0" * 64], [""]))
        return f"{algorithm} {','.join(fields)}" if blank else text

    return _authorization(sent, change)


def _payload(sent: Sent, chance: random.Random) -> Sent:
    headers = [
        (name, chance.choice(PAYLOADS) if name == b"x-amz-content-sha256" else value)
        for name, value in sent.request.headers
    ]
    return _with(sent, headers=tuple(headers))


def _date(sent: Sent, chance: random.Random) -> Sent:
    stamps = (b"20151021T072801Z", b"20151021T072759Z", b"20151020T072800Z", b"20151021T0728Z", b"")
    if first(sent.request, b"x-amz-date") is None:
        old, new = b"X-Amz-Date=20151021T072800Z", b"X-Amz-Date=" + chance.choice(stamps)
        return _with(sent, raw_query=sent.request.raw_query.replace(old, new))
    headers = [
        (name, chance.choice(stamps) if name == b"x-amz-date" else value) for name, value in sent.request.headers
    ]
    return _with(sent, headers=tuple(headers))


def _body(sent: Sent, chance: random.Random) -> Sent:
    return replace(sent, body=flip(sent.body, chance)) if sent.body else sent


KINDS: dict[str, Change] = {
    "the method": _method,
    "the path": _path,
    "the query": _query,
    "a header's value": _header,
    "a header more": _header_added,
    "a header less": _header_removed,
    "a header's name": _header_renamed,
    "the order of headers": _headers_in_another_order,
    "a header in two lines": _header_split,
    "the date": _date,
    "a place of the date": lambda sent, chance: _header(sent, chance, b"x-amz-date"),
    "the name of the payload": _payload,
    "a place of the payload's name": lambda sent, chance: _header(sent, chance, b"x-amz-content-sha256"),
    "the scope": _scope,
    "a place of the credential": _inside("Credential=", ",&"),
    "a place of the signature": _inside("Signature=", ",&"),
    "a place of the signed headers": _inside("SignedHeaders=", ",&"),
    "the fields of Authorization": _fields,
    "the body": _body,
}
