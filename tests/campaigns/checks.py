"""What must be true after a campaign, and its figures.        Floor: tests. Called by: campaigns.

Law: a verdict rests on what clients were told and on what the nodes answer afterwards; a run that did too little, or
left too much open, proves nothing and fails.
"""

import itertools
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from tests.campaigns.client import Connection, NoAnswer, NotSent
from tests.campaigns.cluster import BUCKET, KEYS, Cluster
from tests.campaigns.workload import Recorder, Workload, proving, wrong_get
from tests.simulation.linear import Operation, explain

RATE_MIN = 100.0  # requests a second on average: below it the faults had nothing to hit
OPEN_MAX = 0.20  # of the requests may have an unknown outcome
SWEEP_THREADS = 8
SWEEP_TRIES = 20


@dataclass(slots=True)
class Verdict:
    """The figures of one campaign, and what it found."""

    name: str
    seed: int
    figures: dict[str, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def report(self) -> str:
        rows = [f"| {what} | {value} |" for what, value in self.figures.items()]
        found = [f"| PROBLEM | {problem} |" for problem in self.problems[:20]]
        return "\n".join([f"\n| {self.name} | seed {self.seed} |", "|---|---|", *rows, *found, ""])

    def conclude(self) -> None:
        """Print the table; fail when something was found."""
        print(self.report(), flush=True)
        assert not self.problems, f"{len(self.problems)} problems: {self.problems[:5]}"


def histories(recorders: Sequence[Recorder]) -> dict[str, list[Operation]]:
    """Everything that was recorded, by key."""
    found: dict[str, list[Operation]] = defaultdict(list)
    for recorder in recorders:
        for key, operation in recorder.operations:
            found[key].append(operation)
    return dict(found)


def sweep(cluster: Cluster, keys: Sequence[str], names: Sequence[str] | None = None) -> Recorder:
    """Read every key through every node (or those named). Fails when a node does not answer at all."""
    recorder = Recorder()
    pairs = [(key, name) for key in keys for name in (names or cluster.names)]
    parts = [pairs[index::SWEEP_THREADS] for index in range(SWEEP_THREADS)]
    with ThreadPoolExecutor(SWEEP_THREADS) as pool:
        for part in pool.map(lambda part: _sweep_part(cluster, part), parts):
            recorder.operations += part.operations
            recorder.wrong += part.wrong
            recorder.unexpected += part.unexpected
    return recorder


def _sweep_part(cluster: Cluster, pairs: Sequence[tuple[str, str]]) -> Recorder:
    recorder = Recorder()
    connections = {place.name: Connection(place.host, place.port, KEYS) for place in cluster.places}
    for key, name in pairs:
        for _ in range(SWEEP_TRIES):
            called = time.monotonic()
            try:
                answer = connections[name].ask("GET", f"/{BUCKET}/{key}")
            except (NotSent, NoAnswer):
                time.sleep(0.2)
                continue
            if answer.status == 503:
                time.sleep(0.2)
                continue
            if problem := wrong_get(key, answer):
                recorder.wrong.append(f"{problem} by {name}")
            value = answer.etag if answer.status == 200 else None
            recorder.operations.append((key, Operation("get", value, called, time.monotonic())))
            break
        else:
            recorder.unexpected.append(f"{key}: {name} did not answer {SWEEP_TRIES} times; the sweep ended there")
            break
    for connection in connections.values():
        connection.close()
    return recorder


def judge(verdict: Verdict, workload: Workload, final: Recorder, *, rate_min: float = RATE_MIN) -> None:
    """Hold all that was answered, during the run and in the final sweep, against one order for each key."""
    recorders = [*workload.recorders, *workload.also, final]
    by_key = histories(recorders)
    for key, operations in sorted(by_key.items()):
        if (why := explain(operations)) is not None:
            verdict.problems.append(f"{key}: {why}")
    for recorder in recorders:
        verdict.problems += recorder.wrong + recorder.unexpected
    answers: Counter[str] = sum((recorder.answers for recorder in workload.recorders), Counter())
    seconds = workload.ended - workload.began
    total = proving(answers)
    is_open = sum(count for what, count in answers.items() if what.endswith(("unknown", "503 ServiceUnavailable")))
    rate = total / seconds
    latencies = sorted(latency for recorder in workload.recorders for latency in recorder.latencies)
    verdict.figures |= {
        "requests": f"{total:,} in {seconds:.0f} s, {rate:.0f}/s",
        "keys": f"{len(by_key):,}, of them {workload.plan.registers} written by everybody",
        "writes acknowledged": f"{workload.acknowledged_count:,}",
        "outcome unknown": f"{is_open:,} ({100 * is_open / max(1, total):.1f} %)",
        "refused, nothing happened": f"{sum(count for what, count in answers.items() if what.endswith('SlowDown')):,}",
        "latency": f"p50 {1000 * percentile(latencies, 50):.0f} ms, p99 {1000 * percentile(latencies, 99):.0f} ms",
        "lost, stale or wrong": f"{len(verdict.problems)}",
    }
    if rate < rate_min:
        verdict.problems.append(f"void: {rate:.0f} requests a second, at least {rate_min:.0f} were needed")
    if is_open > OPEN_MAX * total:
        verdict.problems.append(f"void: {100 * is_open / total:.0f} % of the outcomes are unknown")


def percentile(ordered: Sequence[float], percent: float) -> float:
    """Of an ordered sequence; 0 when it is empty."""
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))] if ordered else 0.0


def longest_gap(moments: Sequence[float], start: float, stop: float) -> float:
    """The longest time in [start, stop] without any of the moments."""
    inside = [start, *(moment for moment in sorted(moments) if start <= moment <= stop), stop]
    return max(later - earlier for earlier, later in itertools.pairwise(inside))
