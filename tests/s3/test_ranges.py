"""Byte ranges of a read."""

import pytest

from mys3d.errors import S3Error
from mys3d.s3 import ranges
from mys3d.s3.ranges import Range


@pytest.mark.parametrize(
    ("header", "start", "stop"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=0-9", 0, 10),
        ("bytes=0-99", 0, 10),
        ("bytes=3-5", 3, 6),
        ("bytes=9-", 9, 10),
        ("bytes=-1", 9, 10),
        ("bytes=-99", 0, 10),
        ("Bytes = 1 - 2", 1, 3),
    ],
)
def test_a_range_is_half_open_inside(header: str, start: int, stop: int) -> None:
    assert ranges.parse(header, 10) == Range(start, stop)


@pytest.mark.parametrize(
    "header", [None, "", "bytes=", "bytes=-", "bytes=5-3", "bytes=0-1,3-4", "items=0-1", "bytes=a-b"]
)
def test_what_is_not_understood_reads_the_whole_object(header: str | None) -> None:
    assert ranges.parse(header, 10) is None


@pytest.mark.parametrize(
    ("header", "size"), [("bytes=10-", 10), ("bytes=10-12", 10), ("bytes=-0", 10), ("bytes=0-", 0), ("bytes=-5", 0)]
)
def test_a_range_outside_the_object_is_refused_with_its_size(header: str, size: int) -> None:
    with pytest.raises(S3Error) as refused:
        ranges.parse(header, size)
    assert refused.value.code == "InvalidRange"
    assert refused.value.fields == {"RangeRequested": header, "ActualObjectSize": str(size)}


def test_the_wire_form_is_inclusive() -> None:
    assert Range(3, 6).content_range(10) == "bytes 3-5/10"
