"""Uploads in parts, and how parts make one object.        Floor: model (pure). Called by: registry, engine, operations.

Law: the bytes of an object in parts are those of the parts its table names, in the order of their numbers; the table
alone says where each begins, so a range is found without looking at the parts before it.
"""

from bisect import bisect_right
from itertools import accumulate
from typing import Final

import msgspec

from mys3d.model.acl import Acl
from mys3d.model.body import SimpleBody
from mys3d.model.names import Instant, UserId
from mys3d.model.objects import Checksum, Content


class Upload(msgspec.Struct, frozen=True, array_like=True):
    """An upload that is neither completed nor aborted. The row of the registry."""

    format: int
    token: bytes  # 16 random bytes: nobody guesses the id of an upload
    owner: UserId
    begun_at: Instant
    content: Content
    algorithm: str = ""  # of the checksum that the object will keep; empty: none was asked for
    is_composite: bool = False  # how that checksum is made of those of the parts
    revision: int = 0  # raised by each part
    parts_count: int = 0
    acl: Acl | None = None  # of the object that it becomes


class Part(msgspec.Struct, frozen=True, array_like=True):
    """One part, of an open upload or of an object. The row of the registry."""

    format: int
    body: SimpleBody
    size: int  # bytes
    etag: str  # without quotes: the MD5 of its bytes in hex
    modified_at: Instant
    checksums: tuple[Checksum, ...] = ()


class PartRun(msgspec.Struct, frozen=True, array_like=True):
    """Parts of one size whose numbers follow one another."""

    first: int
    count: int
    size: int  # bytes of each


def runs_of(parts: list[tuple[int, int]]) -> tuple[PartRun, ...]:
    """Gather (number, size) of parts, ascending, into as few runs as they make."""
    runs: list[list[int]] = []
    for number, size in parts:
        if runs and runs[-1][0] + runs[-1][1] == number and runs[-1][2] == size:
            runs[-1][1] += 1
        else:
            runs.append([number, 1, size])
    return tuple(PartRun(*run) for run in runs)


class PartTable:
    """Where the parts of an object lie. An ordinal is a part's place in the object, from 1."""

    def __init__(self, runs: tuple[PartRun, ...]) -> None:
        self._runs: Final = runs
        self._firsts: Final = [run.first for run in runs]
        self._ordinals: Final = list(accumulate((run.count for run in runs), initial=1))
        self._offsets: Final = list(accumulate((run.count * run.size for run in runs), initial=0))

    @property
    def parts_count(self) -> int:
        return self._ordinals[-1] - 1

    @property
    def size(self) -> int:
        """Bytes of all parts."""
        return self._offsets[-1]

    def names(self, number: int) -> bool:
        """True when the part uploaded as `number` belongs to the object."""
        at = bisect_right(self._firsts, number) - 1
        return at >= 0 and number < self._runs[at].first + self._runs[at].count

    def number(self, ordinal: int) -> int:
        """The number under which a part was uploaded. `ordinal` is 1 to `parts_count`."""
        at = self._run_of(ordinal)
        return self._runs[at].first + ordinal - self._ordinals[at]

    def part_range(self, ordinal: int) -> tuple[int, int] | None:
        """The bytes [start, stop) of a part. None: there are fewer parts."""
        if not 1 <= ordinal <= self.parts_count:
            return None
        at = self._run_of(ordinal)
        start = self._offsets[at] + (ordinal - self._ordinals[at]) * self._runs[at].size
        return start, start + self._runs[at].size

    def ordinal_at(self, offset: int) -> int:
        """The part that holds the byte at `offset`, which is below `size`."""
        assert 0 <= offset < self.size, f"byte {offset} of {self.size}"
        at = bisect_right(self._offsets, offset) - 1  # of runs that begin there the last one: others have no bytes
        return self._ordinals[at] + (offset - self._offsets[at]) // self._runs[at].size

    def _run_of(self, ordinal: int) -> int:
        return bisect_right(self._ordinals, ordinal) - 1
