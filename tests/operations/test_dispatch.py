"""A request's whole life: every way it can end."""

from dataclasses import replace
from typing import Any

import pytest

from mys3d.errors import Damaged, OutcomeUnknown, Reason, Rejected, S3Error, Unavailable
from mys3d.s3 import errors
from mys3d.s3.router import ROUTES, Route
from mys3d.s3.table import TABLE


async def test_every_answer_names_its_request_and_node(bucket: Any) -> None:
    for method, url in (("GET", "/"), ("HEAD", "/none"), ("GET", "/none"), ("PATCH", "/x"), ("DELETE", "/photos/k")):
        request = bucket.signed(method, url)
        told = (await bucket.send(request)).headers
        assert told["x-amz-request-id"] == request.id
        assert told["x-amz-id-2"] == "host"
        assert told["server"] == "mys3d"


async def test_an_error_body_names_its_request(client: Any) -> None:
    request = client.signed("GET", "/none/a%20b")
    found = await client.send(request)
    assert found.headers["content-type"] == "application/xml"
    assert found.xml["RequestId"] == request.id == found.headers["x-amz-request-id"]
    assert found.xml["Resource"] == "/none/a%20b"
    assert found.xml["HostId"] == "host"


@pytest.mark.parametrize("route", [route for route in ROUTES if route.name not in TABLE], ids=lambda route: route.name)
async def test_what_is_not_built_answers_by_its_aws_name(bucket: Any, route: Route) -> None:
    path = {"service": "/", "bucket": "/photos", "key": "/photos/k"}[route.level]
    query = "&".join([f"{name}={value or 'x'}" for name, value in route.queries])
    found = await bucket(route.method, f"{path}?{query}" if query else path, headers=dict.fromkeys(route.headers, "x"))
    assert (found.status, found.code) == (501, "NotImplemented")
    assert route.name in found.message


async def test_nobody_learns_what_is_built_without_signing(client: Any) -> None:
    request = client.signed("GET", "/photos?website")
    unsigned = replace(request, headers=tuple(pair for pair in request.headers if pair[0] != b"authorization"))
    found = await client.send(unsigned)
    assert (found.status, found.code) == (403, "AccessDenied")


async def test_what_is_no_operation_is_not_allowed(client: Any) -> None:
    found = await client("PATCH", "/photos/k")
    assert (found.status, found.code) == (405, "MethodNotAllowed")


@pytest.mark.parametrize("url", ["/photos/%zz", "/photos/%ff", "/photos?prefix=%ff"])
async def test_a_target_that_cannot_be_read_is_refused(client: Any, url: str) -> None:
    assert (await client("GET", url)).code == "InvalidURI"


async def test_a_user_is_denied_what_is_roots(bucket: Any) -> None:
    user = replace(bucket, access_key="ANN")
    for method, url in (("GET", "/photos?location"), ("GET", "/photos/k"), ("PUT", "/photos/k"), ("DELETE", "/photos")):
        found = await user(method, url, b"x" if method == "PUT" else b"")
        assert (found.status, found.code) == (403, "AccessDenied")


class Failing:
    """A registry whose barrier fails."""

    def __init__(self, registry: Any, failure: Exception) -> None:
        self._registry = registry
        self._failure = failure

    def __getattr__(self, name: str) -> Any:
        return getattr(self._registry, name)

    async def barrier(self) -> None:
        raise self._failure


