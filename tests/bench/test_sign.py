"""Signatures of the generator, against AWS's published examples and against botocore."""

import hashlib
import hmac
from urllib.parse import quote

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from mys3d.bench import sign

KEYS = sign.Keys("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "eu-west-3")


def headers_of(head: bytes) -> dict[str, str]:
    lines = head.decode().split("\r\n")[1:-2]
    return dict(line.split(":", 1) for line in lines)


def botocore_signature(method: str, path: str, query: dict[str, str], mine: dict[str, str]) -> str:
    """What botocore says of a request with these headers, which are all of them in lower case."""
    names = {name for name in mine if name not in ("authorization", "content-length", "host")}
    url = "http://127.0.0.1:9000" + quote(path, safe="/-_.~")
    request = AWSRequest(method, url, params=query, headers={name: mine[name] for name in names})
    request.context |= {"timestamp": mine["x-amz-date"], "payload_signing_enabled": False}
    request.headers["Host"] = "127.0.0.1:9000"
    auth = S3SigV4Auth(Credentials(KEYS.access_key, KEYS.secret_key), "s3", KEYS.region)
    return auth.signature(auth.string_to_sign(request, auth.canonical_request(request)), request)


@pytest.mark.parametrize(
    ("method", "path", "query"),
    [
        ("GET", "/bucket/key", []),
        ("PUT", "/bucket/a b+c/é%2F~(x)", []),
        ("GET", "/bucket", [("prefix", "a/b c"), ("list-type", "2"), ("max-keys", "1000")]),
    ],
)
def test_a_signature_is_what_botocore_computes(method: str, path: str, query: list[tuple[str, str]]) -> None:
    head = sign.head(KEYS, method, "127.0.0.1:9000", path, query=query)
    mine = headers_of(head)
    assert mine["authorization"].endswith("Signature=" + botocore_signature(method, path, dict(query), mine))


@pytest.mark.parametrize("headers", [(), (("content-encoding", "aws-chunked"), ("x-amz-trailer", "t"))])
@pytest.mark.parametrize("now", [0.0, 86_399.0, 86_400.0])
def test_one_form_signs_every_digest_as_botocore_does(headers: sign.Pairs, now: float) -> None:
    form = sign.Signer(KEYS, "127.0.0.1:9000", now).form("PUT", "/b/a b", length=3, headers=headers)
    found = [headers_of(form.head(digest * 32)) for digest in ("ab", "cd", "ab")]
    for mine in found:
        assert mine["authorization"].endswith("Signature=" + botocore_signature("PUT", "/b/a b", {}, mine))
    assert found[0] == found[2] != found[1]


@pytest.mark.parametrize("secret", ["s", "s" * 60, "s" * 61, "s" * 200])
def test_a_secret_may_be_of_any_length(secret: str) -> None:
    """HMAC takes a key longer than a block by its digest."""
    signer = sign.Signer(sign.Keys("A", secret), "h:1", 0.0)
    key = b"AWS4" + secret.encode()
    for part in (b"19700101", b"us-east-1", b"s3", b"aws4_request"):
        key = hmac.new(key, part, "sha256").digest()
    mine = headers_of(signer.head("GET", "/b"))
    lines = f"host:h:1\nx-amz-content-sha256:{sign.UNSIGNED}\nx-amz-date:19700101T000000Z\n"
    canonical = f"GET\n/b\n\n{lines}\nhost;x-amz-content-sha256;x-amz-date\n{sign.UNSIGNED}".encode()
    text = "AWS4-HMAC-SHA256\n19700101T000000Z\n19700101/us-east-1/s3/aws4_request\n"
    text += hashlib.sha256(canonical).hexdigest()
    assert mine["authorization"].endswith(hmac.new(key, text.encode(), "sha256").hexdigest())


def test_the_head_is_one_http_request() -> None:
    head = sign.head(KEYS, "PUT", "h:1", "/b/a b", query=[("z", "1"), ("a", "x y")], length=12, now=0.0)
    assert head.startswith(b"PUT /b/a%20b?a=x%20y&z=1 HTTP/1.1\r\nhost:h:1\r\n")
    assert b"\r\nx-amz-date:19700101T000000Z\r\n" in head
    assert head.endswith(b"\r\ncontent-length:12\r\n\r\n")


def test_a_declared_payload_digest_is_signed() -> None:
    digest = "ab" * 32
    head = sign.head(KEYS, "PUT", "h:1", "/b/k", payload=digest, now=0.0)
    assert headers_of(head)["x-amz-content-sha256"] == digest
    assert (
        headers_of(head)["authorization"] != headers_of(sign.head(KEYS, "PUT", "h:1", "/b/k", now=0.0))["authorization"]
    )


def test_further_headers_are_signed_in_their_order() -> None:
    signer = sign.Signer(KEYS, "h:1", 0.0)
    head = signer.head("PUT", "/b/k", length=3, headers=[("x-amz-trailer", "t"), ("content-encoding", "aws-chunked")])
    names = "content-encoding;host;x-amz-content-sha256;x-amz-date;x-amz-trailer"
    assert f"SignedHeaders={names}," in headers_of(head)["authorization"]
    assert headers_of(head)["content-encoding"] == "aws-chunked"
