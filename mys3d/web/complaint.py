"""Something that may happen a thousand times a second, told once in a while.        Floor: web.

Called by: lobby, s3_front.

Law: the first time is told at once, the others together at most once a period: an overload is no flood in the log.
"""

import math
from typing import Final

import structlog
import trio

from mys3d import limits

log = structlog.get_logger("mys3d.web")


class Complaint:
    """One thing to complain of."""

    __slots__ = ("_count", "_event", "_from")

    def __init__(self, event: str) -> None:
        self._event: Final = event
        self._count = 0  # times that were not told yet
        self._from = -math.inf  # not told again before this, by the clock of trio

    def happened(self) -> None:
        """Count it, and tell when it is time."""
        self._count += 1
        now = trio.current_time()
        if now >= self._from:
            log.warning(self._event, times=self._count)
            self._count = 0
            self._from = now + limits.complaint_seconds
