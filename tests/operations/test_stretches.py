"""Which bytes are meant; parts through dispatch are in test_objects.py."""

import pytest

from mys3d.errors import S3Error
from mys3d.model.body import InlineBlobs
from mys3d.model.names import Instant, VersionId
from mys3d.model.objects import Checksum, Content, Version
from mys3d.operations.stretches import Stretch, stretch_of
from mys3d.registry.memory import MemoryRows

KEPT = (Checksum("CRC32", b"abcd"),)


def version(size: int) -> Version:
    return Version(1, VersionId(7), True, Instant(0), size, "e", InlineBlobs(()), Content(""), KEPT)


@pytest.mark.parametrize(
    ("wanted", "number", "stretch"),
    [
        (None, None, Stretch(0, 10, checksums=KEPT)),
        ("bytes=0-0,5-6", None, Stretch(0, 10, checksums=KEPT)),
        ("bytes=2-4", None, Stretch(2, 5, "bytes 2-4/10")),
        (None, 1, Stretch(0, 10, "bytes 0-9/10", checksums=KEPT)),
    ],
)
def test_a_checksum_is_of_exactly_the_bytes_that_are_sent(
    wanted: str | None, number: int | None, stretch: Stretch
) -> None:
    assert stretch_of(MemoryRows(), version(10), wanted, number) == stretch


def test_no_bytes_have_no_range() -> None:
    assert stretch_of(MemoryRows(), version(0), None, 1) == Stretch(0, 0, checksums=KEPT)


def test_a_range_and_a_part_exclude_each_other() -> None:
    with pytest.raises(S3Error) as refused:
        stretch_of(MemoryRows(), version(10), "bytes=0-1", 1)
    assert refused.value.code == "InvalidRequest"
