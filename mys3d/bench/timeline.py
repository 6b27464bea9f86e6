"""What happened when: throughput before, during and after a fault.        Floor: bench (pure). Called by: kill_node.

Law: times count in seconds from the start of the load.
"""

import bisect
import itertools
from collections.abc import Sequence

import msgspec

from mys3d.bench.histogram import histogram_of


class Stretch(msgspec.Struct, frozen=True):
    """One part of the run."""

    name: str
    start: float
    stop: float
    puts_per_second: float
    gets_per_second: float
    errors_count: int
    p50_ms: float  # of all answers
    p99_ms: float
    max_ms: float


class Timeline:
    """Answers as they came, in order of time."""

    def __init__(self) -> None:
        self.puts: list[float] = []  # acknowledged
        self.gets: list[float] = []  # answered
        self.errors: list[float] = []  # anything else
        self._ended: list[float] = []
        self._latencies: list[float] = []

    def note(self, kind: str, is_good: bool, at: float, latency: float) -> None:
        if not is_good:
            self.errors.append(at)
            return
        (self.puts if kind == "put" else self.gets).append(at)
        self._ended.append(at)
        self._latencies.append(latency)

    def stretch(self, name: str, start: float, stop: float) -> Stretch:
        seconds = max(stop - start, 1e-9)
        first, last = bisect.bisect_left(self._ended, start), bisect.bisect_left(self._ended, stop)
        histogram = histogram_of(self._latencies[first:last])
        return Stretch(
            name=name,
            start=start,
            stop=stop,
            puts_per_second=_count(self.puts, start, stop) / seconds,
            gets_per_second=_count(self.gets, start, stop) / seconds,
            errors_count=_count(self.errors, start, stop),
            p50_ms=histogram.percentile(50),
            p99_ms=histogram.percentile(99),
            max_ms=histogram.percentile(100),
        )


def rates(times: Sequence[float], stop: float, width: float) -> list[float]:
    """How many a second, in bins of `width` seconds from 0 to `stop`."""
    counts = [0] * max(1, -int(-stop // width))
    for at in times:
        if 0 <= at < stop:
            counts[int(at // width)] += 1
    return [count / width for count in counts]


def longest_gap(times: Sequence[float], start: float, stop: float) -> tuple[float, float]:
    """The longest stretch from `start` to `stop` in which nothing came: (when it began, how long it was)."""
    marks = [start, *(at for at in times if start < at < stop), stop]
    gaps = [(later - earlier, earlier) for earlier, later in itertools.pairwise(marks)]
    length, began = max(gaps, key=lambda gap: gap[0])
    return began, length


def _count(times: Sequence[float], start: float, stop: float) -> int:
    return bisect.bisect_left(times, stop) - bisect.bisect_left(times, start)
