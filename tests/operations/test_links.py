"""Links, Signature Version 2 and nobody, through dispatch."""

from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.auth import HmacV1Auth, HmacV1QueryAuth, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from mys3d.s3.message import Request

NOW_SECONDS = 1445412480


@pytest.fixture(params=["v2", "v4"])
def link(request: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Make links as boto3 does, in both versions."""
    monkeypatch.setattr("botocore.auth.time.time", lambda: NOW_SECONDS)

    def make(client: Any, method: str, url: str, headers: dict[str, str] | None = None, expires: int = 60) -> Request:
        asked = AWSRequest(method, "http://localhost:9000" + url, headers=dict(headers or {}))
        credentials = Credentials(client.access_key, client.secret)
        if request.param == "v2":
            HmacV1QueryAuth(credentials, expires).add_auth(asked)
        else:
            S3SigV4QueryAuth(credentials, "s3", client.region, expires=expires).add_auth(asked)
        parts = urlsplit(asked.url)
        return sent(method, parts.path, parts.query)

    return make


def sent(method: str, path: str, query: str = "", headers: dict[str, str] | None = None) -> Request:
    given = {"host": "localhost:9000", **(headers or {})}
    raw = tuple((name.encode(), value.encode()) for name, value in given.items())
    return Request(method, path.encode(), query.encode(), raw, "http", "", "0" * 16)


def with_headers(request: Request, **headers: str) -> Request:
    more = tuple((name.replace("_", "-").encode(), value.encode()) for name, value in headers.items())
    return replace(request, headers=(*request.headers, *more))


async def test_a_link_puts_and_gets(bucket: Any, link: Any) -> None:
    put = with_headers(link(bucket, "PUT", "/photos/k"), content_length="5")
    assert (await bucket.send(put, b"hello")).status == 200
    assert (await bucket.send(link(bucket, "GET", "/photos/k"))).body == b"hello"
    named = await bucket.send(link(bucket, "GET", "/photos/k?response-content-type=text%2Fcsv"))
    assert named.headers["content-type"] == "text/csv"
    assert (await bucket.send(link(bucket, "HEAD", "/photos/k"))).status == 200
    assert (await bucket.send(link(bucket, "DELETE", "/photos/k"))).status == 204


async def test_a_link_of_another_method_or_key_is_refused(bucket: Any, link: Any) -> None:
    request = link(bucket, "GET", "/photos/k")
    for changed in (replace(request, method="DELETE"), replace(request, raw_path=b"/photos/other")):
        assert (await bucket.send(changed)).code == "SignatureDoesNotMatch"
    assert (await bucket.send(replace(request, raw_path=b"/photos"))).code == "SignatureDoesNotMatch"


async def test_a_link_of_an_unknown_key_or_another_secret_is_refused(bucket: Any, link: Any) -> None:
    unknown = await bucket.send(link(replace(bucket, access_key="UNKNOWN"), "GET", "/photos/k"))
    assert (unknown.status, unknown.code) == (403, "InvalidAccessKeyId")
    wrong = await bucket.send(link(replace(bucket, secret="x"), "GET", "/photos/k"))
    assert (wrong.status, wrong.code) == (403, "SignatureDoesNotMatch")


async def test_a_link_has_the_rights_of_its_user(bucket: Any, link: Any) -> None:
    found = await bucket.send(link(replace(bucket, access_key="ANN"), "GET", "/photos/k"))
    assert (found.status, found.code) == (403, "AccessDenied")


async def test_headers_that_stand_in_a_link_count(bucket: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("botocore.auth.time.time", lambda: NOW_SECONDS)
    asked = AWSRequest(
        "PUT", "http://localhost:9000/photos/k", headers={"x-amz-meta-a": "b", "Content-Type": "text/csv"}
    )
    HmacV1QueryAuth(Credentials(bucket.access_key, bucket.secret), 60).add_auth(asked)
    parts = urlsplit(asked.url)
    put = sent("PUT", parts.path, parts.query, {"content-length": "1"})
    assert (await bucket.send(put, b"x")).status == 200
    told = (await bucket("HEAD", "/photos/k")).headers
    assert (told["x-amz-meta-a"], told["content-type"]) == ("b", "text/csv")


async def test_a_hoisted_header_that_is_not_built_is_refused(bucket: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("botocore.auth.time.time", lambda: NOW_SECONDS)
    asked = AWSRequest("PUT", "http://localhost:9000/photos/k", headers={"x-amz-object-lock-mode": "COMPLIANCE"})
    HmacV1QueryAuth(Credentials(bucket.access_key, bucket.secret), 60).add_auth(asked)
    parts = urlsplit(asked.url)
    found = await bucket.send(sent("PUT", parts.path, parts.query, {"content-length": "1"}), b"x")
    assert found.status != 200


async def test_a_link_is_good_for_its_region_alone(bucket: Any) -> None:
    asked = AWSRequest("GET", "http://localhost:9000/photos/k")
    S3SigV4QueryAuth(Credentials(bucket.access_key, bucket.secret), "s3", "eu-west-3", expires=60).add_auth(asked)
    parts = urlsplit(asked.url)
    found = await bucket.send(sent("GET", parts.path, parts.query))
    assert (found.status, found.code) == (400, "AuthorizationQueryParametersError")
    assert found.xml["Region"] == "us-east-1"


@pytest.mark.parametrize("mark", ["retention", "legal-hold", "attributes", "encryption", "renameObject"])
async def test_a_link_of_version_2_selects_no_operation_that_it_does_not_sign(
    bucket: Any, monkeypatch: pytest.MonkeyPatch, mark: str
) -> None:
    monkeypatch.setattr("botocore.auth.time.time", lambda: NOW_SECONDS)
    asked = AWSRequest("PUT", "http://localhost:9000/photos/k")
    HmacV1QueryAuth(Credentials(bucket.access_key, bucket.secret), 60).add_auth(asked)
    parts = urlsplit(asked.url)
    found = await bucket.send(sent("PUT", parts.path, f"{mark}&{parts.query}", {"content-length": "1"}), b"x")
    assert (found.status, found.code) == (403, "AccessDenied")


@pytest.fixture
def sign_v2(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Sign in the header as botocore does in Version 2."""
    monkeypatch.setattr("botocore.auth.formatdate", lambda usegmt: "Wed, 21 Oct 2015 07:28:00 GMT")

    def make(client: Any, method: str, url: str, headers: dict[str, str] | None = None) -> Request:
        asked = AWSRequest(method, "http://localhost:9000" + url, headers=dict(headers or {}))
        HmacV1Auth(Credentials(client.access_key, client.secret)).add_auth(asked)
        path, _, query = url.partition("?")
        return sent(method, path, query, {name.lower(): value for name, value in asked.headers.items()})

    return make


async def test_version_2_in_the_header_is_accepted(bucket: Any, sign_v2: Any) -> None:
    assert (await bucket.send(sign_v2(bucket, "PUT", "/photos/k", {"content-length": "1"}), b"x")).status == 200
    assert (await bucket.send(sign_v2(bucket, "GET", "/photos?prefix=k"))).xml["Contents"]["Key"] == "k"
    document = b"<Delete><Object><Key>k</Key></Object></Delete>"
    length = {"content-length": str(len(document)), "content-md5": "bWfNzaU+NBcUlnCrNqoZaA=="}
    assert (await bucket.send(sign_v2(bucket, "POST", "/photos?delete", length), document)).code == "BadDigest"
    wrong = await bucket.send(sign_v2(replace(bucket, secret="x"), "GET", "/photos"))
    assert (wrong.status, wrong.code) == (403, "SignatureDoesNotMatch")


async def test_the_bucket_of_a_virtual_host_is_signed_in_version_2(bucket: Any, sign_v2: Any) -> None:
    await bucket("PUT", "/photos/k", b"x")
    services = replace(bucket.services, domains=("s3.example.com",))
    request = sign_v2(bucket, "GET", "/photos/k")
    hosted = replace(request, raw_path=b"/k", headers=((b"host", b"photos.s3.example.com"), *request.headers[1:]))
    assert (await replace(bucket, services=services).send(hosted)).body == b"x"
    stolen = replace(hosted, headers=((b"host", b"others.s3.example.com"), *request.headers[1:]))
    assert (await replace(bucket, services=services).send(stolen)).code == "SignatureDoesNotMatch"


async def test_signed_chunks_need_version_4(bucket: Any, sign_v2: Any) -> None:
    headers = {
        "content-length": "1",
        "x-amz-content-sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
        "x-amz-decoded-content-length": "1",
    }
    found = await bucket.send(sign_v2(bucket, "PUT", "/photos/k", headers), b"x")
    assert (found.status, found.code) == (400, "InvalidRequest")
    nobody = await bucket.send(sent("PUT", "/photos/k", "", headers), b"x")
    assert (nobody.status, nobody.code) == (400, "InvalidRequest")


async def test_a_token_of_temporary_credentials_is_refused(bucket: Any, link: Any) -> None:
    found = await bucket("GET", "/photos", b"", {"x-amz-security-token": "t"})
    assert (found.status, found.code) == (400, "InvalidToken")
    request = link(bucket, "GET", "/photos/k")
    lower = replace(request, raw_query=request.raw_query + b"&x-amz-security-token=t")
    assert (await bucket.send(lower)).code in ("InvalidToken", "SignatureDoesNotMatch")


@pytest.mark.parametrize(
    ("method", "url", "code"),
    [
        ("PUT", "/mine", "AccessDenied"),
        ("GET", "/photos", "AccessDenied"),
        ("GET", "/photos/k", "AccessDenied"),
        ("PUT", "/photos/k", "AccessDenied"),
        ("DELETE", "/photos", "AccessDenied"),
        ("POST", "/photos?delete", "AccessDenied"),
        ("GET", "/photos?website", "AccessDenied"),
        ("GET", "/none", "NoSuchBucket"),
        ("POST", "/none?delete", "NoSuchBucket"),
    ],
)
async def test_nobody_is_denied_and_no_body_is_asked_for(bucket: Any, method: str, url: str, code: str) -> None:
    path, _, query = url.partition("?")
    await bucket("PUT", "/photos/k", b"x")
    found = await bucket.send(
        sent(method, path, query, {"content-length": "1"}), AssertionError("the body was asked for")
    )
    assert found.code == code
    assert found.status == (403 if code == "AccessDenied" else 404)
