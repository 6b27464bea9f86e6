"""What a node has noticed of its peers, in plain numbers.        Floor: ground. Called by: engine.replicate.

Law: counting never locks and never fails; a meter is written by one thread only.
"""

from dataclasses import dataclass, field
from typing import Final

_PACE_STEP: Final = 0.1  # of the present estimate, per sample: 50 samples forget an outlier
_PACE_FLOOR_SECONDS: Final = 0.0001  # below this an estimate could no longer grow by steps of itself


@dataclass(slots=True)
class Garbage:
    """What garbage collection found and did on this node since its start."""

    blobs_count: int = 0  # held and named by nothing, as the last walk left it
    bytes_count: int = 0
    deleted_blobs_count: int = 0
    deleted_bytes_count: int = 0
    walked_at: int = 0  # wall clock in milliseconds at the end of the last walk; 0: none has ended yet


@dataclass(slots=True)
class Pace:
    """How long each peer takes for one push: a running 95th percentile, and misses in a row.

    Source: Ma, Muthukrishnan & Sandler 2013, frugal streaming: one number per peer is enough for a quantile.
    """

    _percentiles: dict[str, float] = field(default_factory=dict)
    _misses: dict[str, int] = field(default_factory=dict)
    _doubted: dict[str, bool] = field(default_factory=dict)  # peers that refused a push, and whether they said: full

    def answered(self, peer: str, seconds: float) -> None:
        """Count one push that was answered in time."""
        self._misses[peer] = 0
        known = self._percentiles.get(peer)
        if known is None:
            self._percentiles[peer] = max(seconds, _PACE_FLOOR_SECONDS)
        elif seconds > known:
            self._percentiles[peer] = known * (1 + 0.95 * _PACE_STEP)
        else:
            self._percentiles[peer] = max(known * (1 - 0.05 * _PACE_STEP), _PACE_FLOOR_SECONDS)

    def missed(self, peer: str) -> int:
        """Count one push that was given up waiting for. Returns the misses in a row."""
        self._misses[peer] = misses = self._misses.get(peer, 0) + 1
        return misses

    def percentile_seconds(self, peer: str) -> float | None:
        """The 95th percentile of its pushes. None: it never answered one."""
        return self._percentiles.get(peer)

    def misses(self, peer: str) -> int:
        return self._misses.get(peer, 0)

    def refused(self, peer: str) -> None:
        """Note a push that was refused: the peer may be full."""
        self._doubted.setdefault(peer, False)

    def doubted(self) -> tuple[str, ...]:
        """The peers that refused a push and were not found writable since."""
        return tuple(self._doubted)

    def told(self, peer: str, is_writable: bool) -> None:
        """Note what a peer says of its disks."""
        if is_writable:
            self._doubted.pop(peer, None)
        else:
            self._doubted[peer] = True

    def is_full(self, peer: str) -> bool:
        """True when a peer said lately that it takes no blobs."""
        return self._doubted.get(peer, False)
