"""In which order targets are measured, and when enough is known.        Floor: bench (pure). Called by: run.

Law: what gets slower or faster during a run does so for all targets alike: A B, B A, A B, B A.
"""

from collections.abc import Sequence
from typing import Final, TypeVar

from mys3d.bench.bootstrap import SLICES_MIN, Estimate

GAIN_MIN: Final = 0.03  # more concurrency must bring so much more throughput to be worth it

_Item = TypeVar("_Item")


def order_of(targets: Sequence[_Item], number: int) -> list[_Item]:
    """The order of one round: forwards and backwards in turn, so that two rounds are the same for each target."""
    return list(targets) if number % 2 == 0 else list(reversed(targets))


def rounds_count(duration: float, interleave: float, targets_count: int) -> int:
    """How many rounds give each target `duration` seconds in slices of `interleave`; even for several targets."""
    count = max(1, round(duration / interleave))
    return count + count % 2 if targets_count > 1 else count


def is_known(estimate: Estimate, share: float) -> bool:
    """True when the interval is within `share` of the value, on both sides."""
    if estimate.low is None or estimate.high is None:
        return False
    return max(estimate.value - estimate.low, estimate.high - estimate.value) <= share * estimate.value


def is_enough(estimates: Sequence[Estimate], share: float, rounds: int) -> bool:
    """True when all figures are known well enough and no round is half done."""
    return rounds >= SLICES_MIN and rounds % 2 == 0 and all(is_known(estimate, share) for estimate in estimates)


def is_worth_more(before: float | None, now: float) -> bool:
    """True when the last step of concurrency brought enough to try the next. `before` None: it was the first."""
    return before is None or now >= before * (1 + GAIN_MIN)
