"""The request target, byte for byte."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mys3d.errors import S3Error
from mys3d.s3 import uri
from mys3d.s3.uri import Target


@pytest.mark.parametrize(
    ("raw", "bucket", "key"),
    [
        (b"/", "", ""),
        (b"/b", "b", ""),
        (b"/b/", "b", ""),
        (b"/b/k", "b", "k"),
        (b"/b//", "b", "/"),
        (b"/b///", "b", "//"),
        (b"/b/a//c", "b", "a//c"),
        (b"/b/folder/", "b", "folder/"),
        (b"/b/.", "b", "."),
        (b"/b/..", "b", ".."),
        (b"/b/../../etc/passwd", "b", "../../etc/passwd"),
        (b"/b/%2e%2e/x", "b", "../x"),
        (b"/b/a%20b+c/%C3%A9%252F~(x)", "b", "a b+c/é%2F~(x)"),
        (b"/b/%2F", "b", "/"),
        (b"/b/%252F", "b", "%2F"),
        (b"/b/%3FversionId=x", "b", "?versionId=x"),
        (b"/b/back\\slash", "b", "back\\slash"),
    ],
)
def test_only_the_first_slash_separates_bucket_and_key(raw: bytes, bucket: str, key: str) -> None:
    assert uri.split_path(raw) == Target(bucket, key)


@pytest.mark.parametrize("raw", [b"", b"b/k", b"/b/%", b"/b/%2", b"/b/%zz", b"/b/%ff", b"/b/\xff", b"/%c3/x", b"*"])
def test_a_path_that_is_not_percent_encoded_utf8_is_refused(raw: bytes) -> None:
    with pytest.raises(S3Error) as refused:
        uri.split_path(raw)
    assert refused.value.code == "InvalidURI"


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_any_key_survives_encoding_and_decoding(key: str) -> None:
    assert uri.split_path(b"/bucket/" + uri.encode(key.encode()).encode()) == Target("bucket", key)
    assert uri.split_path(b"/bucket/" + uri.encode(key.encode(), safe="/").encode()) == Target("bucket", key)


def test_a_plus_in_a_query_is_a_plus() -> None:
    assert uri.query_pairs(b"prefix=a+b%20c%2Bd") == ((b"prefix", b"a+b c+d"),)


def test_a_query_keeps_order_and_repetition() -> None:
    assert uri.query_pairs(b"b=2&a=1&&b=3&acl&x=") == (
        (b"b", b"2"),
        (b"a", b"1"),
        (b"b", b"3"),
        (b"acl", b""),
        (b"x", b""),
    )


def test_only_the_first_equals_sign_separates() -> None:
    assert uri.query_pairs(b"token=a=b==") == ((b"token", b"a=b=="),)


def test_the_first_of_equal_names_counts() -> None:
    assert uri.query_texts(uri.query_pairs(b"a=1&a=2")) == {"a": "1"}


def test_a_query_that_is_not_utf8_is_refused() -> None:
    with pytest.raises(S3Error) as refused:
        uri.query_texts(uri.query_pairs(b"prefix=%ff"))
    assert refused.value.code == "InvalidURI"


DOMAINS = ("s3.example.org", "example.org")


@pytest.mark.parametrize(
    ("host", "bucket"),
    [
        ("photos.s3.example.org", "photos"),
        ("photos.s3.example.org:9000", "photos"),
        ("Photos.S3.Example.org", "photos"),
        ("my.photos.s3.example.org", "my.photos"),
        ("photos.example.org", "photos"),
        ("s3.example.org", "s3"),
        ("example.org", ""),
        ("example.org:9000", ""),
        ("photos.other.org", ""),
        ("photos-s3.example.com", ""),
        ("127.0.0.1:9000", ""),
        ("[::1]:9000", ""),
        ("[::1]", ""),
        ("", ""),
    ],
)
def test_a_bucket_may_stand_before_a_domain_of_ours(host: str, bucket: str) -> None:
    assert uri.bucket_of_host(host, DOMAINS) == bucket


@pytest.mark.parametrize(
    ("raw", "host", "target"),
    [
        (b"/a/b", "photos.s3.example.org", Target("photos", "a/b")),
        (b"/", "photos.s3.example.org", Target("photos", "")),
        (b"//", "photos.s3.example.org", Target("photos", "/")),
        (b"/a/b", "localhost", Target("a", "b")),
    ],
)
def test_the_whole_path_is_a_key_when_the_host_names_the_bucket(raw: bytes, host: str, target: Target) -> None:
    assert uri.target_of(raw, host, ("s3.example.org",)) == target


def test_a_target_that_is_no_path_names_no_key() -> None:
    with pytest.raises(S3Error):
        uri.target_of(b"*", "photos.s3.example.org", ("s3.example.org",))


@pytest.mark.parametrize(
    ("origin", "url"),
    [
        ("http://localhost:9000", "http://localhost:9000/photos/a%20b/%C3%A9"),
        ("https://photos.s3.example.org", "https://photos.s3.example.org/a%20b/%C3%A9"),
        ("https://s3.example.org:443", "https://s3.example.org:443/photos/a%20b/%C3%A9"),
    ],
)
def test_an_object_has_a_url_in_the_style_of_the_request(origin: str, url: str) -> None:
    assert uri.url_of(origin, ("s3.example.org",), "photos", "a b/é") == url
