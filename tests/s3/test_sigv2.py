"""Signature Version 2: the published vectors, botocore's signatures, and requests that somebody changed."""

import base64
import random
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.auth import HmacV1Auth, HmacV1QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from mys3d.errors import S3Error
from mys3d.model.names import Instant
from mys3d.s3 import dates, sigv2, uri
from mys3d.s3.message import Request
from mys3d.s3.signing import Way, hoisted, way_of

ACCESS_KEY = "AKIAIOSFODNN7EXAMPLE"
SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
NOW = Instant(1445412480_000)


def verify(request: Request, now: Instant = NOW, bucket: str = "", secret: str = SECRET) -> None:
    way = way_of(request)
    is_query = way is Way.QUERY_V2
    claim = sigv2.read_query_claim(request, now) if is_query else sigv2.read_claim(request, now)
    stated = hoisted(way, uri.query_texts(uri.query_pairs(request.raw_query)))
    sigv2.verify(request, claim, secret, stated, bucket)


def refusal(request: Request, **options: Any) -> S3Error:
    with pytest.raises(S3Error) as refused:
        verify(request, **options)
    return refused.value


def made(method: str, url: str, headers: dict[str, str]) -> Request:
    path, _, query = url.partition("?")
    raw = tuple((name.lower().encode(), value.encode()) for name, value in headers.items())
    return Request(method, path.encode(), query.encode(), raw, "http", "127.0.0.1", "X")


# Source: S3 User Guide, "Signing and authenticating REST requests", "Authentication examples" (bucket johnsmith).
VECTORS = [
    ("GET", "/photos/puppy.jpg", "johnsmith", {"Date": "Tue, 27 Mar 2007 19:36:42 +0000"},
     "bWq2s1WEIj+Ydj0vQ697zp+IXMU="),
    ("PUT", "/photos/puppy.jpg", "johnsmith",
     {"Content-Type": "image/jpeg", "Content-Length": "94328", "Date": "Tue, 27 Mar 2007 21:15:45 +0000"},
     "MyyxeRY7whkBe+bq8fHCL/2kKUg="),
    ("GET", "/?prefix=photos&max-keys=50&marker=puppy", "johnsmith",
     {"User-Agent": "Mozilla/5.0", "Date": "Tue, 27 Mar 2007 19:42:41 +0000"}, "htDYFYduRNen8P9ZfE/s9SuKy0U="),
    ("GET", "/?acl", "johnsmith", {"Date": "Tue, 27 Mar 2007 19:44:46 +0000"}, "c2WLPFtWHVgbEmeEG93a4cG37dM="),
    ("GET", "/", "", {"Date": "Wed, 28 Mar 2007 01:29:59 +0000"}, "qGdzdERIC03wnaRNKh6OqZehG9s="),
    ("GET", "/dictionary/fran%C3%A7ais/pr%c3%a9f%c3%a8re", "", {"Date": "Wed, 28 Mar 2007 01:49:49 +0000"},
     "DNEZGsoieTZ92F3bUfSPQcbGmlM="),
    ("PUT", "/db-backup.dat.gz", "static.johnsmith.net", {
        "User-Agent": "curl/7.15.5", "Date": "Tue, 27 Mar 2007 21:06:08 +0000", "x-amz-acl": "public-read",
        "content-type": "application/x-download", "Content-MD5": "4gJE4saaMU4BqNR0kLY+lw==",
        "X-Amz-Meta-ReviewedBy": "joe@johnsmith.net,jane@johnsmith.net",
        "X-Amz-Meta-FileChecksum": "0x02661779", "X-Amz-Meta-ChecksumAlgorithm": "crc32",
    }, "ilyl83RwaSoYIEdixDQcA4OnAnc="),
]  # fmt: skip


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector[4][:6])
def test_the_published_examples_verify(vector: Any) -> None:
    method, url, bucket, headers, signature = vector
    at = dates.parse_http_date(headers["Date"])
    assert at is not None
    request = made(method, url, headers | {"Authorization": f"AWS {ACCESS_KEY}:{signature}"})
    verify(request, now=at, bucket=bucket)


