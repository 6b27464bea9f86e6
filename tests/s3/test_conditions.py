"""Conditions of a read, in the order of RFC 9110."""

import pytest

from mys3d.model.names import Instant
from mys3d.s3 import conditions
from mys3d.s3.conditions import ReadConditions, Verdict

ETAG = "9e107d9d372bb6826bd81d3542a419d6"
MODIFIED = Instant(1445412480_789)
SAME = "Wed, 21 Oct 2015 07:28:00 GMT"
EARLIER = "Wed, 21 Oct 2015 07:27:59 GMT"
LATER = "Wed, 21 Oct 2015 07:28:01 GMT"


def judge(**headers: str) -> Verdict:
    return conditions.judge(ReadConditions(**headers), ETAG, MODIFIED)[0]


@pytest.mark.parametrize("tag", [ETAG, f'"{ETAG}"', "*", f'"x", "{ETAG}"', f'W/"{ETAG}"', f' "{ETAG}" '])
def test_an_entity_tag_matches_with_and_without_quotes(tag: str) -> None:
    assert judge(if_match=tag) is Verdict.PROCEED
    assert judge(if_none_match=tag) is Verdict.NOT_MODIFIED


@pytest.mark.parametrize("tag", ["x", '"x"', ETAG[:-1], f"{ETAG}0", ""])
def test_another_entity_tag_does_not(tag: str) -> None:
    assert judge(if_match=tag) is Verdict.FAILED
    assert judge(if_none_match=tag) is Verdict.PROCEED


def test_a_date_compares_whole_seconds() -> None:
    assert judge(if_modified_since=SAME) is Verdict.NOT_MODIFIED
    assert judge(if_modified_since=LATER) is Verdict.NOT_MODIFIED
    assert judge(if_modified_since=EARLIER) is Verdict.PROCEED
    assert judge(if_unmodified_since=SAME) is Verdict.PROCEED
    assert judge(if_unmodified_since=LATER) is Verdict.PROCEED
    assert judge(if_unmodified_since=EARLIER) is Verdict.FAILED


def test_a_date_that_is_none_is_ignored() -> None:
    assert judge(if_modified_since="soon") is Verdict.PROCEED
    assert judge(if_unmodified_since="soon") is Verdict.PROCEED


def test_a_matching_if_match_outweighs_if_unmodified_since() -> None:
    assert judge(if_match=ETAG, if_unmodified_since=EARLIER) is Verdict.PROCEED


def test_a_failing_if_none_match_outweighs_if_modified_since() -> None:
    assert judge(if_none_match="x", if_modified_since=LATER) is Verdict.PROCEED
    assert judge(if_none_match=ETAG, if_modified_since=EARLIER) is Verdict.NOT_MODIFIED


def test_if_match_is_judged_before_if_none_match() -> None:
    assert judge(if_match="x", if_none_match=ETAG) is Verdict.FAILED


def test_the_verdict_names_its_condition() -> None:
    assert conditions.judge(ReadConditions(if_match="x"), ETAG, MODIFIED) == (Verdict.FAILED, "If-Match")


@pytest.mark.parametrize(
    ("header", "is_same"),
    [
        ('"e"', True),
        ("e", True),
        ('W/"e"', False),
        ('"other"', False),
        ("*", False),
        ("", False),
        ("Wed, 21 Oct 2015 07:28:00 GMT", True),
        ("Wed, 21 Oct 2015 07:28:01 GMT", False),
        ("Wed, 21 Oct 2015 07:27:59 GMT", False),
    ],
)
def test_if_range_names_one_object_alone(header: str, is_same: bool) -> None:
    assert conditions.is_same(header, "e", Instant(1445412480_500)) is is_same
