"""Byte ranges of a read.        Floor: s3 (pure). Called by: operations.

Law: ranges are half-open inside; the inclusive form exists only in the header. A range that is not understood, or
that names several stretches, is ignored and the whole object is sent, as S3 does.
Source: RFC 9110, 14.1.2 and 14.2; S3 API, GetObject ("doesn't support retrieving multiple ranges").
"""

import re
from dataclasses import dataclass
from typing import Final

from mys3d.errors import S3Error

_RANGE: Final = re.compile(r"\s*bytes\s*=\s*(\d{0,19})\s*-\s*(\d{0,19})\s*", re.IGNORECASE | re.ASCII)


@dataclass(frozen=True, slots=True)
class Range:
    """Bytes [start, stop) of an object."""

    start: int
    stop: int

    def content_range(self, size: int) -> str:
        return f"bytes {self.start}-{self.stop - 1}/{size}"


def parse(header: str | None, size: int) -> Range | None:
    """Return the stretch that is asked for, or None for the whole object. Raises S3Error InvalidRange."""
    found = _RANGE.fullmatch(header) if header else None
    if found is None:
        return None
    first, last = found.groups()
    if not first:
        return _suffix(header or "", last, size)
    if last and int(last) < int(first):
        return None
    if int(first) >= size:
        raise _unsatisfiable(header or "", size)
    return Range(int(first), min(int(last) + 1, size) if last else size)


def _suffix(header: str, last: str, size: int) -> Range | None:
    if not last:
        return None
    if size == 0 or int(last) == 0:
        raise _unsatisfiable(header, size)
    return Range(max(0, size - int(last)), size)


def _unsatisfiable(header: str, size: int) -> S3Error:
    return S3Error("InvalidRange", RangeRequested=header, ActualObjectSize=str(size))
