"""Whole clusters in virtual time: what was acknowledged stays, whatever crashes."""

from typing import Any

import pytest

from mys3d.engine import intake
from mys3d.model.digest import Digest
from mys3d.model.members import Layout
from mys3d.model.names import GcEpoch, NodeId
from mys3d.ports import Ports
from tests.simulation.run import simulate

SEEDS = (1, 2, 3, 7)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_cluster_keeps_its_promises_through_crashes_and_partitions(seed: int) -> None:
    verdict = simulate(seed)
    assert verdict.problems == [], str(verdict)
    assert verdict.acknowledged_count >= 100, f"too little was done to prove anything: {verdict}"
    assert verdict.crashes_count >= 3, str(verdict)
    assert verdict.compared_count >= 100, str(verdict)


def test_the_same_seed_gives_the_same_run_and_another_seed_another() -> None:
    first, again, other = simulate(7, 5.0), simulate(7, 5.0), simulate(8, 5.0)
    assert (first.trace, first.events_count) == (again.trace, again.events_count)
    assert first.trace != other.trace


@pytest.mark.parametrize("lie", ["journal", "blobs"])
def test_a_disk_that_acknowledges_before_it_has_synced_is_found_out(lie: str) -> None:
    found = simulate(3, 5.0, frozenset({lie})).problems
    assert any("lost from the journal" in problem or "holds nothing" in problem for problem in found), found


def test_an_acknowledgement_with_one_durable_copy_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    async def hasty(ports: Ports, _layout: Layout, digest: Digest, data: Any, touch: GcEpoch) -> tuple[NodeId, ...]:
        await ports.blobs.put(digest, data, touch)
        return (ports.node,)

    monkeypatch.setattr(intake, "replicate", hasty)
    found = simulate(3, 5.0).problems
    assert any("holds nothing" in problem for problem in found), found
