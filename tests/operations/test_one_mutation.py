"""Signed requests that somebody changed in one place: none is accepted, unless the change means nothing.

What means nothing is derived from the rules (tests/operations/meanings.py), change by change, and must be accepted.
`make fuzz-http` tries 100,000.
"""

import hashlib
import hmac
import os
import random
from collections import Counter

import pytest
from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from mys3d.errors import S3Error
from mys3d.operations import dispatch as front
from mys3d.operations.authenticate import authenticate
from mys3d.policy.decide import ANONYMOUS
from mys3d.s3 import sigv4, uri
from mys3d.s3.message import Request
from mys3d.s3.signing import way_of
from tests.operations.conftest import NOW, URL, Client
from tests.operations.meanings import Sent, Unreadable, differences, meaning_of
from tests.operations.mutations import KINDS, one

SEED = int(os.environ.get("MYS3D_FUZZ_SIGNATURES_SEED") or 20261127)
COUNT = int(os.environ.get("MYS3D_FUZZ_SIGNATURES_COUNT") or 100_000)
CHUNKED = {
    "x-amz-content-sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
    "x-amz-decoded-content-length": "5",
    "Content-Encoding": "aws-chunked",
}
UNSIGNED = {"x-amz-content-sha256": "UNSIGNED-PAYLOAD"}
LETTERS = "ab/. +%~é?&=*()'!@:;,$#\"<>|\\日"


def signed(client: Client, method: str, url: str, body: bytes = b"", headers: dict[str, str] | None = None) -> Sent:
    return Sent(client.signed(method, url, body, headers), body)


def in_chunks(client: Client, url: str, *pieces: bytes) -> Sent:
    request = client.signed("PUT", url, b"", CHUNKED)
    claim = sigv4.read_claim(request, NOW)
    key = sigv4.SigningKeys().key(client.secret, claim.date, claim.region)
    previous, framed = claim.signature, b""
    empty = hashlib.sha256(b"").hexdigest()
    for data in (*pieces, b""):
        digest = hashlib.sha256(data).hexdigest()
        text = f"AWS4-HMAC-SHA256-PAYLOAD\n{claim.timestamp}\n{claim.scope}\n{previous}\n{empty}\n{digest}"
        previous = hmac.digest(key, text.encode(), "sha256").hex()
        framed += f"{len(data):x};chunk-signature={previous}\r\n".encode() + data + b"\r\n"
    return Sent(request, framed)


def link(client: Client, method: str, url: str, body: bytes = b"", headers: dict[str, str] | None = None) -> Sent:
    request = AWSRequest(method, URL + url, headers=dict(headers or {}))
    S3SigV4QueryAuth(Credentials(client.access_key, client.secret), "s3", "us-east-1", expires=3600).add_auth(request)
    path, _, query = request.url.removeprefix(URL).partition("?")
    given = {"host": "localhost:9000", "content-length": str(len(body)), **(headers or {})}
    raw = tuple((name.lower().encode(), value.encode()) for name, value in given.items())
    return Sent(Request(method, path.encode(), query.encode(), raw, "http", "127.0.0.1", "0" * 16), body)


def base(client: Client, chance: random.Random) -> Sent:
    """A good request."""
    key = "".join(chance.choice(LETTERS) for _ in range(chance.randrange(1, 20)))
    url = f"/photos/{uri.encode(key.encode(), safe='/~')}"
    value = uri.encode(chance.choice(LETTERS).encode())
    body = chance.randbytes(chance.randrange(1, 200))
    meta = {"x-amz-meta-a": "b  c, d", "Content-Type": "text/plain"}
    match chance.randrange(10):
        case 0:
            return signed(
                client, "GET", f"/photos?list-type=2&prefix={value}&delimiter=%2F&max-keys=3&fetch-owner=true&marker="
            )
        case 1:
            return signed(client, "HEAD", "/photos/a%20b%2Fc")
        case 2:
            return signed(
                client, "GET", "/photos/a%20b%2Fc?response-cache-control=a%20b", headers={"Range": "bytes=0-1, 3-4"}
            )
        case 3:
            return signed(client, "PUT", f"{url}?x-id=PutObject", body, meta)
        case 4:
            return signed(client, "PUT", url, body, {**UNSIGNED, **meta})
        case 5:
            document = b"<Delete><Object><Key>none</Key></Object></Delete>"
            return signed(client, "POST", "/photos?delete=", document)
        case 6:
            return in_chunks(client, url, b"hel", b"lo")
        case 7:
            return link(client, "GET", "/photos/a%20b%2Fc?response-content-type=text%2Fplain")
        case 8:
            return link(client, "PUT", url, body, {"x-amz-meta-a": "b,c"})
        case _:
            return signed(client, "DELETE", f"{url}?x-id=DeleteObject")


