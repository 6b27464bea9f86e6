"""Rules for other origins: what they allow, and which rules there may be."""

import pytest

from mys3d import limits
from mys3d.errors import S3Error
from mys3d.model.cors import CorsRule
from mys3d.s3 import cors

VARY = "Origin, Access-Control-Request-Headers, Access-Control-Request-Method"
PAGE = "https://page.example"


def told(headers: cors.Headers) -> dict[str, str]:
    return {name.decode(): value.decode() for name, value in headers}


def rule(*origins: str, methods: tuple[str, ...] = ("GET",), headers: tuple[str, ...] = ()) -> CorsRule:
    return CorsRule(methods, origins, headers)


@pytest.mark.parametrize(
    ("pattern", "origin", "fits"),
    [
        ("*", PAGE, True),
        (PAGE, PAGE, True),
        (PAGE, PAGE + "s", False),
        ("*.example", PAGE, True),
        ("*suffix", "foo.suffix.get", False),
        ("start*end", "startend", True),
        ("start*end", "start12end", True),
        ("start*end", "0start12end", False),
        ("aba*ba", "ababa", True),
        ("aba*ba", "aba", False),
        ("prefix*", "prefix.suffix", True),
        ("prefix*", "bla.prefix", False),
        ("https://*.example", "http://page.example", False),
        ("prefix*", "prefix\x01", False),
    ],
)
def test_a_star_stands_for_any_text(pattern: str, origin: str, fits: bool) -> None:
    assert (cors.find([rule(pattern)], origin, "GET", ()) is not None) is fits


def test_the_first_rule_that_fits_decides() -> None:
    first = rule("*.example", methods=("GET", "PUT"))
    second = rule("*", methods=("GET", "DELETE"))
    assert cors.find([first, second], PAGE, "GET", ()) is first
    assert cors.find([first, second], PAGE, "DELETE", ()) is second
    assert cors.find([first, second], PAGE, "POST", ()) is None
    assert cors.find([first, second], "https://else", "PUT", ()) is None


@pytest.mark.parametrize(
    ("allowed", "asked", "fits"),
    [
        ((), "", True),
        ((), "x-amz-meta-a", False),
        (("*",), "x-amz-meta-a, content-type", True),
        (("X-Amz-*", "Content-Type"), "x-amz-date,CONTENT-TYPE", True),
        (("x-amz-*",), "x-amz-date, content-type", False),
    ],
)
def test_every_header_that_is_asked_for_is_allowed_in_any_case(
    allowed: tuple[str, ...], asked: str, fits: bool
) -> None:
    names = cors.headers_asked(asked)
    assert (cors.find([rule("*", headers=allowed)], PAGE, "GET", names) is not None) is fits


def test_headers_are_asked_for_in_a_list_of_bounded_length() -> None:
    assert cors.headers_asked(None) == ()
    assert cors.headers_asked(" A, b ,,a") == ("a", "b")
    most = ",".join([str(number) for number in range(limits.cors_headers_asked_max)])
    assert len(cors.headers_asked(most)) == limits.cors_headers_asked_max
    assert len(cors.headers_asked(most + ",x")) == limits.cors_headers_asked_max + 1
    with pytest.raises(S3Error) as refused:
        cors.headers_asked(most + ",x,y")
    assert refused.value.code == "BadRequest"


def test_a_preflight_tells_what_the_rule_allows() -> None:
    full = CorsRule(("GET", "PUT"), ("https://*",), ("*",), ("ETag", "x-amz-meta-a"), 3000)
    assert told(cors.preflight([full], PAGE, "PUT", ("content-type", "x-amz-date"))) == {
        "access-control-allow-origin": PAGE,
        "access-control-allow-methods": "GET, PUT",
        "access-control-allow-headers": "content-type, x-amz-date",
        "access-control-expose-headers": "ETag, x-amz-meta-a",
        "access-control-max-age": "3000",
        "access-control-allow-credentials": "true",
        "vary": VARY,
    }


def test_any_origin_is_told_so_and_gets_no_credentials() -> None:
    assert told(cors.preflight([rule("*")], PAGE, "GET", ())) == {
        "access-control-allow-origin": "*",
        "access-control-allow-methods": "GET",
        "vary": VARY,
    }


@pytest.mark.parametrize(
    ("rules", "message"), [([], "not enabled for this bucket"), ([rule("https://else")], "is not allowed")]
)
def test_a_preflight_that_no_rule_fits_is_forbidden(rules: list[CorsRule], message: str) -> None:
    with pytest.raises(S3Error, match=message) as refused:
        cors.preflight(rules, PAGE, "GET", ())
    assert refused.value.code == "AccessForbidden"


def test_an_answer_says_nothing_without_rules_and_names_what_it_varies_by_with_some() -> None:
    assert cors.answered([], PAGE, "GET") == []
    assert told(cors.answered([rule("https://else")], PAGE, "GET")) == {"vary": VARY}
    assert told(cors.answered([rule(PAGE)], PAGE, "GET"))["access-control-allow-origin"] == PAGE


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        (CorsRule((), ("*",)), "MalformedXML"),
        (CorsRule(("GET",), ()), "MalformedXML"),
        (CorsRule(("GET",), ("*",), max_age_seconds=2**31), "MalformedXML"),
        (CorsRule(("PATCH",), ("*",)), "InvalidRequest"),
        (CorsRule(("get",), ("*",)), "InvalidRequest"),
        (CorsRule(("GET",), ("http://*.*",)), "InvalidRequest"),
        (CorsRule(("GET",), ("*",), ("x-*-*",)), "InvalidRequest"),
        (CorsRule(("GET",), ("*",), exposed=("x-*",)), "InvalidRequest"),
        (CorsRule(("GET",), ("*",), exposed=("a b",)), "InvalidRequest"),
        (CorsRule(("GET",), ("*",), exposed=("é",)), "InvalidRequest"),
        (CorsRule(("GET",), ("*",), id="i" * 256), "InvalidRequest"),
    ],
)
def test_what_is_no_rule_is_refused(wrong: CorsRule, code: str) -> None:
    with pytest.raises(S3Error) as refused:
        cors.check([rule("*"), wrong])
    assert refused.value.code == code


def test_a_bucket_has_one_to_a_hundred_rules() -> None:
    cors.check([rule("*")] * 100)
    for count, code in ((0, "MalformedXML"), (101, "InvalidRequest")):
        with pytest.raises(S3Error) as refused:
            cors.check([rule("*")] * count)
        assert refused.value.code == code
