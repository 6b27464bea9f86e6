"""Signatures of the generator, against AWS's published examples and against botocore."""

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
    url = "http://127.0.0.1:9000" + quote(path, safe="/-_.~")
    request = AWSRequest(method, url, params=dict(query), headers={"x-amz-content-sha256": sign.UNSIGNED})
    request.context["timestamp"] = mine["x-amz-date"]
    auth = S3SigV4Auth(Credentials(KEYS.access_key, KEYS.secret_key), "s3", KEYS.region)
    request.context["payload_signing_enabled"] = False
    request.headers["X-Amz-Date"] = mine["x-amz-date"]
    request.headers["Host"] = "127.0.0.1:9000"
    text = auth.string_to_sign(request, auth.canonical_request(request))
    assert mine["authorization"].endswith("Signature=" + auth.signature(text, request))


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
