"""How fast three nodes in one process commit: printed, not asserted. Run with `-s -m campaign`."""

import resource
import time

import pytest
import trio

from mys3d.consensus.generations import GenerationStore
from mys3d.consensus.machine import MACHINE


class WallClock:
    def now(self):
        return int(time.time() * 1000)

    def monotonic(self):
        return time.monotonic()


def cpu_seconds():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


async def measure(node, builders, count, outstanding, prefix):
    """Return seconds per proposal, sorted, the wall time and the CPU time of all nodes."""
    latencies, numbers = [], iter(range(count))

    async def worker():
        for number in numbers:
            started = time.perf_counter()
            await node.propose(builders.bucket(f"{prefix}-{number}"))
            latencies.append(time.perf_counter() - started)

    used, started = cpu_seconds(), time.perf_counter()
    async with trio.open_nursery() as workers:
        for _ in range(outstanding):
            workers.start_soon(worker)
    return sorted(latencies), time.perf_counter() - started, cpu_seconds() - used


@pytest.mark.campaign
async def test_three_nodes_in_one_process_say_how_fast_they_commit(nursery, builders, tmp_path):
    cluster = builders.Cluster(nursery, tmp_path, machine=MACHINE, clock=WallClock())
    trinity = builders.nodes[:3]
    for node in trinity:
        cluster.rows[node] = GenerationStore(tmp_path / f"rows-{node[:4]}")
        await cluster.start(node, initial=trinity)
    leader = await cluster.leader()
    follower = next(node for node in cluster.nodes.values() if node is not leader)
    for name, node in (("leader", leader), ("follower", follower)):
        for outstanding, count in ((1, 300), (32, 3000), (64, 5000), (512, 10_000)):
            found, wall, used = await measure(node, builders, count, outstanding, f"{name}{outstanding}")
            p50, p99 = found[len(found) // 2] * 1e3, found[len(found) * 99 // 100] * 1e3
            rate, cost = count / wall, used / count * 1e6
            print(
                f"{name} {outstanding:3}: p50 {p50:.2f} ms, p99 {p99:.2f} ms, {rate:.0f}/s, {cost:.0f} us CPU (3 nodes)"
            )
