"""Policies of forms: the published one, every condition, and what cannot be read."""

import base64
import json
from typing import Any

import pytest

from mys3d.errors import S3Error
from mys3d.model.names import Instant
from mys3d.s3 import post_policy
from mys3d.s3.sigv4 import SigningKeys

NOW = Instant(1445412480_000)
LATER = "2015-10-21T08:00:00.000Z"
SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"

# Source: S3 API, "Example: Browser-Based Upload using HTTP POST (Using AWS Signature Version 4)".
DOCUMENT = """{ "expiration": "2015-12-30T12:00:00.000Z",
  "conditions": [
    {"bucket": "sigv4examplebucket"},
    ["starts-with", "$key", "user/user1/"],
    {"acl": "public-read"},
    {"success_action_redirect": "http://sigv4examplebucket.s3.amazonaws.com/successful_upload.html"},
    ["starts-with", "$Content-Type", "image/"],
    {"x-amz-meta-uuid": "14365123651274"},
    {"x-amz-server-side-encryption": "AES256"},
    ["starts-with", "$x-amz-meta-tag", ""],

    {"x-amz-credential": "AKIAIOSFODNN7EXAMPLE/20151229/us-east-1/s3/aws4_request"},
    {"x-amz-algorithm": "AWS4-HMAC-SHA256"},
    {"x-amz-date": "20151229T000000Z" }
  ]
}"""
SIGNATURE = "8afdbf4008c03f22c2cd3cdb72e4afbb1f6a588f3255ac628749a66d7f09699e"

# Source: S3 User Guide, "Browser-based uploads using POST (AWS signature version 2)", example file upload.
OLD_DOCUMENT = """{ "expiration": "2007-12-01T12:00:00.000Z",
  "conditions": [
    {"bucket": "johnsmith"},
    ["starts-with", "$key", "user/eric/"],
    {"acl": "public-read"},
    {"success_action_redirect": "http://johnsmith.s3.amazonaws.com/successful_upload.html"},
    ["starts-with", "$Content-Type", "image/"],
    {"x-amz-meta-uuid": "14365123651274"},
    ["starts-with", "$x-amz-meta-tag", ""]
  ]
}
"""


def encoded(document: str) -> str:
    return base64.b64encode(document.encode()).decode()


def test_the_published_form_verifies_and_holds() -> None:
    document = encoded(DOCUMENT.replace("\n", "\r\n"))
    post_policy.verify_v4(document, SIGNATURE, SigningKeys().key(SECRET, "20151229", "us-east-1"))
    fields = {
        "bucket": "sigv4examplebucket",
        "key": "user/user1/a.png",
        "acl": "public-read",
        "success_action_redirect": "http://sigv4examplebucket.s3.amazonaws.com/successful_upload.html",
        "content-type": "image/png, image/jpeg",
        "x-amz-meta-uuid": "14365123651274",
        "x-amz-server-side-encryption": "AES256",
        "x-amz-credential": "AKIAIOSFODNN7EXAMPLE/20151229/us-east-1/s3/aws4_request",
        "x-amz-algorithm": "AWS4-HMAC-SHA256",
        "x-amz-date": "20151229T000000Z",
        "x-amz-signature": SIGNATURE,
        "policy": document,
        "x-ignore-me": "please",
        "x-amz-checksum-crc32": "NhCmhg==",
    }
    policy = post_policy.parse(document)
    post_policy.check(policy, fields, NOW)
    for name in ("key", "acl", "content-type", "x-amz-meta-uuid", "bucket"):
        assert denied(policy, fields | {name: "image/png, text/plain"})
    assert denied(policy, fields | {"x-amz-meta-extra": ""}) == "Extra input fields: x-amz-meta-extra"
    assert denied(policy, {name: value for name, value in fields.items() if name != "x-amz-date"})


def denied(policy: post_policy.Policy, fields: dict[str, str], now: Instant = NOW) -> str:
    with pytest.raises(S3Error) as refused:
        post_policy.check(policy, fields, now)
    assert refused.value.code == "AccessDenied"
    return refused.value.message.removeprefix("Invalid according to Policy: ")


