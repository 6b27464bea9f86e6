"""Bits that rot in one node's registry: no wrong answer is served, and the node makes its rows anew by itself.

Run by `make corrupt-registry`. Needs no root. One bit of one file of a registry is flipped, of a node that was killed
for it or of one that goes on running; then the node is asked to look at all of its rows (`mys3d doctor`), which is what
finds rot in rows that nobody reads.
"""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from tests.campaigns.checks import Verdict, judge, sweep
from tests.campaigns.cluster import Cluster
from tests.campaigns.workload import Plan, Workload

FLIPS = 100
ENOUGH_WRITES = 20  # acknowledged between two flips
KINDS = (".sst", "MANIFEST", ".sst", "CURRENT", ".sst", "OPTIONS", ".sst", "GENERATION")
LOG_KEEP_ENTRIES = "100"  # snapshots and flushes all the time: rows lie in files, and the journal alone does not do


def flip(registry: Path, kind: str, dice: Random) -> str:
    """Flip one bit of a file of some kind; say which. Empty: there is no such file, or it went meanwhile."""
    files = [
        path
        for path in sorted(registry.rglob("*"))
        if path.is_file() and "damaged-" not in str(path) and (path.suffix == kind or path.name.startswith(kind))
    ]
    if not files:
        return ""
    path = dice.choice(files)
    try:
        with path.open("r+b") as file:
            offset, mask = dice.randrange(path.stat().st_size), 1 << dice.randrange(8)
            file.seek(offset)
            byte = file.read(1)[0]
            file.seek(offset)
            file.write(bytes([byte ^ mask]))
    except (OSError, ValueError, IndexError):
        return ""  # replaced by a newer file, or still empty
    return f"bit {mask} of byte {offset} of {path.relative_to(registry)}"


def quarantined(registry: Path) -> set[str]:
    return {path.name for path in registry.glob("damaged-*")}


def forget_quarantine(registry: Path, dice: Random) -> None:
    """A disk that rots all the time stops its node; this campaign wants it to heal a hundred times."""
    for path in registry.glob("damaged-*"):
        path.rename(registry.parent / f"forgotten-{dice.getrandbits(64):x}")


@pytest.mark.campaign
def test_a_rotten_registry_serves_nothing_wrong_and_heals(
    loopback_cluster: Callable[..., Cluster], seed: int, scale: float
) -> None:
    cluster = loopback_cluster(3, MYS3D_LOG_KEEP_ENTRIES=LOG_KEEP_ENTRIES)
    dice, verdict, outcomes = Random(seed), Verdict("corrupt-registry", seed), Counter[str]()
    flips = max(1, int(FLIPS * scale))
    with Workload(cluster, Plan(seed, clients=12)) as workload:
        for number in range(flips):
            enough = workload.acknowledged_count + ENOUGH_WRITES
            cluster.wait_for(lambda enough=enough: workload.acknowledged_count >= enough, 60, "writes flow")
            name, kind = dice.choice(cluster.names), KINDS[number % len(KINDS)]
            registry = cluster.nodes[name].place.data / "registry"
            forget_quarantine(registry, dice)
            is_killed = dice.random() < 0.5
            if is_killed:
                cluster.kill(name)
            what = flip(registry, kind, dice)
            if is_killed:
                cluster.launch(name)
            cluster.heal()
            cluster.admin(name, "POST", "doctor", seconds=30.0)
            cluster.wait(0.5)
            cluster.heal()
            healed = "made anew" if quarantined(registry) else "unharmed"
            outcomes[f"{kind} {'killed' if is_killed else 'running'}: {healed if what else 'no file'}"] += 1
    cluster.heal()
    judge(verdict, workload, sweep(cluster, workload.keys), rate_min=0.0)
    verdict.problems += cluster.crashes
    for name in cluster.names:
        report = cluster.admin(name, "POST", "doctor", seconds=60.0)
        if report is None or report["sentences"]:
            verdict.problems.append(f"doctor of {name}: {report}")
    for outcome, count in sorted(outcomes.items()):
        verdict.figures[outcome] = str(count)
    made_anew = sum(count for outcome, count in outcomes.items() if outcome.endswith("made anew"))
    if made_anew < flips // 10:
        verdict.problems.append(f"only {made_anew} of {flips} flips were found")
    verdict.conclude()
