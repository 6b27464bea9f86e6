"""Rules for other origins through dispatch: kept, told, and what browsers hear of them."""

from dataclasses import replace
from typing import Any

import pytest

from mys3d.errors import Unavailable
from mys3d.registry import keys
from mys3d.s3.message import Request
from tests.operations.conftest import Answer

PAGE = "https://page.example"
RULE = {
    "ID": "one",
    "AllowedMethod": ["GET", "PUT"],
    "AllowedOrigin": "https://*.example",
    "AllowedHeader": "x-amz-*",
    "ExposeHeader": "ETag",
    "MaxAgeSeconds": "600",
}
ONE = (
    "<CORSRule><ID>one</ID><AllowedOrigin> https://*.example </AllowedOrigin><AllowedMethod>GET</AllowedMethod>"
    "<AllowedMethod>PUT</AllowedMethod><AllowedHeader>x-amz-*</AllowedHeader><ExposeHeader>ETag</ExposeHeader>"
    "<MaxAgeSeconds>600</MaxAgeSeconds></CORSRule>"
)
TWO = "<CORSRule><AllowedMethod>DELETE</AllowedMethod><AllowedOrigin>*</AllowedOrigin></CORSRule>"


def rules(inside: str = ONE) -> bytes:
    return f'<CORSConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/">{inside}</CORSConfiguration>'.encode()


@pytest.fixture
async def shared(bucket: Any) -> Any:
    """A client of a bucket with a rule and the object `k`."""
    await bucket("PUT", "/photos/k", b"data")
    assert (await bucket("PUT", "/photos?cors", rules())).status == 200
    return bucket


async def ask(client: Any, url: str = "/photos/k", method: str = "OPTIONS", **headers: str) -> Answer:
    """Send a request that nobody signed."""
    pairs = {"host": "localhost:9000"} | {name.replace("_", "-"): value for name, value in headers.items()}
    raw = tuple((name.encode(), value.encode()) for name, value in pairs.items())
    path, _, query = url.partition("?")
    found: Answer = await client.send(
        Request(method, path.encode(), query.encode(), raw, "http", "127.0.0.1", "0" * 16)
    )
    return found


def wanted(method: str = "GET", origin: str = PAGE, **more: str) -> dict[str, str]:
    return {"origin": origin, "access_control_request_method": method, **more}


async def test_rules_are_kept_told_and_removed(shared: Any) -> None:
    assert (await shared("GET", "/photos?cors")).xml["CORSRule"] == RULE
    assert (await shared("PUT", "/photos?cors", rules(TWO + ONE))).status == 200
    assert [found["AllowedMethod"] for found in (await shared("GET", "/photos?cors")).xml["CORSRule"]] == [
        "DELETE",
        ["GET", "PUT"],
    ]
    assert (await shared("DELETE", "/photos?cors")).status == 204
    assert (await shared("DELETE", "/photos?cors")).status == 204
    gone = await shared("GET", "/photos?cors")
    assert (gone.status, gone.code) == (404, "NoSuchCORSConfiguration")


@pytest.mark.parametrize(
    ("document", "code"),
    [
        (b"", "MissingRequestBodyError"),
        (rules(""), "MalformedXML"),
        (b"<Other/>", "MalformedXML"),
        (rules("<CORSRule><AllowedMethod>GET</AllowedMethod></CORSRule>"), "MalformedXML"),
        (rules(ONE.replace("600", "-1")), "MalformedXML"),
        (rules(ONE.replace(">PUT<", ">PATCH<")), "InvalidRequest"),
        (rules(TWO * 101), "InvalidRequest"),
        (rules(f"<CORSRule><ID>{'x' * 65536}</ID></CORSRule>"), "MaxMessageLengthExceeded"),
    ],
)
async def test_what_is_no_configuration_is_refused(shared: Any, document: bytes, code: str) -> None:
    found = await shared("PUT", "/photos?cors", document)
    assert (found.status, found.code) == (400, code)
    assert (await shared("GET", "/photos?cors")).xml["CORSRule"] == RULE


@pytest.mark.parametrize("method", ["PUT", "GET", "DELETE"])
async def test_a_bucket_that_is_not_there_or_anothers_has_no_rules(shared: Any, method: str) -> None:
    body = rules() if method == "PUT" else b""
    assert (await shared(method, "/none?cors", body)).code == "NoSuchBucket"
    assert (await replace(shared, access_key="ANN")(method, "/photos?cors", body)).code == "AccessDenied"


async def test_a_bucket_made_anew_has_no_rules(shared: Any) -> None:
    await shared("DELETE", "/photos/k")
    assert (await shared("DELETE", "/photos")).status == 204
    assert (await shared("PUT", "/photos")).status == 200
    assert (await shared("GET", "/photos?cors")).code == "NoSuchCORSConfiguration"


