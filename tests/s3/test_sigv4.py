"""Signature Version 4: the published vectors, botocore's signatures, and requests that somebody changed."""

import random
from dataclasses import replace
from typing import Any

import pytest

from mys3d import limits
from mys3d.errors import S3Error
from mys3d.model.names import Instant
from mys3d.s3 import dates, sigv4, uri
from mys3d.s3.message import Headers, Request
from mys3d.s3.signing import Way, way_of
from mys3d.s3.sigv4 import SigningKeys

NOW = Instant(1445412480_000)
SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
DAY = dates.parse_amz_date("20130524T000000Z")


def verify(request: Request, secret: str = SECRET, now: Instant = NOW) -> None:
    assert way_of(request) is Way.HEADER_V4
    claim = sigv4.read_claim(request, now)
    if claim.access_key not in ("AKIAIOSFODNN7EXAMPLE", "AK"):
        raise S3Error("InvalidAccessKeyId")
    sigv4.verify(request, claim, SigningKeys().key(secret, claim.date, claim.region))


def refusal(request: Request, now: Instant = NOW) -> S3Error:
    with pytest.raises(S3Error) as refused:
        verify(request, now=now)
    return refused.value


def with_header(request: Request, name: bytes, value: bytes) -> Request:
    return replace(request, headers=tuple((known, value if known == name else old) for known, old in request.headers))


def without_header(request: Request, name: bytes) -> Request:
    return replace(request, headers=tuple(pair for pair in request.headers if pair[0] != name))


# Source: S3 API, "Authenticating Requests: Using the Authorization Header", examples of 2013-05-24.
EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
VECTORS = [
    (
        "GET",
        b"/test.txt",
        b"",
        {"range": "bytes=0-9", "x-amz-content-sha256": EMPTY, "x-amz-date": "20130524T000000Z"},
        "host;range;x-amz-content-sha256;x-amz-date",
        "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
    ),
    (
        "PUT",
        b"/test%24file.text",
        b"",
        {
            "date": "Fri, 24 May 2013 00:00:00 GMT",
            "x-amz-content-sha256": "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072",
            "x-amz-date": "20130524T000000Z",
            "x-amz-storage-class": "REDUCED_REDUNDANCY",
        },
        "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
        "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
    ),
    (
        "GET",
        b"/",
        b"lifecycle",
        {"x-amz-content-sha256": EMPTY, "x-amz-date": "20130524T000000Z"},
        "host;x-amz-content-sha256;x-amz-date",
        "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
    ),
    (
        "GET",
        b"/",
        b"max-keys=2&prefix=J",
        {"x-amz-content-sha256": EMPTY, "x-amz-date": "20130524T000000Z"},
        "host;x-amz-content-sha256;x-amz-date",
        "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
    ),
]


@pytest.mark.parametrize("separator", [", ", ","])
@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector[5][:8])
def test_the_published_examples_verify(vector: Any, separator: str) -> None:
    method, path, query, headers, signed, signature = vector
    parts = (
        "Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request",
        f"SignedHeaders={signed}",
        f"Signature={signature}",
    )
    every = {
        "host": "examplebucket.s3.amazonaws.com",
        **headers,
        "authorization": "AWS4-HMAC-SHA256 " + separator.join(parts),
    }
    raw: Headers = tuple((name.encode(), value.encode()) for name, value in every.items())
    assert DAY is not None
    verify(Request(method, path, query, raw, "http", "", "X"), now=DAY)


URLS = [
    "/",
    "/bucket",
    "/bucket?list-type=2&prefix=a%20b%2Bc&delimiter=%2F&encoding-type=url",
    "/bucket?delete",
    "/bucket?b=2&a=3&a=1&=&acl",
    "/bucket/a%20b%2Bc/%C3%A9%252F~%28x%29",
    "/bucket//",
    "/bucket/folder/",
    "/bucket/.",
    "/bucket/../..",
    "/bucket/%01?x-id=PutObject",
]


@pytest.mark.parametrize("url", URLS)
def test_what_botocore_signs_is_accepted(sign: Any, url: str) -> None:
    verify(sign("GET", url))
    verify(sign("PUT", url, {"x-amz-meta-a": "  two   spaces ", "Content-Type": "text/plain"}, b"body"))


