"""From a request to the AWS name of its operation."""

import re

import botocore.session
import pytest

from mys3d.errors import S3Error
from mys3d.s3 import uri
from mys3d.s3.router import _ALIASES, NAMES, ROUTES, Route, route
from mys3d.s3.uri import Target

MODEL = botocore.session.get_session().get_service_model("s3")


def go(method: str, url: str, **headers: str) -> str:
    path, _, query = url.partition("?")
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return route(method, uri.split_path(path.encode()), uri.query_texts(uri.query_pairs(query.encode())), named)


def test_every_operation_of_the_model_is_known_by_name() -> None:
    assert len(MODEL.operation_names) == 116
    assert set(MODEL.operation_names) == NAMES - {"PostObject"}  # the browser form is no operation of the model


def example(row: Route) -> tuple[str, dict[str, str]]:
    path = {"service": "/", "bucket": "/b", "key": "/b/k"}[row.level]
    query = "&".join([f"{name}={value or 'x'}" for name, value in row.queries])
    return f"{path}?{query}", dict.fromkeys(row.headers, "x")


@pytest.mark.parametrize("row", ROUTES, ids=lambda row: row.name)
def test_every_route_leads_to_itself(row: Route) -> None:
    url, headers = example(row)
    assert route(row.method, *_parts(url), headers) == row.name


def _parts(url: str) -> tuple[Target, dict[str, str]]:
    path, _, query = url.partition("?")
    return uri.split_path(path.encode()), uri.query_texts(uri.query_pairs(query.encode()))


@pytest.mark.parametrize("name", [row.name for row in ROUTES if row.name != "PostObject"])
def test_every_route_has_the_method_and_the_marks_of_the_model(name: str) -> None:
    row = next(row for row in ROUTES if row.name == name)
    http = MODEL.operation_model(name).http
    path, _, query = http["requestUri"].partition("?")
    assert http["method"] == row.method
    assert {"/": "service", "/{Bucket}": "bucket", "/{Bucket}/{Key+}": "key"}[path] == row.level
    marks = {name for name, _ in row.queries}
    # `select&select-type=2`: the first of the two is enough.
    assert {re.split("[=&]", query)[0]} - {""} <= marks


def test_an_alias_cannot_be_reached_and_hides_nothing() -> None:
    assert not {row.name for row in ROUTES} & _ALIASES


@pytest.mark.parametrize(
    ("method", "url", "name"),
    [
        ("GET", "/", "ListBuckets"),
        ("GET", "/?x-id=ListBuckets", "ListBuckets"),
        ("PUT", "/bucket/", "CreateBucket"),
        ("PUT", "/bucket/key?x-id=PutObject", "PutObject"),
        ("PUT", "/bucket//", "PutObject"),
        ("GET", "/bucket/?list-type=2", "ListObjectsV2"),
        ("GET", "/bucket?list-type=1", "ListObjects"),
        ("GET", "/bucket?prefix=a", "ListObjects"),
        ("GET", "/bucket?prefix=acl", "ListObjects"),
        ("HEAD", "/bucket/key?acl", "HeadObject"),
        ("PUT", "/bucket/key?partNumber=1&uploadId=u", "UploadPart"),
        ("GET", "/bucket/key?uploadId=u", "ListParts"),
        ("GET", "/bucket/%3Facl", "GetObject"),
        ("POST", "/WriteGetObjectResponse", "WriteGetObjectResponse"),
    ],
)
def test_what_clients_send_is_recognised(method: str, url: str, name: str) -> None:
    assert go(method, url) == name


def test_a_copy_is_told_by_its_header() -> None:
    assert go("PUT", "/bucket/key", x_amz_copy_source="/b/k") == "CopyObject"
    assert go("PUT", "/bucket/key?partNumber=1&uploadId=u", x_amz_copy_source="/b/k") == "UploadPartCopy"


@pytest.mark.parametrize(
    ("method", "url"),
    [("PUT", "/"), ("POST", "/"), ("DELETE", "/"), ("HEAD", "/"), ("POST", "/b/k"), ("PATCH", "/b/k")],
)
def test_what_is_no_operation_is_not_allowed(method: str, url: str) -> None:
    with pytest.raises(S3Error) as refused:
        go(method, url)
    assert refused.value.code == "MethodNotAllowed"