async def is_believed(client: Client, request: Request) -> bool:
    """True when the head of a request is taken for the signer's."""
    try:
        way = way_of(request)
        wire = front._wire(request, way, ())
        signer = await authenticate(client.services, request, way, wire)
    except S3Error:
        return False
    return signer.principal != ANONYMOUS


async def judge(client: Client, before: Sent, after: Sent) -> frozenset[str]:
    """Hold the verdict on a changed request against its meaning. Returns the ways in which it differs and may."""
    believed, answer = await is_believed(client, after.request), await client.send(after.request, after.body)
    assert answer.status < 500 or answer.status == 501, answer
    meaning = meaning_of(before)
    try:
        changed = meaning_of(after)
    except Unreadable:
        changed = None
    if changed == meaning:
        assert believed, "the change means nothing, and the request was refused"
        ways = differences(before, after)
        if ways == {"a chunk spelled otherwise"}:
            assert answer.status == 200, answer
        return ways
    is_about_body = changed is None and before.request == after.request
    if changed is not None:
        is_about_body = (changed.body != meaning.body) and before.request == after.request
    assert believed is is_about_body, f"means {changed}"
    assert 400 <= answer.status < 500, f"means {changed}"
    return frozenset(("refused",))


async def try_many(client: Client, numbers: range) -> Counter[str]:
    assert (await client("PUT", "/photos/a%20b%2Fc", b"hello")).status == 200
    found: Counter[str] = Counter()
    for number in numbers:
        chance = random.Random(f"{SEED}/{number}")
        before = base(client, chance)
        kind, after = one(before, chance)
        while after == before:
            kind, after = one(before, chance)
        try:
            ways = await judge(client, before, after)
        except AssertionError as error:
            raise AssertionError(f"{number} of seed {SEED}: {kind}: {before} -> {after}") from error
        assert ways, f"{number} of seed {SEED}: {kind}: {before} -> {after}"
        for way in ways:
            found[way] += 1
        found[f"{kind}, refused" if ways == {"refused"} else f"{kind}, means nothing"] += 1
    return found


async def test_what_is_not_changed_is_accepted(bucket: Client) -> None:
    await bucket("PUT", "/photos/a%20b%2Fc", b"hello")
    for number in range(200):
        sent = base(bucket, random.Random(f"{SEED}/{number}"))
        assert await is_believed(bucket, sent.request), sent
        answer = await bucket.send(sent.request, sent.body)
        assert answer.status < 400, (sent, answer)
        assert meaning_of(sent) == meaning_of(sent)


async def test_a_change_that_means_something_is_refused_and_no_other(bucket: Client) -> None:
    found = await try_many(bucket, range(10**9, 10**9 + 3000))
    assert found["refused"] > 1500
    assert all(found[f"{kind}, refused"] for kind in KINDS if kind not in ("the order of headers", "the body"))


@pytest.mark.campaign
async def test_a_change_that_means_something_is_refused_in_many_requests(bucket: Client) -> None:
    found = await try_many(bucket, range(COUNT))
    for way, count in sorted(found.items(), key=lambda pair: -pair[1]):
        print(f"{count:8} {way}")