def test_the_published_presigned_example_verifies() -> None:
    query = f"AWSAccessKeyId={ACCESS_KEY}&Signature=NpgCjnDzrM%2BWFzoENXmpNDUsSn8%3D&Expires=1175139620"
    request = made("GET", f"/photos/puppy.jpg?{query}", {"Host": "johnsmith.s3.amazonaws.com"})
    verify(request, now=Instant(1175139620_000), bucket="johnsmith")
    assert refusal(request, now=Instant(1175139621_000), bucket="johnsmith").code == "AccessDenied"


URLS = [
    "/",
    "/bucket",
    "/bucket?delete",
    "/bucket?prefix=a%20b&delimiter=%2F",
    "/bucket/a%20b%2Bc/%C3%A9%252F~%28x%29",
    "/bucket//../.",
    "/bucket/k?uploadId=a%2Bb%3D&partNumber=3",
    "/bucket/k?response-content-disposition=attachment%3B%20filename%3D%22a%20b%22&versionId=x",
    "/bucket/k?acl&versionId=null",
]


def signed(method: str, url: str, monkeypatch: pytest.MonkeyPatch, headers: dict[str, str] | None = None) -> Request:
    """Sign in the header as botocore does, at NOW."""
    monkeypatch.setattr("botocore.auth.formatdate", lambda usegmt: "Wed, 21 Oct 2015 07:28:00 GMT")
    request = AWSRequest(method, "http://localhost:9000" + url, headers=dict(headers or {}))
    HmacV1Auth(Credentials(ACCESS_KEY, SECRET)).add_auth(request)
    return made(method, url, {"Host": "localhost:9000", **dict(request.headers.items())})


def presigned(method: str, url: str, monkeypatch: pytest.MonkeyPatch, headers: dict[str, str] | None = None) -> Request:
    """Presign as botocore does, at NOW for an hour."""
    monkeypatch.setattr("botocore.auth.time.time", lambda: NOW / 1000)
    request = AWSRequest(method, "http://localhost:9000" + url, headers=dict(headers or {}))
    HmacV1QueryAuth(Credentials(ACCESS_KEY, SECRET), 3600).add_auth(request)
    parts = urlsplit(request.url)
    return made(method, f"{parts.path}?{parts.query}", {"Host": "localhost:9000"})