def test_a_signature_of_another_secret_or_policy_is_refused() -> None:
    document = encoded("{}")
    key = SigningKeys().key(SECRET, "20151229", "us-east-1")
    for verify in (
        lambda: post_policy.verify_v4(document, SIGNATURE, key),
        lambda: post_policy.verify_v4(document, "é", key),
        lambda: post_policy.verify_v2(document, "AAAA", SECRET),
    ):
        with pytest.raises(S3Error) as refused:
            verify()
        assert refused.value.code == "SignatureDoesNotMatch"


def test_the_published_form_of_version_2_verifies_and_holds() -> None:
    document = encoded(OLD_DOCUMENT)
    post_policy.verify_v2(document, "0RavWzkygo6QX9caELEqKi9kDbU=", "uV3F3YluFJax1cknvbcGwgjvx4QpvB+leU8dUj2o")
    assert post_policy.parse(document).expires_at == 1196510400_000


def policy_of(*conditions: Any, **changes: Any) -> post_policy.Policy:
    return post_policy.parse(encoded(json.dumps({"expiration": LATER, "conditions": list(conditions), **changes})))


def test_names_of_conditions_have_no_case() -> None:
    policy = policy_of({"bUcKeT": "b"}, ["StArTs-WiTh", "$KeY", "foo"], ["EQ", "$aCl", "private"])
    post_policy.check(policy, {"bucket": "b", "key": "foo.txt", "acl": "private"}, NOW)


def test_a_bucket_that_no_condition_names_is_denied() -> None:
    policy = policy_of(["starts-with", "$key", ""])
    assert denied(policy, {"bucket": "b", "key": "k"}) == "Extra input fields: bucket"


def test_a_policy_ends() -> None:
    policy = policy_of({"bucket": "b"})
    post_policy.check(policy, {"bucket": "b"}, Instant(policy.expires_at - 1))
    assert denied(policy, {"bucket": "b"}, policy.expires_at) == "Policy expired."


def test_a_range_of_sizes_is_read() -> None:
    policy = policy_of(["content-length-range", 10, "20"])
    assert (policy.bytes_min, policy.bytes_max) == (10, 20)


@pytest.mark.parametrize(
    "conditions",
    [
        [{}],
        [[]],
        ["eq"],
        [7],
        [["eq", "$key"]],
        [["eq", "key", "x"]],
        [["eq", "$key", 7]],
        [["like", "$key", "x"]],
        [{"key": 7}],
        [["content-length-range", 0]],
        [["content-length-range", -1, 0]],
        [["content-length-range", 0, "x"]],
        [["content-length-range", 0, True]],
        [["content-length-range", 0, 1.5]],
        [["content-length-range", 0, 10**30]],
        [["content-length-range", 0, 1, 2]],
    ],
)
def test_a_condition_that_is_none_makes_the_policy_invalid(conditions: list[Any]) -> None:
    assert invalid(json.dumps({"expiration": LATER, "conditions": conditions}))


@pytest.mark.parametrize(
    "document",
    [
        "",
        "x",
        "[]",
        "7",
        "[" * 5000,
        '{"conditions": []}',
        f'{{"EXPIRATION": "{LATER}", "conditions": []}}',
        f'{{"expiration": "{LATER}"}}',
        f'{{"expiration": "{LATER}", "CONDITIONS": []}}',
        '{"expiration": "2015-10-21 08:00:00", "conditions": []}',
        '{"expiration": "2015-13-21T08:00:00Z", "conditions": []}',
        '{"expiration": 7, "conditions": []}',
    ],
    ids=range(12),
)
def test_a_document_that_is_no_policy_is_invalid(document: str) -> None:
    assert invalid(document)


def invalid(document: str) -> str:
    with pytest.raises(S3Error) as refused:
        post_policy.parse(encoded(document))
    assert refused.value.code == "InvalidPolicyDocument"
    return refused.value.message


def test_a_policy_that_is_not_base64_is_invalid() -> None:
    for text in ("é", "a", "*" * 8):
        with pytest.raises(S3Error) as refused:
            post_policy.parse(text)
        assert refused.value.code == "InvalidPolicyDocument"
