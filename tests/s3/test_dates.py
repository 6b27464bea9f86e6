"""Dates as HTTP and S3 write them."""

import email.utils

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mys3d.model.names import Instant
from mys3d.s3 import dates

BACK_TO_THE_FUTURE = Instant(1445412480_789)


def test_http_shows_whole_seconds() -> None:
    assert dates.http_date(BACK_TO_THE_FUTURE) == "Wed, 21 Oct 2015 07:28:00 GMT"


def test_xml_shows_the_same_second() -> None:
    assert dates.iso_date(BACK_TO_THE_FUTURE) == "2015-10-21T07:28:00.000Z"


def test_the_basic_form_is_that_of_a_signature() -> None:
    assert dates.amz_date(BACK_TO_THE_FUTURE) == "20151021T072800Z"


@given(st.integers(min_value=0, max_value=253402300799))
def test_what_is_written_is_read_again(seconds: int) -> None:
    instant = Instant(seconds * 1000)
    assert dates.parse_http_date(dates.http_date(instant)) == instant
    assert dates.parse_amz_date(dates.amz_date(instant)) == instant
    assert dates.http_date(instant) == email.utils.formatdate(seconds, usegmt=True)


@pytest.mark.parametrize(
    "text", ["Wednesday, 21-Oct-15 07:28:00 GMT", "Wed Oct 21 07:28:00 2015", "Wed, 21 Oct 2015 07:28:00 +0000"]
)
def test_older_forms_of_http_dates_are_read(text: str) -> None:
    assert dates.parse_http_date(text) == 1445412480_000


@pytest.mark.parametrize(
    "text", ["", "yesterday", "Wed, 99 Oct 2015 07:28:00 GMT", "2015-10-21", "\x00", "Wed, 21 Oct"]
)
def test_what_is_no_http_date_is_none(text: str) -> None:
    assert dates.parse_http_date(text) is None


@pytest.mark.parametrize(
    "text",
    ["", "20151021", "20151021T072800", "2015102107280000", "20151321T072800Z", "20151021T072860Z", "2015١021T072800Z"],
)
def test_what_is_no_amz_date_is_none(text: str) -> None:
    assert dates.parse_amz_date(text) is None


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2015-10-21T07:28:00Z", 1445412480_000),
        ("2015-10-21T07:28:00.5Z", 1445412480_500),
        ("2015-10-21T07:28:00.123456Z", 1445412480_123),
        ("2015-10-21T07:28:00+00:00", 1445412480_000),
        ("2015-10-21T07:28:00", None),
        ("2015-13-21T07:28:00Z", None),
        ("20151021T072800Z", None),
        ("", None),
    ],
)
def test_a_date_of_xml_is_read(text, instant):
    assert dates.parse_iso_date(text) == instant