@pytest.mark.parametrize("url", URLS)
def test_what_botocore_signs_is_accepted(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    headers = {"x-amz-meta-a": "  two words ", "X-Amz-ACL": "private", "Content-Type": "text/plain"}
    for method in ("GET", "PUT"):
        verify(signed(method, url, monkeypatch, headers))
        verify(signed(method, url, monkeypatch))
        verify(presigned(method, url, monkeypatch, headers))
        verify(presigned(method, url, monkeypatch))


def test_what_was_hoisted_may_come_as_a_header_too_if_it_says_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    request = presigned("PUT", "/bucket/k", monkeypatch, {"x-amz-acl": "private", "Content-Type": "text/plain"})
    for value in (b"private", b"public-read"):
        twice = replace(request, headers=(*request.headers, (b"x-amz-acl", value), (b"content-type", b"text/plain")))
        if value == b"private":
            verify(twice)
        else:
            assert refusal(twice).code == "SignatureDoesNotMatch"


def test_the_bucket_of_the_host_is_signed(monkeypatch: pytest.MonkeyPatch) -> None:
    request = signed("GET", "/bucket/k?acl", monkeypatch)
    verify(replace(request, raw_path=b"/k"), bucket="bucket")
    assert refusal(replace(request, raw_path=b"/k"), bucket="other").code == "SignatureDoesNotMatch"
    assert refusal(replace(request, raw_path=b"/k")).code == "SignatureDoesNotMatch"


@pytest.mark.parametrize("seed", range(10))
def test_a_request_with_one_mutation_is_never_accepted(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    chance = random.Random(seed)
    request = signed("PUT", "/bucket/some%20key?acl&uploadId=x%2F", monkeypatch, {"x-amz-meta-a": "b c"})
    signed_values = {name: value for name, value in request.headers if name not in (b"host", b"authorization")}
    signature = dict(request.headers)[b"authorization"].rpartition(b":")[2]
    for _ in range(100):
        where = chance.choice(["method", "path", "upload", "signature", *signed_values])
        headers = dict(request.headers)
        match where:
            case "method":
                changed = replace(request, method=chance.choice(["GET", "DELETE", "POST"]))
            case "path":
                changed = replace(request, raw_path=flip(request.raw_path, chance))
            case "upload":
                changed = replace(request, raw_query=b"acl&uploadId=" + flip(b"xyz", chance))
            case "signature":
                headers[b"authorization"] = f"AWS {ACCESS_KEY}:".encode() + flip(signature, chance)
                changed = replace(request, headers=tuple(headers.items()))
            case _:
                assert isinstance(where, bytes)
                headers[where] = flip(headers[where], chance)
                changed = replace(request, headers=tuple(headers.items()))
        assert refusal(changed).code in ("SignatureDoesNotMatch", "AccessDenied", "RequestTimeTooSkewed", "InvalidURI")


def flip(data: bytes, chance: random.Random) -> bytes:
    """Replace one visible character by another one."""
    at = chance.choice([at for at, byte in enumerate(data) if byte > 32])
    letter = chance.choice([byte for byte in b"abcXYZ0189" if byte != data[at]])
    return data[:at] + bytes([letter]) + data[at + 1 :]


def test_a_wrong_secret_is_refused_with_what_was_signed(monkeypatch: pytest.MonkeyPatch) -> None:
    error = refusal(signed("GET", "/bucket?acl", monkeypatch), secret="other")
    assert error.code == "SignatureDoesNotMatch"
    assert error.fields["StringToSign"] == "GET\n\n\nWed, 21 Oct 2015 07:28:00 GMT\n/bucket?acl"


def with_date(text: str, name: str = "Date") -> Request:
    return made("GET", "/bucket", {name: text, "Authorization": f"AWS {ACCESS_KEY}:x"})


@pytest.mark.parametrize("name", ["Date", "x-amz-date"])
@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "AccessDenied"),
        ("Bad Date", "AccessDenied"),
        ("Tue, 07 Jul 1950 21:53:04 GMT", "AccessDenied"),
        ("Tue, 07 Jul 2010 21:53:04 GMT", "RequestTimeTooSkewed"),
        ("Tue, 07 Jul 9999 21:53:04 GMT", "RequestTimeTooSkewed"),
        ("Wed, 21 Oct 2015 07:12:59 GMT", "RequestTimeTooSkewed"),
        ("Wed, 21 Oct 2015 07:13:00 GMT", "SignatureDoesNotMatch"),
        ("20151021T074300Z", "SignatureDoesNotMatch"),
    ],
)
def test_a_date_is_there_and_of_now(text: str, code: str, name: str) -> None:
    assert refusal(with_date(text, name)).code == code


@pytest.mark.parametrize("authorization", ["AWS", "AWS ", "AWS HAHAHA", "AWS :x", "AWS AK:"])
def test_a_broken_authorization_is_named(authorization: str) -> None:
    request = made("GET", "/bucket", {"Date": "Wed, 21 Oct 2015 07:28:00 GMT", "Authorization": authorization})
    assert refusal(request).code == "InvalidArgument"


@pytest.mark.parametrize(
    "query",
    [
        "AWSAccessKeyId=AK",
        "Signature=x",
        "AWSAccessKeyId=AK&Signature=x",
        "AWSAccessKeyId=AK&Signature=x&Expires=",
        "AWSAccessKeyId=AK&Signature=x&Expires=soon",
        "AWSAccessKeyId=AK&Signature=x&Expires=%C2%B2",
        "AWSAccessKeyId=AK&Signature=x&Expires=1445412479",
        "AWSAccessKeyId=AK&Signature=x&Expires=-7",
        "AWSAccessKeyId=AK&Signature=x&Expires=1" + "0" * 4000,
    ],
)
def test_a_link_that_says_too_little_or_is_too_old_is_denied(query: str) -> None:
    assert refusal(made("GET", f"/bucket/k?{query}", {"Host": "x"})).code == "AccessDenied"


def test_a_signature_that_is_no_ascii_is_refused() -> None:
    signature = base64.b64encode(b"x" * 20).decode()
    request = made("GET", "/b/k?AWSAccessKeyId=AK&Signature=%C3%A9&Expires=1445412481", {"Host": "x"})
    assert refusal(request).code == "SignatureDoesNotMatch"
    header = {"Date": "Wed, 21 Oct 2015 07:28:00 GMT", "Authorization": f"AWS AK:é{signature}"}
    assert refusal(made("GET", "/b/k", header)).code == "SignatureDoesNotMatch"
