"""Power cuts of the whole cluster under load: what was acknowledged before each is there after it.

Run by `make power-cuts`, as root. Each node's data lies on an ext4 of its own. Before a cut random ranges of the files
are written back, so that the disks hold an arbitrary mixture of old and new; then all nodes are killed and their
file systems shut down without flushing.
"""

from collections.abc import Callable
from random import Random

import pytest

from tests.campaigns.checks import Verdict, judge, percentile, sweep
from tests.campaigns.cluster import SHORT_LOG
from tests.campaigns.workload import MIXED, WRITES, Plan, Workload
from tests.campaigns.world import World

CUTS = 50
ACKNOWLEDGED_MIN = 10_000
BETWEEN_SECONDS = (2.0, 6.0)
DISK_BYTES = 4 << 30  # on a RAM disk: fifty cuts leave some 2 GiB of objects on each
PAUSE_SECONDS = 0.03  # mean between two requests of a client: it is cuts that count here, not requests
SOME_KEYS = 200  # read again through one node after each cut; all of them through all nodes at the end


def cut_power(world: World, dice: Random) -> None:
    for disk in world.disks.values():
        disk.write_back_some(dice)
    world.cluster.kill(*world.cluster.names)
    for disk in world.disks.values():
        disk.cut_power()
    for name in world.cluster.names:
        world.cluster.launch(name)


def run(world: World, cuts: int, seed: int) -> None:
    dice = Random(seed)
    cluster = world.cluster
    mix = {kind: (MIXED[kind] + WRITES.get(kind, 0)) for kind in MIXED}
    verdict = Verdict(f"power-cuts, {len(cluster.names)} nodes", seed)
    healed, spot_checks = [], 0
    with Workload(cluster, Plan(seed, mix=mix, large_percent=0.3, pause_seconds=PAUSE_SECONDS)) as workload:
        for cut in range(cuts):
            enough = workload.acknowledged_count + ACKNOWLEDGED_MIN // CUTS
            cluster.wait_for(lambda enough=enough: workload.acknowledged_count >= enough, 120, "writes flow")
            cluster.wait(dice.uniform(*BETWEEN_SECONDS))
            cut_power(world, dice)
            healed.append(cluster.heal())
            keys = workload.keys
            some = sweep(cluster, dice.sample(keys, min(len(keys), SOME_KEYS)), [dice.choice(cluster.names)])
            spot_checks += len(some.operations)
            verdict.problems += [f"after cut {cut}: {problem}" for problem in some.wrong + some.unexpected]
            workload.also.append(some)
    cluster.heal()
    final = sweep(cluster, workload.keys)
    judge(verdict, workload, final, rate_min=0.0)
    verdict.problems += cluster.crashes + cluster.ailments()
    verdict.figures["snapshots installed"] = str(cluster.count_logged("snapshot installed"))
    verdict.figures |= {
        "power cuts of all nodes": str(cuts),
        "read back": f"{spot_checks:,} between cuts, {len(final.operations):,} at the end, through every node",
        "healthy again after": f"p50 {percentile(sorted(healed), 50):.1f} s, at most {max(healed):.1f} s",
    }
    if workload.acknowledged_count < ACKNOWLEDGED_MIN * cuts // CUTS:
        verdict.problems.append(f"void: only {workload.acknowledged_count} writes were acknowledged")
    verdict.conclude()


@pytest.mark.campaign
def test_fifty_power_cuts_lose_nothing(form_world: Callable[..., World], seed: int, scale: float) -> None:
    run(form_world(3, disk_bytes=DISK_BYTES, **SHORT_LOG), max(1, int(CUTS * scale)), seed)


@pytest.mark.campaign
@pytest.mark.parametrize("count", [1, 2])
def test_power_cuts_of_small_clusters_lose_nothing(
    count: int, form_world: Callable[..., World], seed: int, scale: float
) -> None:
    run(form_world(count, **SHORT_LOG), max(1, int(CUTS * scale / 10)), seed)
