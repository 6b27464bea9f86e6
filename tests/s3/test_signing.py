"""Which way a request is signed."""

from typing import Any

import pytest

from mys3d.errors import S3Error
from mys3d.s3.message import Request
from mys3d.s3.signing import Way, hoisted, way_of

V4, V2 = "AWS4-HMAC-SHA256 Credential=x", "AWS AK:x"


def asked(authorization: str | None = None, query: str = "") -> Request:
    headers = () if authorization is None else ((b"authorization", authorization.encode()),)
    return Request("GET", b"/b/k", query.encode(), headers, "http", "", "X")


@pytest.mark.parametrize(
    ("request_", "way"),
    [
        (asked(), Way.NOBODY),
        (asked(query="prefix=X-Amz-Signature&x-amz-acl=private"), Way.NOBODY),
        (asked(V4), Way.HEADER_V4),
        (asked(V2), Way.HEADER_V2),
        (asked(query="X-Amz-Signature=0"), Way.QUERY_V4),
        (asked(query="X-Amz-Credential=0"), Way.QUERY_V4),
        (asked(query="X-Amz-Algorithm=x"), Way.QUERY_V4),
        (asked(query="%58-Amz-Algorithm=x"), Way.QUERY_V4),
        (asked(query="AWSAccessKeyId=x"), Way.QUERY_V2),
        (asked(query="Signature=x"), Way.QUERY_V2),
    ],
)
def test_the_way_is_told_by_the_header_or_the_query(request_: Any, way: Way) -> None:
    assert way_of(request_) is way


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (asked(V4, "X-Amz-Signature=0"), "InvalidArgument"),
        (asked(V2, "X-Amz-Algorithm=x"), "InvalidArgument"),
        (asked(V4, "AWSAccessKeyId=x"), "InvalidArgument"),
        (asked("", "Signature=x"), "InvalidArgument"),
        (asked(query="Signature=x&X-Amz-Signature=0"), "InvalidArgument"),
        (asked(""), "InvalidArgument"),
        (asked("Bearer x"), "InvalidArgument"),
        (asked("AWS4-ECDSA-P256-SHA256 Credential=x"), "NotImplemented"),
        (asked(query="X-Amz-Algorithm=AWS4-ECDSA-P256-SHA256&X-Amz-Signature=0"), "NotImplemented"),
    ],
)
def test_two_ways_and_unknown_ones_are_refused(request_: Any, code: str) -> None:
    with pytest.raises(S3Error) as refused:
        way_of(request_)
    assert refused.value.code == code


@pytest.mark.parametrize("second", [V4, V2])
def test_two_signatures_in_the_header_are_refused(second: str) -> None:
    headers = tuple((b"authorization", value.encode()) for value in (V4, second))
    with pytest.raises(S3Error) as refused:
        way_of(Request("GET", b"/b/k", b"", headers, "http", "", "X"))
    assert refused.value.code == "InvalidArgument"


def test_a_link_may_say_headers_in_its_query() -> None:
    query = {
        "X-Amz-Acl": "private",
        "x-amz-meta-a": "b",
        "X-Amz-Signature": "0",
        "X-Amz-Expires": "60",
        "x-amz-security-token": "t",
        "content-type": "text/plain",
        "prefix": "p",
    }
    plain = {"x-amz-acl": "private", "x-amz-meta-a": "b"}
    assert hoisted(Way.QUERY_V4, query) == plain
    assert hoisted(Way.QUERY_V2, query) == plain | {"content-type": "text/plain"}
    for way in (Way.HEADER_V4, Way.HEADER_V2, Way.NOBODY):
        assert hoisted(way, query) == {}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("x-amz-meta-a b", "v"),
        ("x-amz-meta-a\r\nx", "v"),
        ("x-amz-meta-é", "v"),
        ("x-amz-meta-a", "v\r\nx: y"),
        ("x-amz-", "\x00"),
    ],
)
def test_what_could_not_be_a_header_is_refused(name: str, value: str) -> None:
    for way in (Way.QUERY_V2, Way.QUERY_V4):
        with pytest.raises(S3Error) as refused:
            hoisted(way, {name: value})
        assert refused.value.code == "InvalidArgument"
    assert hoisted(Way.HEADER_V4, {name: value}) == {}
