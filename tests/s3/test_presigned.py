"""Links of Signature Version 4: the published one, botocore's, and those that somebody changed."""

import random
from dataclasses import replace
from typing import Any

import pytest

from mys3d.errors import S3Error
from mys3d.model.names import Instant
from mys3d.s3 import dates, sigv4, uri
from mys3d.s3.message import Headers, Request
from mys3d.s3.sigv4 import SigningKeys

NOW = Instant(1445412480_000)
DAY = dates.parse_amz_date("20130524T000000Z")
SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
URLS = [
    "/",
    "/bucket?list-type=2&prefix=a%20b%2Bc&delimiter=%2F&encoding-type=url",
    "/bucket?b=2&a=3&a=1&=&acl",
    "/bucket/a%20b%2Bc/%C3%A9%252F~%28x%29",
    "/bucket//",
    "/bucket/../..",
]


def verify(request: Request, now: Instant = NOW) -> None:
    claim = sigv4.read_query_claim(request, now)
    sigv4.verify(request, claim, SigningKeys().key(SECRET, claim.date, claim.region))


def refusal(request: Request, now: Instant = NOW) -> S3Error:
    with pytest.raises(S3Error) as refused:
        verify(request, now)
    return refused.value


def flip(data: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(data))
    return data[:at] + bytes([chance.choice(b"abcXYZ0189-_/.%=&,;:")]) + data[at + chance.randrange(2) :]


# Source: S3 API, "Authenticating Requests: Using Query Parameters", the example of 2013-05-24.
PRESIGNED = (
    b"X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request"
    b"&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host"
    b"&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
)
HOST: Headers = ((b"host", b"examplebucket.s3.amazonaws.com"),)


def presigned(query: bytes = PRESIGNED, headers: Headers = HOST) -> Request:
    return Request("GET", b"/test.txt", query, headers, "http", "", "X")


def test_the_published_link_verifies_for_a_day() -> None:
    assert DAY is not None
    for seconds in (-900, 0, 86400):
        verify(presigned(), now=Instant(DAY + seconds * 1000))
    for seconds, words in ((-901, "Request is not yet valid"), (86401, "Request has expired")):
        error = refusal(presigned(), now=Instant(DAY + seconds * 1000))
        assert (error.code, error.message) == ("AccessDenied", words)


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        (b"X-Amz-Algorithm=AWS4-HMAC-SHA256&", b"", "AuthorizationQueryParametersError"),
        (b"X-Amz-Date=20130524T000000Z&", b"", "AuthorizationQueryParametersError"),
        (b"&X-Amz-Expires=86400", b"", "AuthorizationQueryParametersError"),
        (b"&X-Amz-SignedHeaders=host", b"", "AuthorizationQueryParametersError"),
        (b"AWS4-HMAC-SHA256", b"AWS4-HMAC-SHA512", "AuthorizationQueryParametersError"),
        (b"=20130524T000000Z", b"=2013-05-24", "AuthorizationQueryParametersError"),
        (b"%2F20130524%2F", b"%2F20130523%2F", "AuthorizationQueryParametersError"),
        (b"%2Fs3%2F", b"%2Fec2%2F", "AuthorizationQueryParametersError"),
        (b"Expires=86400", b"Expires=soon", "AuthorizationQueryParametersError"),
        (b"Expires=86400", b"Expires=0", "AccessDenied"),
        (b"Expires=86400", b"Expires=-7", "AccessDenied"),
        (b"Expires=86400", b"Expires=604801", "AuthorizationQueryParametersError"),
        (b"Expires=86400", b"Expires=" + b"9" * 5000, "AuthorizationQueryParametersError"),
        (b"Expires=86400", b"Expires=86401", "SignatureDoesNotMatch"),
        (b"SignedHeaders=host", b"SignedHeaders=date%3Bhost", "SignatureDoesNotMatch"),
        (b"SignedHeaders=host", b"SignedHeaders=host%3Bdate", "AuthorizationQueryParametersError"),
        (b"SignedHeaders=host", b"SignedHeaders=date", "AccessDenied"),
        (b"SignedHeaders=host", b"SignedHeaders=host%3B%E2%82%AC", "SignatureDoesNotMatch"),
        (b"d404", b"d405", "SignatureDoesNotMatch"),
        (b"d404", b"d40", "SignatureDoesNotMatch"),
        (b"d404", b"d404&prefix=x", "SignatureDoesNotMatch"),
    ],
)
def test_a_link_that_somebody_changed_is_refused(old: bytes, new: bytes, code: str) -> None:
    assert DAY is not None
    assert old in PRESIGNED
    assert refusal(presigned(PRESIGNED.replace(old, new)), now=DAY).code == code


def test_a_header_of_ours_that_a_link_does_not_sign_is_refused() -> None:
    assert DAY is not None
    error = refusal(presigned(headers=(*HOST, (b"x-amz-acl", b"private"))), now=DAY)
    assert (error.code, error.fields) == ("AccessDenied", {"HeadersNotSigned": "x-amz-acl"})


def test_a_link_names_its_wrong_region() -> None:
    assert DAY is not None
    claim = sigv4.read_query_claim(presigned(), DAY)
    error = sigv4.wrong_region(claim, "eu-west-3")
    assert (error.code, error.fields) == ("AuthorizationQueryParametersError", {"Region": "eu-west-3"})


@pytest.mark.parametrize("url", URLS)
def test_links_of_botocore_are_accepted(presign: Any, url: str) -> None:
    for method in ("GET", "PUT", "HEAD", "DELETE"):
        verify(presign(method, url))
        verify(presign(method, url, {"x-amz-meta-a": "b", "content-type": "text/plain"}))


@pytest.mark.parametrize("seed", range(5))
def test_a_link_with_one_mutation_is_never_accepted(presign: Any, seed: int) -> None:
    chance = random.Random(seed)
    request = presign("PUT", "/bucket/some%20key?versionId=1", {"x-amz-meta-a": "b c"})
    pairs = sorted(uri.query_pairs(request.raw_query))
    for _ in range(100):
        query = flip(request.raw_query, chance)
        try:
            if sorted(uri.query_pairs(query)) == pairs:
                continue
        except S3Error:
            continue
        refusal(replace(request, raw_query=query))
