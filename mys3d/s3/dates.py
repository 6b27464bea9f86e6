"""Dates as HTTP and S3 write them.        Floor: s3 (pure). Called by: conditions, sigv4, operations.

Law: an instant is milliseconds since 1970 in UTC; HTTP shows whole seconds, XML shows `.000Z` as S3 does, so that
both always agree.
Source: RFC 9110, 5.6.7 (IMF-fixdate); S3 API, Object.LastModified.
"""

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Final

from mys3d.model.names import Instant

_ISO: Final = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(?:Z|\+00:00)", re.ASCII)
_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@lru_cache(maxsize=4096)
def _http_date(seconds: int) -> str:
    at = datetime.fromtimestamp(seconds, UTC)
    clock = f"{at.hour:02}:{at.minute:02}:{at.second:02}"
    return f"{_DAYS[at.weekday()]}, {at.day:02} {_MONTHS[at.month - 1]} {at.year:04} {clock} GMT"


def http_date(instant: Instant) -> str:
    """`Wed, 21 Oct 2015 07:28:00 GMT`"""
    return _http_date(instant // 1000)


@lru_cache(maxsize=4096)
def _iso_date(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def iso_date(instant: Instant) -> str:
    """`2015-10-21T07:28:00.000Z`"""
    return _iso_date(instant // 1000)


def amz_date(instant: Instant) -> str:
    """`20151021T072800Z`"""
    return datetime.fromtimestamp(instant // 1000, UTC).strftime("%Y%m%dT%H%M%SZ")


@lru_cache(maxsize=1024)
def parse_http_date(text: str) -> Instant | None:
    """Return an HTTP date (any of the three forms of RFC 9110), or None when it is none."""
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError):
        return None
    if at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
    try:
        return Instant(int(at.timestamp()) * 1000)
    except OverflowError:
        return None


def parse_iso_date(text: str) -> Instant | None:
    """Return an ISO 8601 date in UTC, `2015-10-21T07:28:00.123Z` or without a fraction, or None when it is none."""
    found = _ISO.fullmatch(text)
    if found is None:
        return None
    try:
        at = datetime.fromisoformat(f"{found[1]}+00:00")
    except ValueError:
        return None
    thousandths = (found[2] or "").ljust(3, "0")[:3]
    return Instant(int(at.timestamp()) * 1000 + int(thousandths))


@lru_cache(maxsize=1024)
def parse_amz_date(text: str) -> Instant | None:
    """Return an ISO 8601 basic date, `20130524T000000Z`, or None when it is none."""
    digits = text[:8] + text[9:15]
    if len(text) != 16 or text[8] != "T" or text[15] != "Z" or not (digits.isascii() and digits.isdigit()):
        return None
    parts = (int(text[:4]), int(text[4:6]), int(text[6:8]), int(text[9:11]), int(text[11:13]), int(text[13:15]))
    try:
        return Instant(int(datetime(*parts, tzinfo=UTC).timestamp()) * 1000)
    except ValueError:
        return None
