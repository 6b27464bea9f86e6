"""Which segments of the journal may go.        Floor: driver (pure). Called by: disk.

Law: a journal may begin with a segment only if no record from there on voids entries at or below the segment's base: an
entry that is cut and written anew may lie below the base of a later segment, and then the log between is told by the
segments before it.
"""

from collections.abc import Sequence
from typing import NamedTuple


class Extent(NamedTuple):
    """What one segment says of the log."""

    base: int  # index of the last entry before it
    index_max: int  # the highest index it mentions
    void_min: int | None  # the lowest index from which it voids entries, None when it voids none


def dropped_count(extents: Sequence[Extent], floor: int) -> int:
    """How many of the first segments hold nothing above `floor` and are needed by none behind them. Never the last."""
    starts = [False] * len(extents)  # may the journal begin with this segment?
    void_min: int | None = None  # of the segments from here on
    for position, extent in reversed(list(enumerate(extents))):
        if extent.void_min is not None:
            void_min = extent.void_min if void_min is None else min(void_min, extent.void_min)
        starts[position] = void_min is None or void_min > extent.base
    count = 0
    for position in range(1, len(extents)):
        if extents[position - 1].index_max > floor:
            break
        if starts[position]:
            count = position
    return count
