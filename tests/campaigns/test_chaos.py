"""Deaths, pauses, partitions and slowness under load: every answer fits one order of events, and all heals.

Run by `make chaos`, as root. Each node has a network namespace and a disk of its own.
"""

from collections import Counter
from collections.abc import Callable
from random import Random

import pytest

from tests.campaigns.checks import Verdict, judge, longest_gap, sweep
from tests.campaigns.client import Connection
from tests.campaigns.cluster import BUCKET, KEYS, SHORT_LOG, Cluster
from tests.campaigns.nemeses import Nemeses
from tests.campaigns.workload import Plan, Workload
from tests.campaigns.world import World

REQUESTS_MIN = 50_000
MAJORITY_SECONDS = 5.0
LIST_PAGES_MAX = 1_000


def listing(cluster: Cluster, name: str) -> dict[str, str]:
    """Everything in the bucket as one node lists it."""
    place = cluster.nodes[name].place
    connection = Connection(place.host, place.port, KEYS)
    found: dict[str, str] = {}
    for _ in range(LIST_PAGES_MAX):
        last = max(found, default="")
        query = [("list-type", "2"), *([("start-after", last)] if last else [])]
        answer = connection.ask("GET", f"/{BUCKET}", query)
        assert answer.status == 200, f"{name}: {answer.status} {answer.code}"
        page = answer.listed()
        found |= page
        if not page:
            connection.close()
            return found
    raise AssertionError(f"{name} lists more than {LIST_PAGES_MAX} pages")


def converged(cluster: Cluster) -> list[str]:
    """What still differs between the nodes once all is quiet and healthy."""
    listings = {name: listing(cluster, name) for name in cluster.names}
    first = listings[cluster.names[0]]
    problems = [f"{name} lists other objects than {cluster.names[0]}" for name in listings if listings[name] != first]
    status = cluster.status()
    assert status is not None
    if status["copies"]["missing_blobs"]:
        problems.append(f"{status['copies']['missing_blobs']} copies are missing")
    problems += [f"{node['name']} lags by {node['lag']}" for node in status["nodes"] if node["lag"]]
    return problems


def outages(workload: Workload, nemeses: Nemeses) -> dict[str, list[float]]:
    """The longest time without an acknowledged write within each episode, by kind."""
    found: dict[str, list[float]] = {}
    moments = workload.acknowledged_times()
    for episode in nemeses.episodes:
        found.setdefault(episode.kind, []).append(longest_gap(moments, episode.began, episode.ended))
    return found


def run(world: World, requests: int, seed: int) -> None:
    cluster, nemeses = world.cluster, Nemeses(world, Random(seed))
    verdict = Verdict(f"chaos, {len(cluster.names)} nodes", seed)
    with Workload(cluster, Plan(seed)) as workload:
        cluster.wait(2)
        for kind in nemeses.kinds if requests >= REQUESTS_MIN else []:
            nemeses.befall(kind)
        while workload.requests_count < requests:
            nemeses.befall()
            if len(nemeses.episodes) % 10 == 0:
                print(f"{len(nemeses.episodes)} episodes, {workload.requests_count} requests", flush=True)
        healed = cluster.heal()
        cluster.wait(2)
    cluster.heal()
    final = sweep(cluster, workload.keys)
    judge(verdict, workload, final)
    verdict.problems += cluster.crashes + cluster.ailments() + converged(cluster)
    verdict.figures["snapshots installed"] = str(cluster.count_logged("snapshot installed"))
    counts = Counter(episode.kind for episode in nemeses.episodes)
    longest = {kind: max(gaps) for kind, gaps in outages(workload, nemeses).items()}
    verdict.figures |= {
        "episodes": f"{len(nemeses.episodes)}: " + ", ".join(f"{count} {kind}" for kind, count in counts.items()),
        "longest time without a write": ", ".join(f"{kind} {gap:.1f} s" for kind, gap in longest.items()),
        "healthy after the last": f"{healed:.1f} s",
        "read back at the end": f"{len(final.operations):,}, through every node",
    }
    for episode in nemeses.episodes:
        gap = longest_gap(workload.acknowledged_times(), episode.began, episode.ended)
        if episode.is_partition and gap > MAJORITY_SECONDS:
            verdict.problems.append(f"{episode.kind} of {episode.targets}: {gap:.1f} s without a write")
    verdict.conclude()


@pytest.mark.campaign
def test_chaos_never_shows(form_world: Callable[..., World], seed: int, scale: float) -> None:
    run(form_world(3, **SHORT_LOG), int(REQUESTS_MIN * scale), seed)
