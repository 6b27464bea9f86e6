"""kill -9 under load, 100 times: nothing acknowledged is lost, nothing is wrong, writes soon flow again.

Run by `make kill-rounds`. Needs no root. One round in ten kills all nodes at once, four kill the leader. In half of the
rounds the log is so short that it is cut all the time and who was away installs a snapshot.
"""

import time
from collections.abc import Callable
from random import Random

import pytest

from tests.campaigns.checks import Verdict, judge, longest_gap, percentile, sweep
from tests.campaigns.cluster import SHORT_LOG, Cluster
from tests.campaigns.workload import MIXED, WRITES, Plan, Workload

ROUNDS = 100
ROUND_SECONDS = 4.5  # longer than the outage that is allowed
DOWN_SECONDS = (0.0, 2.0)  # how long the killed stay down
OUTAGE_MIDDLE_SECONDS = 1.0
OUTAGE_WORST_SECONDS = 4.0
KINDS = ("leader", "follower", "leader", "follower", "leader", "follower", "leader", "follower", "two", "all")


def victims(cluster: Cluster, kind: str, dice: Random) -> list[str]:
    leader = cluster.leader() or cluster.names[0]
    others = [name for name in cluster.names if name != leader]
    if kind == "all":
        return cluster.names
    if kind == "leader" or not others:
        return [leader]
    if kind == "two":
        return [leader, dice.choice(others)]
    return [dice.choice(others)]


def kill_rounds(cluster: Cluster, workload: Workload, kinds: list[str], dice: Random) -> list[float]:
    """Kill once a round, start again, wait until all is well. Returns the write outage after each leader's death, s."""
    outages = []
    for kind in kinds:
        enough = workload.acknowledged_count + 50
        cluster.wait_for(lambda enough=enough: workload.acknowledged_count >= enough, 60, "writes flow")
        names = victims(cluster, kind, dice)
        killed = time.monotonic()
        cluster.kill(*names)
        cluster.wait(dice.uniform(*DOWN_SECONDS))
        for name in names:
            cluster.launch(name)
        cluster.wait(max(0.0, killed + ROUND_SECONDS - time.monotonic()))
        if kind == "leader" and len(cluster.names) > 2:
            outages.append(longest_gap(workload.acknowledged_times(), killed, time.monotonic()))
        cluster.heal()
    return sorted(outages)


def run(cluster: Cluster, rounds: int, seed: int, name: str) -> None:
    dice = Random(seed)
    kinds = [kind for _ in range(rounds // len(KINDS) + 1) for kind in dice.sample(KINDS, len(KINDS))][:rounds]
    mix = {kind: (MIXED[kind] + WRITES.get(kind, 0)) for kind in MIXED}
    with Workload(cluster, Plan(seed, mix=mix)) as workload:
        outages = kill_rounds(cluster, workload, kinds, dice)
    cluster.heal()
    verdict = Verdict(name, seed, {"kills": ", ".join(f"{kinds.count(kind)} {kind}" for kind in sorted(set(kinds)))})
    judge(verdict, workload, sweep(cluster, workload.keys))
    verdict.problems += cluster.crashes + cluster.ailments()
    verdict.figures["snapshots installed"] = str(cluster.count_logged("snapshot installed"))
    if outages:
        middle, worst = percentile(outages, 50), percentile(outages, 99)
        verdict.figures["write outage after a leader's death"] = f"p50 {middle:.2f} s, p99 {worst:.2f} s"
        if middle > OUTAGE_MIDDLE_SECONDS or worst > OUTAGE_WORST_SECONDS:
            verdict.problems.append(f"outage: p50 {middle:.2f} s, p99 {worst:.2f} s")
    verdict.conclude()


@pytest.mark.campaign
@pytest.mark.parametrize("log", ["a long log", "a short log"])
def test_a_hundred_kills_lose_nothing(
    log: str, loopback_cluster: Callable[..., Cluster], seed: int, scale: float
) -> None:
    cluster = loopback_cluster(3, **(SHORT_LOG if log == "a short log" else {}))
    run(cluster, max(1, int(ROUNDS * scale / 2)), seed, f"kill-rounds, three nodes, {log}")


@pytest.mark.campaign
@pytest.mark.parametrize("count", [1, 2])
def test_kills_of_small_clusters_lose_nothing(
    count: int, loopback_cluster: Callable[..., Cluster], seed: int, scale: float
) -> None:
    run(loopback_cluster(count, **SHORT_LOG), max(1, int(ROUNDS * scale / 10)), seed, f"kill-rounds, {count} nodes")