@pytest.mark.parametrize("seed", range(200))
def test_random_requests_of_botocore_are_accepted(sign: Any, seed: int) -> None:
    chance = random.Random(seed)
    key = "".join(chance.choice("ab/. +%~é?&=*()'!@:;,$#\"<>|\\日") for _ in range(chance.randrange(1, 30)))
    query = "&".join(
        f"{chance.choice(['prefix', 'marker', 'uploadId'])}={uri.encode(chance.choice(key).encode())}"
        for _ in range(chance.randrange(0, 4))
    )
    url = f"/bucket/{uri.encode(key.encode(), safe='/~')}" + (f"?{query}" if query else "")
    verify(sign(chance.choice(["GET", "PUT", "HEAD", "DELETE"]), url, {"x-amz-meta-n": str(seed)}, key.encode()))


def test_a_path_sent_bare_and_signed_encoded_is_accepted(sign: Any) -> None:
    request = sign("GET", "/bucket/a%28b%29%7Ec")
    verify(replace(request, raw_path=b"/bucket/a%28b%29%7Ec"))
    encoded = sign("GET", "/bucket/a%28b%29c")
    verify(replace(encoded, raw_path=b"/bucket/a(b)c"))


def test_an_escaped_slash_is_not_a_separator(sign: Any) -> None:
    assert refusal(replace(sign("GET", "/bucket/a%2Fb"), raw_path=b"/bucket/a/b")).code == "SignatureDoesNotMatch"
    assert refusal(replace(sign("GET", "/bucket/a/b"), raw_path=b"/bucket/a%2Fb")).code == "SignatureDoesNotMatch"


def test_a_wrong_secret_is_refused_with_what_was_signed(sign: Any) -> None:
    error = refusal(sign("GET", "/bucket", secret="other"))
    assert error.code == "SignatureDoesNotMatch"
    assert error.fields["StringToSign"].startswith("AWS4-HMAC-SHA256\n20151021T072800Z\n20151021/us-east-1/s3/")
    assert error.fields["CanonicalRequest"].startswith("GET\n/bucket\n\nhost:localhost:9000\n")


def test_a_header_that_had_to_be_signed_is_missed(sign: Any) -> None:
    request = sign("PUT", "/bucket/key")
    added = replace(request, headers=(*request.headers, (b"x-amz-acl", b"public-read")))
    assert refusal(added).code == "AccessDenied"
    assert refusal(added).fields == {"HeadersNotSigned": "x-amz-acl"}


def test_a_second_value_of_a_signed_header_is_noticed(sign: Any) -> None:
    request = sign("PUT", "/bucket/key", {"x-amz-meta-a": "b"})
    assert (
        refusal(replace(request, headers=(*request.headers, (b"x-amz-meta-a", b"c")))).code == "SignatureDoesNotMatch"
    )


def test_an_unsigned_plain_header_is_not_the_signers_word(sign: Any) -> None:
    request = sign("GET", "/bucket/key")
    verify(replace(request, headers=(*request.headers, (b"x-forwarded-for", b"10.0.0.1"), (b"user-agent", b"x"))))


def test_host_must_be_signed(sign: Any) -> None:
    request = sign("GET", "/bucket")
    old = dict(request.headers)[b"authorization"]
    assert refusal(with_header(request, b"authorization", old.replace(b"host;", b""))).code == "AccessDenied"
    assert refusal(without_header(request, b"host")).code == "AccessDenied"


@pytest.mark.parametrize("minutes", [-16, -15.1, 15.1, 16, 60 * 24])
def test_a_request_of_another_time_is_refused(sign: Any, minutes: float) -> None:
    error = refusal(sign("GET", "/bucket"), now=Instant(NOW + int(minutes * 60_000)))
    assert error.code == "RequestTimeTooSkewed"
    assert error.fields["RequestTime"] == "20151021T072800Z"


@pytest.mark.parametrize("minutes", [-15, 0, 15])
def test_a_clock_may_be_a_quarter_of_an_hour_off(sign: Any, minutes: int) -> None:
    verify(sign("GET", "/bucket"), now=Instant(NOW + minutes * 60_000))


def test_the_region_is_for_the_caller_to_check(sign: Any) -> None:
    claim = sigv4.read_claim(sign("GET", "/bucket", region="eu-west-1"), NOW)
    assert claim.region == "eu-west-1"
    error = sigv4.wrong_region(claim, "us-east-1")
    assert (error.code, error.fields) == ("AuthorizationHeaderMalformed", {"Region": "us-east-1"})


