"""Bits that rot in the synced part of one node's journal: it says so or comes back by itself, and nothing is lost.

Run by `make corrupt-journal`. Needs no root. A node is killed, one bit of its journal is flipped, it is started again
while the others serve. It must put the journal aside and heal through the others as a new voter; a node alone must
refuse, name the place and change no byte. Neither goes on as if nothing had been.
"""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
from blake3 import blake3

from mys3d.consensus.segments import BATCH_HEADER_BYTES, SEGMENT_HEADER_BYTES, batch_at, parse_header, seed_of
from tests.campaigns.checks import Verdict, judge, sweep
from tests.campaigns.cluster import HEAL_SECONDS, Cluster
from tests.campaigns.workload import Plan, Workload

FLIPS = 100
ENOUGH_WRITES = 20  # acknowledged between two flips


def synced_batches(segment: Path, is_last: bool) -> list[tuple[int, int]]:
    """[start, stop) of the batches that are proven to be synced: in the last segment a later one proves it."""
    data = segment.read_bytes()
    seed = seed_of(parse_header(segment, data, data[12:28]))
    found, offset = [], SEGMENT_HEADER_BYTES
    while (head := batch_at(data, offset, seed)) is not None:
        found.append((offset, offset + BATCH_HEADER_BYTES + head[0]))
        offset = found[-1][1]
    return found[:-1] if is_last else found


def flip(journal: Path, dice: Random) -> tuple[Path, int, int]:
    """Flip one bit of a synced batch. Returns file, offset and mask."""
    segments = sorted(journal.glob("*.log"))
    segment = dice.choice(segments)
    start, stop = dice.choice(synced_batches(segment, segment == segments[-1]))
    offset, mask = dice.randrange(start, stop), 1 << dice.randrange(8)
    flip_back(segment, offset, mask)
    return segment, offset, mask


def flip_back(segment: Path, offset: int, mask: int) -> None:
    with segment.open("r+b") as file:
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([byte ^ mask]))


def fingerprint(journal: Path) -> bytes:
    digest = blake3()
    for path in sorted(journal.glob("*.log")):
        digest.update(path.name.encode()).update(path.read_bytes())
    return digest.digest()


def outcome_of(cluster: Cluster, name: str, before: bytes) -> tuple[str, str | None]:
    """Start the node with its rotten journal. Returns what it did, and what was wrong with that."""
    node, journal = cluster.nodes[name], cluster.nodes[name].place.data / "journal"
    read = node.place.log.stat().st_size
    cluster.launch(name)
    node.is_wanted = False  # it may end: nobody shall start it again
    cluster.wait_for(lambda: not node.is_running or cluster.is_whole(), HEAL_SECONDS, f"{name} refuses or heals")
    with node.place.log.open("rb") as file:
        file.seek(read)
        said = file.read().decode(errors="replace")
    if node.is_running:
        node.is_wanted = True
        return "healed", None if "new incarnation" in said else f"{name} went on without a word: {said[-300:]}"
    problem = None if "at byte" in said else f"{name} ended without advice: {said[-300:]}"
    if fingerprint(journal) != before:
        problem = f"{name} refused its journal and changed it"
    return "refused", problem


def run(cluster: Cluster, flips: int, seed: int, expected: str) -> None:
    dice = Random(seed)
    verdict = Verdict(f"corrupt-journal, {len(cluster.names)} nodes", seed)
    outcomes: Counter[str] = Counter()
    with Workload(cluster, Plan(seed, clients=12)) as workload:
        for _ in range(flips):
            enough = workload.acknowledged_count + ENOUGH_WRITES
            cluster.wait_for(lambda enough=enough: workload.acknowledged_count >= enough, 60, "writes flow")
            name = dice.choice(cluster.names)
            cluster.kill(name)
            journal = cluster.nodes[name].place.data / "journal"
            segment, offset, mask = flip(journal, dice)
            outcome, problem = outcome_of(cluster, name, fingerprint(journal))
            outcomes[outcome] += 1
            if problem is not None or outcome != expected:
                verdict.problems.append(f"{segment.name} byte {offset}: {name} {outcome}: {problem}")
            if outcome == "refused":
                flip_back(segment, offset, mask)
                cluster.launch(name)
                cluster.heal()
    cluster.heal()
    judge(verdict, workload, sweep(cluster, workload.keys), rate_min=0.0)
    verdict.problems += cluster.crashes + cluster.ailments()
    verdict.figures["bits flipped in synced batches"] = f"{flips}: " + ", ".join(
        f"{count} {outcome}" for outcome, count in outcomes.items()
    )
    verdict.conclude()


@pytest.mark.campaign
def test_a_rotten_journal_loses_nothing(loopback_cluster: Callable[..., Cluster], seed: int, scale: float) -> None:
    run(loopback_cluster(3), max(1, int(FLIPS * scale)), seed, "healed")


@pytest.mark.campaign
def test_a_node_alone_refuses_its_rotten_journal(
    loopback_cluster: Callable[..., Cluster], seed: int, scale: float
) -> None:
    run(loopback_cluster(1), max(1, int(FLIPS * scale / 10)), seed, "refused")
