"""Ten minutes of mixed load: memory, files and sockets stay flat, journal and registry bounded.

Run by `make soak`. Needs no root. The first three minutes fill caches and pools; what grows after them leaks.
"""

import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from statistics import linear_regression, median

import pytest

from tests.campaigns.checks import Verdict, judge, sweep
from tests.campaigns.cluster import Cluster, Node
from tests.campaigns.workload import Plan, Workload

SECONDS = 600.0
SETTLED = 0.3  # of the time: three minutes of ten
SAMPLE_SECONDS = 2.0
SOME_KEYS = 5_000  # read back at the end, through every node
RSS_MIB_MAX = 400.0
RSS_GROWTH_MAX = 0.05
FILES_GROWTH_MAX = 20  # files and sockets come and go with requests; a leak of one in a hundred requests is thousands
JOURNAL_MIB_MAX = 256.0
MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Sample:
    """One node at one moment."""

    moment: float
    rss_mib: float
    files: int
    sockets: int
    journal_mib: float
    registry_mib: float
    blobs_mib: float


def sample(node: Node, began: float) -> Sample:
    process, data = Path(f"/proc/{node.pid}"), node.place.data
    fields = dict(line.split(":", 1) for line in (process / "status").read_text().splitlines())
    links = [link for entry in (process / "fd").iterdir() if (link := target(entry)) is not None]
    return Sample(
        time.monotonic() - began,
        int(fields["VmRSS"].split()[0]) / 1024,
        sum(not link.startswith("socket:") for link in links),
        sum(link.startswith("socket:") for link in links),
        size_mib(data / "journal"),
        size_mib(data / "registry"),
        size_mib(data / "blobs"),
    )


def target(entry: Path) -> str | None:
    try:
        return str(entry.readlink())
    except FileNotFoundError:
        return None  # closed since the folder was read


def size_mib(folder: Path) -> float:
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_blocks * 512
        except FileNotFoundError:
            continue  # compacted away since the folder was read
    return total / MIB


def memory(samples: list[Sample], seconds: float) -> tuple[float, float]:
    """MiB where the line of least squares begins, after settling, and where it ends.

    A line, because the log and the write buffers of two stores fill and empty within a minute each: 15 MiB together.
    """
    settled = [one for one in samples if one.moment / seconds >= SETTLED]
    line = linear_regression([one.moment for one in settled], [one.rss_mib for one in settled])
    first, last = (line.intercept + line.slope * moment for moment in (SETTLED * seconds, seconds))
    return first, last


def by_minute(samples: list[Sample]) -> str:
    """The median of each minute, MiB."""
    minutes = itertools.groupby(samples, lambda one: int(one.moment // 60))
    return " ".join(f"{median(one.rss_mib for one in group):.0f}" for _, group in minutes)


def growth(samples: list[Sample], of: Callable[[Sample], float], seconds: float) -> tuple[float, float]:
    """Medians of the tenth of the time after settling, and of the last tenth."""
    early = [of(one) for one in samples if SETTLED <= one.moment / seconds < SETTLED + 0.1]
    late = [of(one) for one in samples if one.moment / seconds >= 0.9]
    return median(early), median(late)


def judge_node(verdict: Verdict, name: str, samples: list[Sample], seconds: float) -> None:
    before, behind = memory(samples, seconds)
    highest = max(one.rss_mib for one in samples)
    files = growth(samples, lambda one: one.files, seconds)
    sockets = growth(samples, lambda one: one.sockets, seconds)
    last = samples[-1]
    highest_journal = max(one.journal_mib for one in samples)
    verdict.figures[f"{name} memory"] = f"{before:.0f} -> {behind:.0f} MiB, at most {highest:.0f}"
    verdict.figures[f"{name} memory by minute"] = by_minute(samples)
    verdict.figures[f"{name} files, sockets"] = (
        f"{files[0]:.0f} -> {files[1]:.0f}, {sockets[0]:.0f} -> {sockets[1]:.0f}"
    )
    verdict.figures[f"{name} journal, registry, blobs"] = (
        f"{last.journal_mib:.0f} (at most {highest_journal:.0f}), {last.registry_mib:.0f}, {last.blobs_mib:.0f} MiB"
    )
    if behind > before * (1 + RSS_GROWTH_MAX):
        verdict.problems.append(f"{name}: memory grew from {before:.0f} to {behind:.0f} MiB")
    if highest > RSS_MIB_MAX:
        verdict.problems.append(f"{name}: {highest:.0f} MiB of memory")
    for what, (early, late) in (("files", files), ("sockets", sockets)):
        if late > early + FILES_GROWTH_MAX:
            verdict.problems.append(f"{name}: {what} grew from {early:.0f} to {late:.0f}")
    if highest_journal > JOURNAL_MIB_MAX:
        verdict.problems.append(f"{name}: a journal of {highest_journal:.0f} MiB")


def run(cluster: Cluster, seconds: float, seed: int) -> None:
    verdict = Verdict(f"soak, {seconds:.0f} s", seed)
    samples: dict[str, list[Sample]] = {name: [] for name in cluster.names}
    with Workload(cluster, Plan(seed, pause_seconds=0.001)) as workload:
        while time.monotonic() < workload.began + seconds:
            for name, node in cluster.nodes.items():
                samples[name].append(sample(node, workload.began))
            cluster.wait(SAMPLE_SECONDS)
    cluster.heal()
    keys = workload.keys
    judge(verdict, workload, sweep(cluster, Random(seed).sample(keys, min(len(keys), SOME_KEYS))))
    for name in cluster.names:
        judge_node(verdict, name, samples[name], seconds)
    verdict.problems += cluster.crashes + cluster.ailments()
    verdict.conclude()


@pytest.mark.campaign
def test_ten_minutes_of_load_leave_nothing_behind(
    loopback_cluster: Callable[..., Cluster], seed: int, scale: float
) -> None:
    run(loopback_cluster(3), SECONDS * scale, seed)


def test_the_growth_of_memory_is_that_of_its_line() -> None:
    """Teeth of a saw are no growth, a slope below them is."""
    seconds = 600.0
    teeth = [Sample(at, 100 + at % 50 / 5, 0, 0, 0, 0, 0) for at in range(0, 600, 2)]
    flat = memory(teeth, seconds)
    grown = memory([replace(one, rss_mib=one.rss_mib + one.moment / 60) for one in teeth], seconds)
    assert abs(flat[1] - flat[0]) < 1
    assert 6 < grown[1] - grown[0] < 8
    assert {int(minute) for minute in by_minute(teeth).split()} <= {103, 104, 105, 106}