@pytest.mark.parametrize(
    ("failure", "status", "code", "retry"),
    [
        (Unavailable("no leader"), 503, "SlowDown", "1"),
        (OutcomeUnknown(b"o" * 16), 503, "ServiceUnavailable", "1"),
        (Damaged(b"d" * 32), 503, "ServiceUnavailable", "1"),
        (S3Error("RequestTimeout"), 400, "RequestTimeout", None),
        (S3Error("SlowDown"), 503, "SlowDown", "1"),
        (S3Error("NoSuchCodeOfOurs"), 500, "InternalError", None),
        (ValueError("a fault of ours"), 500, "InternalError", None),
        (AssertionError("a broken promise"), 500, "InternalError", None),
    ],
)
async def test_every_failure_has_its_answer(
    bucket: Any, with_ports: Any, failure: Exception, status: int, code: str, retry: str | None
) -> None:
    broken = with_ports(bucket, registry=Failing(bucket.services.ports.registry, failure))
    found = await broken("GET", "/photos/k")
    assert (found.status, found.code, found.headers.get("retry-after")) == (status, code, retry)
    assert "fault of ours" not in found.body.decode()
    head = await broken("HEAD", "/photos/k")
    assert (head.status, head.body) == (status, b"")


@pytest.mark.parametrize("url", ["/photos/k", "/photos", "/photos?list-type=2"])
async def test_a_row_that_does_not_decode_is_503_and_its_node_answers_no_more(bucket: Any, url: str) -> None:
    registry = bucket.services.ports.registry
    assert (await bucket("PUT", "/photos/k", b"x")).status == 200
    broken = [
        (key, b"\xc1") for key, _ in registry.rows.scan(b"b", b"c" if url == "/photos" else b"p") if key[:1] in b"bo"
    ]
    registry.rows.commit(broken)
    for _ in range(2):
        found = await bucket("GET", url)
        assert (found.status, found.code, found.headers["retry-after"]) == (503, "SlowDown", "1")
    with pytest.raises(Unavailable, match="does not decode"):
        await registry.barrier()


@pytest.mark.parametrize("reason", list(Reason))
async def test_every_refusal_by_the_rules_has_its_status(bucket: Any, with_ports: Any, reason: Reason) -> None:
    broken = with_ports(bucket, registry=Failing(bucket.services.ports.registry, Rejected(reason, "why")))
    found = await broken("GET", "/photos/k")
    assert found.code == errors.code_of(reason)
    assert found.status == errors.CATALOGUE[found.code].status


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE"])
async def test_a_body_where_none_belongs_is_not_read(bucket: Any, method: str) -> None:
    request = bucket.signed(method, "/photos", b"x")
    assert (await bucket.send(request, AssertionError("the body was asked for"))).status in (200, 204)


async def test_metadata_that_comes_twice_is_joined(bucket: Any) -> None:
    request = bucket.signed("PUT", "/photos/k", b"x", {"x-amz-meta-a": "1,2"})
    first = tuple((name, b"1" if name == b"x-amz-meta-a" else value) for name, value in request.headers)
    assert (await bucket.send(replace(request, headers=(*first, (b"x-amz-meta-a", b"2"))), b"x")).status == 200
    assert (await bucket("HEAD", "/photos/k")).headers["x-amz-meta-a"] == "1,2"


async def test_metadata_in_utf8_comes_back_as_rfc_2047_says(bucket: Any) -> None:
    request = bucket.signed("PUT", "/photos/k", b"x", {"x-amz-meta-a": "é"})
    assert (b"x-amz-meta-a", "é".encode()) in request.headers
    assert (await bucket.send(request, b"x")).status == 200
    assert (await bucket("HEAD", "/photos/k")).headers["x-amz-meta-a"] == "=?UTF-8?B?w6k=?="


async def test_a_header_that_is_no_utf8_is_read_as_latin_1(bucket: Any) -> None:
    request = bucket.signed("GET", "/photos")
    assert (await bucket.send(replace(request, headers=(*request.headers, (b"x-other", b"\xe9"))))).status == 200


async def test_a_bucket_may_be_named_by_the_host(bucket: Any) -> None:
    client = replace(bucket, services=replace(bucket.services, domains=("s3.example.org",)))
    host = {"Host": "photos.s3.example.org:9000"}
    assert (await client("PUT", "/a/b", b"data", host)).status == 200
    assert (await client("GET", "/photos/a/b")).body == b"data"
    assert "a/b" in (await client("GET", "/?list-type=2", headers=host)).body.decode()
    assert (await client("HEAD", "/", headers={"Host": "none.s3.example.org"})).status == 404
