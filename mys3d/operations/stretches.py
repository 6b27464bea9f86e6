"""Which bytes of an object are meant: all of them, a range, or one part.        Floor: operations. Called by: objects.

Law: what is told beside the bytes (checksums, how many parts there are) is about exactly these bytes.
Source: S3 API, GetObject, Range and partNumber.
"""

import msgspec

from mys3d import limits
from mys3d.errors import S3Error
from mys3d.model.body import PartsBody
from mys3d.model.objects import Checksum, Version
from mys3d.registry import queries
from mys3d.registry.transaction import Reader
from mys3d.s3 import checksums, ranges
from mys3d.s3.ranges import Range


class Stretch(msgspec.Struct, frozen=True):
    """Bytes [start, stop) of an object, and what belongs to them."""

    start: int
    stop: int
    content_range: str = ""  # empty: the whole object, which is 200 and not 206
    parts_count: int = 0  # of the object; 0: not to be told
    checksums: tuple[Checksum, ...] = ()
    checksum_kind: str = ""  # of the object, beside the checksum of a part; empty: that of the checksum


def stretch_of(reader: Reader, version: Version, wanted: str | None, part_number: int | None) -> Stretch:
    """`wanted`: the Range header. Raises S3Error InvalidRange, InvalidPart, InvalidRequest, InvalidArgument."""
    if part_number is not None:
        return _part(reader, version, wanted, part_number)
    found = ranges.parse(wanted, version.size)
    if found is None:
        return Stretch(0, version.size, checksums=version.checksums)
    return Stretch(found.start, found.stop, found.content_range(version.size))


def check_part_number(number: int) -> None:
    """Raises S3Error InvalidArgument."""
    if not 1 <= number <= limits.parts_max:
        raise S3Error(
            "InvalidArgument",
            f"Part number must be an integer between 1 and {limits.parts_max}, inclusive",
            ArgumentName="partNumber",
            ArgumentValue=str(number),
        )


def _part(reader: Reader, version: Version, wanted: str | None, number: int) -> Stretch:
    if wanted is not None:
        raise S3Error("InvalidRequest", "Cannot specify both Range header and partNumber query parameter")
    check_part_number(number)
    body = version.body
    if not isinstance(body, PartsBody):  # an object of one PUT is its own only part
        if number > 1:
            raise S3Error("InvalidPart", _NO_PART)
        return Stretch(0, version.size, _told(0, version.size, version.size), checksums=version.checksums)
    table, part = queries.parts_of(reader, body), queries.part(reader, body, number)
    found = None if table is None else table.part_range(number)
    if part is None or found is None:
        raise S3Error("InvalidPart", _NO_PART)
    algorithms = [checksum.algorithm for checksum in version.checksums]
    kept = tuple(checksum for checksum in part.checksums if checksum.algorithm in algorithms)
    return Stretch(*found, _told(*found, version.size), body.parts_count, kept, _kind(version))


def _kind(version: Version) -> str:
    """How the checksum of an object came about. S3 API, GetObject: x-amz-checksum-type is about the object's."""
    return checksums.shown_kind(version.checksums[0]) if version.checksums else ""


_NO_PART = "The requested part does not exist."


def _told(start: int, stop: int, size: int) -> str:
    return Range(start, stop).content_range(size) if start < stop else ""  # no bytes have no range
