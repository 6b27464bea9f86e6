"""Conditions of a read.        Floor: s3 (pure). Called by: operations.

Law: the order of RFC 9110, 13.2.2: If-Match, else If-Unmodified-Since; then If-None-Match, else If-Modified-Since.
Conditions of a write are not decided here but inside apply, where of two racing writers exactly one wins.
"""

import enum

import msgspec

from mys3d.errors import S3Error
from mys3d.model.names import Instant
from mys3d.s3 import dates


class Verdict(enum.Enum):
    PROCEED = enum.auto()
    NOT_MODIFIED = enum.auto()  # 304
    FAILED = enum.auto()  # 412


class ReadConditions(msgspec.Struct, frozen=True):
    """The four headers as received. None: not sent."""

    if_match: str | None = None
    if_none_match: str | None = None
    if_modified_since: str | None = None
    if_unmodified_since: str | None = None


def matches(header: str, etag: str) -> bool:
    """True when `etag` (without quotes) is in a list of entity tags, or the list is `*`."""
    return any(candidate in ("*", etag) for candidate in map(_bare, header.split(",")))


def _bare(tag: str) -> str:
    return tag.strip().removeprefix("W/").strip('"')


def judge(conditions: ReadConditions, etag: str, modified_at: Instant) -> tuple[Verdict, str]:
    """Return the verdict on an object, and the name of the condition that decided it."""
    second = Instant(modified_at // 1000 * 1000)  # HTTP dates know whole seconds only
    if conditions.if_match is not None:
        if not matches(conditions.if_match, etag):
            return Verdict.FAILED, "If-Match"
    elif conditions.if_unmodified_since is not None:
        limit = dates.parse_http_date(conditions.if_unmodified_since)
        if limit is not None and second > limit:
            return Verdict.FAILED, "If-Unmodified-Since"
    if conditions.if_none_match is not None:
        if matches(conditions.if_none_match, etag):
            return Verdict.NOT_MODIFIED, "If-None-Match"
    elif conditions.if_modified_since is not None:
        since = dates.parse_http_date(conditions.if_modified_since)
        if since is not None and second <= since:
            return Verdict.NOT_MODIFIED, "If-Modified-Since"
    return Verdict.PROCEED, ""


def demand(conditions: ReadConditions, etag: str, modified_at: Instant, prefix: str) -> None:
    """Raise S3Error PreconditionFailed unless all hold, even where a read would be a 304 (S3 API, CopyObject).

    `prefix`: what stands before the names of these conditions on the wire.
    """
    verdict, condition = judge(conditions, etag, modified_at)
    if verdict is not Verdict.PROCEED:
        raise S3Error("PreconditionFailed", Condition=f"{prefix}{condition}")


def is_same(if_range: str, etag: str, modified_at: Instant) -> bool:
    """True when If-Range names this very object, by its entity tag or by its date (RFC 9110, 13.1.5)."""
    date = dates.parse_http_date(if_range)
    if date is not None:
        return modified_at // 1000 * 1000 == date
    return if_range.strip().strip('"') == etag  # a weak tag never is