def test_the_date_header_stands_in_for_x_amz_date(sign: Any) -> None:
    request = without_header(sign("GET", "/bucket"), b"x-amz-date")
    dated = replace(request, headers=(*request.headers, (b"date", b"Wed, 21 Oct 2015 07:28:00 GMT")))
    assert sigv4.read_claim(dated, NOW).timestamp == "20151021T072800Z"
    assert refusal(request).code == "AccessDenied"


GOOD = (
    "Credential=AK/20151021/us-east-1/s3/aws4_request, SignedHeaders=host;x-amz-content-sha256, Signature=" + "0" * 64
)


@pytest.mark.parametrize(
    ("authorization", "code"),
    [
        ("AWS4-HMAC-SHA256", "AuthorizationHeaderMalformed"),
        ("AWS4-HMAC-SHA256 " + GOOD.replace("Signature=", "Sig="), "AuthorizationHeaderMalformed"),
        ("AWS4-HMAC-SHA256 " + GOOD + ", Signature=" + "0" * 64, "AuthorizationHeaderMalformed"),
        ("AWS4-HMAC-SHA256 " + GOOD[:-1], "AuthorizationHeaderMalformed"),
        ("AWS4-HMAC-SHA256 " + GOOD.replace("/s3/", "/ec2/"), "AuthorizationHeaderMalformed"),
        ("AWS4-HMAC-SHA256 " + GOOD.replace("aws4_request", "aws4"), "AuthorizationHeaderMalformed"),
        ("AWS4-HMAC-SHA256 " + GOOD.replace("AK/20151021/", "AK/"), "AuthorizationHeaderMalformed"),
        ("AWS4-HMAC-SHA256 " + GOOD.replace("20151021", "20151020"), "AuthorizationHeaderMalformed"),
        ("AWS4-HMAC-SHA256 " + GOOD.replace("=host;", "=host;host;"), "AuthorizationHeaderMalformed"),
        ("AWS4-HMAC-SHA256 " + GOOD.replace("=host;", "=host;date;"), "AuthorizationHeaderMalformed"),
    ],
)
def test_a_broken_authorization_is_named(authorization: str, code: str) -> None:
    headers: Headers = (
        (b"authorization", authorization.encode()),
        (b"date", b"Wed, 21 Oct 2015 07:28:00 GMT"),
        (b"host", b"localhost"),
        (b"x-amz-content-sha256", b"UNSIGNED-PAYLOAD"),
    )
    assert refusal(Request("GET", b"/bucket", b"", headers, "http", "", "X")).code == code


def test_the_signature_may_stand_anywhere(sign: Any) -> None:
    request = sign("GET", "/bucket/key")
    kind, _, fields = dict(request.headers)[b"authorization"].partition(b" ")
    turned = b", ".join(reversed(fields.split(b", ")))
    verify(with_header(request, b"authorization", kind + b" " + turned))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"Signature=", b"Signature= "),
        (b"Signature=", b"Foo=ySignature="),
        (b"Signature=", b"Foo=Signature="),
        (b", Signature=", b";xSignature="),
    ],
)
def test_only_a_field_of_its_own_is_a_signature(sign: Any, old: bytes, new: bytes) -> None:
    request = sign("GET", "/bucket/key")
    authorization = dict(request.headers)[b"authorization"]
    assert refusal(with_header(request, b"authorization", authorization.replace(old, new))).code.startswith("Auth")


def test_a_long_list_of_signed_headers_is_read_each_time(sign: Any) -> None:
    many = {f"x-amz-meta-{number:03}": str(number) for number in range(100)}
    request = sign("PUT", "/bucket/key", many, b"body")
    assert len(dict(request.headers)[b"authorization"]) > limits.signer_chars_max
    verify(request)
    verify(request)
    assert refusal(with_header(request, b"x-amz-meta-007", b"8")).code == "SignatureDoesNotMatch"


def test_a_request_without_content_sha256_is_refused(sign: Any) -> None:
    assert refusal(without_header(sign("GET", "/bucket"), b"x-amz-content-sha256")).code == "InvalidRequest"


def test_signing_keys_are_derived_once() -> None:
    keys = SigningKeys()
    first = keys.key(SECRET, "20130524", "us-east-1")
    assert keys.key(SECRET, "20130524", "us-east-1") is first
    assert first.hex() == "dbb893acc010964918f1fd433add87c70e8b0db6be30c1fbeafefa5ec6ba8378"
    assert keys.key(SECRET, "20130525", "us-east-1") != first
