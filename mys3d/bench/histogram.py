"""Latencies as counts in buckets, so that any number of them fits into a report.        Floor: bench (pure).

Called by: measure, figures. Law: a bucket is less than 1 % wide, so every percentile read from it is right to 1 %, and
histograms can be added. Source: HdrHistogram, whose idea it is: each power of two is cut into 128 parts.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Final

import msgspec

_SHIFT: Final = 7  # 2**7 buckets for each power of two


class Histogram(msgspec.Struct, frozen=True):
    """Number of latencies by bucket; a bucket is named by its number, `lower` gives its bound in us."""

    counts: dict[int, int] = {}

    @property
    def count(self) -> int:
        return sum(self.counts.values())

    def percentile(self, percent: float) -> float:
        """The latency in ms that `percent` % of all do not exceed: the middle of its bucket. 0 when there are none."""
        rank = max(1.0, self.count * percent / 100)
        seen = 0
        for bucket in sorted(self.counts):
            seen += self.counts[bucket]
            if seen >= rank:
                return (lower(bucket) + lower(bucket + 1) - 1) / 2 / 1e3
        return 0.0

    def mean(self) -> float:
        """The mean latency in ms."""
        total = sum((lower(bucket) + lower(bucket + 1) - 1) / 2 * count for bucket, count in self.counts.items())
        return total / self.count / 1e3 if self.counts else 0.0


def histogram_of(seconds: Iterable[float]) -> Histogram:
    return Histogram(dict(Counter(bucket_of(int(value * 1e6)) for value in seconds)))


def added(histograms: Iterable[Histogram]) -> Histogram:
    total: Counter[int] = Counter()
    for histogram in histograms:
        total.update(histogram.counts)
    return Histogram(dict(sorted(total.items())))


def bucket_of(us: int) -> int:
    """The bucket of a latency in whole us."""
    exponent = max(0, us.bit_length() - _SHIFT - 1)
    return (exponent << _SHIFT) + (us >> exponent)


def lower(bucket: int) -> int:
    """The smallest latency of a bucket, in us."""
    exponent = max(0, (bucket >> _SHIFT) - 1)
    return (bucket - (exponent << _SHIFT)) << exponent
