"""How sure a figure is: percentile bootstrap over slices.        Floor: bench (pure). Called by: figures, compare.

Law: the same slices give the same interval, because the chance in it is seeded. Slices are drawn, not requests:
requests of one moment resemble each other, and counting them one by one would make every interval too narrow.
Source: Efron & Tibshirani 1993, "An Introduction to the Bootstrap", chapters 13 and 16.
"""

import random
from collections.abc import Sequence
from typing import Final

import msgspec

RESAMPLES_COUNT: Final = 2000
SLICES_MIN: Final = 4  # of fewer no interval is told
_CONFIDENCE: Final = 0.95
_SEED: Final = 1

Fraction = tuple[float, float]  # of one slice: what was counted, and over what (seconds, requests)


class Estimate(msgspec.Struct, frozen=True):
    """A figure and its 95 % interval; both bounds are None when there are too few slices."""

    value: float
    low: float | None = None
    high: float | None = None


def ratio_of_sums(slices: Sequence[Fraction]) -> Estimate:
    """What all slices come to together: requests per second, CPU per request."""
    value = _ratio(slices)
    if len(slices) < SLICES_MIN:
        return Estimate(value)
    chance = random.Random(_SEED)
    return _estimate(value, [_ratio(_drawn(chance, slices)) for _ in range(RESAMPLES_COUNT)])


def ratio_of_pairs(ours: Sequence[Fraction], theirs: Sequence[Fraction]) -> Estimate:
    """Ours divided by theirs, slice k of one measured beside slice k of the other: what disturbed both cancels out."""
    assert len(ours) == len(theirs)
    value = _divided(_ratio(ours), _ratio(theirs))
    if len(ours) < SLICES_MIN:
        return Estimate(value)
    chance = random.Random(_SEED)
    pairs = list(zip(ours, theirs, strict=True))
    found = []
    for _ in range(RESAMPLES_COUNT):
        drawn = chance.choices(pairs, k=len(pairs))
        found.append(_divided(_ratio([our for our, _ in drawn]), _ratio([their for _, their in drawn])))
    return _estimate(value, found)


def ratio_of_strangers(ours: Sequence[Fraction], theirs: Sequence[Fraction]) -> Estimate:
    """Ours divided by theirs, measured at different times."""
    value = _divided(_ratio(ours), _ratio(theirs))
    if min(len(ours), len(theirs)) < SLICES_MIN:
        return Estimate(value)
    chance = random.Random(_SEED)
    found = [_divided(_ratio(_drawn(chance, ours)), _ratio(_drawn(chance, theirs))) for _ in range(RESAMPLES_COUNT)]
    return _estimate(value, found)


def _drawn(chance: random.Random, slices: Sequence[Fraction]) -> list[Fraction]:
    return chance.choices(slices, k=len(slices))


def _ratio(slices: Sequence[Fraction]) -> float:
    return _divided(sum(above for above, _ in slices), sum(below for _, below in slices))


def _divided(above: float, below: float) -> float:
    return above / below if below else 0.0


def _estimate(value: float, found: list[float]) -> Estimate:
    ordered = sorted(found)
    tail = int(len(ordered) * (1 - _CONFIDENCE) / 2)
    return Estimate(value, ordered[tail], ordered[-1 - tail])