@pytest.mark.parametrize("url", ["/photos", "/photos/k", "/photos/none", "/photos/k?X-Amz-Signature=x&acl"])
async def test_a_preflight_is_answered_to_nobody_in_particular(shared: Any, url: str) -> None:
    found = await ask(shared, url, **wanted("PUT", access_control_request_headers="X-Amz-Date"))
    assert (found.status, found.body) == (200, b"")
    assert found.headers["access-control-allow-origin"] == PAGE
    assert found.headers["access-control-allow-methods"] == "GET, PUT"
    assert found.headers["access-control-allow-headers"] == "x-amz-date"
    assert found.headers["access-control-max-age"] == "600"


@pytest.mark.parametrize(
    ("url", "headers", "status", "code"),
    [
        ("/photos", {}, 400, "BadRequest"),
        ("/photos", {"origin": PAGE}, 400, "BadRequest"),
        ("/photos", {"access_control_request_method": "GET"}, 400, "BadRequest"),
        ("/photos", wanted("PATCH"), 400, "BadRequest"),
        ("/photos", wanted(access_control_request_headers=",".join("a" * 103)), 400, "BadRequest"),
        ("/photos", wanted("DELETE"), 403, "AccessForbidden"),
        ("/photos", wanted(origin="https://page.else"), 403, "AccessForbidden"),
        ("/photos/k", wanted(access_control_request_headers="content-type"), 403, "AccessForbidden"),
        ("/plain", wanted(), 403, "AccessForbidden"),
        ("/", wanted(), 403, "AccessForbidden"),
        ("/none", wanted(), 404, "NoSuchBucket"),
        ("/%zz", wanted(), 400, "InvalidURI"),
    ],
)
async def test_a_preflight_that_is_refused(
    shared: Any, url: str, headers: dict[str, str], status: int, code: str
) -> None:
    await shared("PUT", "/plain")
    found = await ask(shared, url, **headers)
    assert (found.status, found.code) == (status, code)
    assert not [name for name in found.headers if name.startswith("access-control")]


@pytest.mark.parametrize(
    ("method", "url", "status"),
    [("GET", "/photos/k", 200), ("HEAD", "/photos/none", 404), ("GET", "/photos?policy", 501)],
)
async def test_every_answer_to_a_page_says_what_it_may_read(shared: Any, method: str, url: str, status: int) -> None:
    shared_rules = rules(ONE.replace(">PUT<", ">HEAD<"))
    assert (await shared("PUT", "/photos?cors", shared_rules)).status == 200
    found = await shared(method, url, headers={"Origin": PAGE})
    assert found.status == status
    assert found.headers["access-control-allow-origin"] == PAGE
    assert found.headers["access-control-expose-headers"] == "ETag"
    assert found.headers["vary"].startswith("Origin")


async def test_an_answer_to_nobody_says_what_its_page_may_read(shared: Any) -> None:
    found = await ask(shared, method="PUT", origin=PAGE, content_length="0")
    assert (found.status, found.headers["access-control-allow-methods"]) == (403, "GET, PUT")


async def test_a_method_that_is_asked_for_counts_before_the_one_that_is_used(shared: Any) -> None:
    asked = {"Origin": PAGE, "Access-Control-Request-Method": "DELETE"}
    assert "access-control-allow-origin" not in (await shared("GET", "/photos/k", headers=asked)).headers


@pytest.mark.parametrize("headers", [{}, {"Origin": "https://page.else"}])
async def test_other_answers_say_nothing_of_it(shared: Any, headers: dict[str, str]) -> None:
    found = await shared("GET", "/photos/k", headers=headers)
    assert found.status == 200
    assert "access-control-allow-origin" not in found.headers
    assert ("vary" in found.headers) is bool(headers)


@pytest.mark.parametrize("url", ["/", "/none/k", "/%zz"])
async def test_a_page_that_means_no_bucket_with_rules_is_told_nothing(shared: Any, url: str) -> None:
    found = await ask(shared, url, "GET", origin=PAGE)
    assert "vary" not in found.headers


async def test_a_page_is_told_nothing_of_rows_that_cannot_be_read(shared: Any, with_ports: Any) -> None:
    class Gone:
        """A registry whose store is away."""

        async def barrier(self) -> None:
            raise Unavailable("damaged")

        def view(self) -> None:
            raise Unavailable("damaged")

    found = await ask(with_ports(shared, registry=Gone()), method="GET", origin=PAGE)
    assert (found.status, "vary" in found.headers) == (503, False)


async def test_a_damaged_row_of_rules_ends_the_trust_in_the_node(shared: Any) -> None:
    registry = shared.services.ports.registry
    registry.rows.commit([(key, b"\xc1") for key, _ in registry.rows.scan(*keys.stretch(keys.CORS))])
    found = await shared("GET", "/photos/k", headers={"Origin": PAGE})
    assert (found.status, found.body, "vary" in found.headers) == (200, b"data", False)
    assert (await shared("GET", "/photos/k")).status == 503
