"""The document that the status page and the command line show."""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest
import trio
from trio.testing import MockClock

from mys3d import limits
from mys3d.engine.status import cluster_status
from mys3d.errors import Unavailable
from mys3d.registry import queries
from mys3d.registry.commands import CompareRows

MakeGrid = Callable[[int], Awaitable[Any]]


async def settled(make_grid: MakeGrid, count: int) -> Any:
    """A grid in which nobody is reconciling."""
    grid = await make_grid(count)
    for node in grid.nodes:
        node.missing.reconciling = False
    return grid


async def test_the_document_has_the_fields_that_were_promised(make_grid: MakeGrid) -> None:
    grid = await settled(make_grid, 1)
    document = msgspec.to_builtins(await cluster_status(grid[0].ports, grid[0].missing, grid[0].scrub))
    assert document["format"] == 1
    assert document["cluster"] == {"id": (b"c" * 16).hex(), "region": "us-east-1"}
    assert (document["health"], document["writable"]) == ("healthy", True)
    assert document["sentence"] == "no redundancy: one node holds the only copy"
    assert document["copies"] == {"target": 1, "missing_blobs": 0}
    assert document["layout"] == {"epoch": 1, "sealed": 0, "in_transition": False}
    assert document["garbage"] == {"blobs_count": 0, "bytes_count": 0, "walked_ago_seconds": None}
    node = document["nodes"][0]
    assert set(node) == {
        "id", "name", "zone", "state", "role", "reachable", "term", "applied_index", "lag", "disk", "blobs_missing",
        "s3", "admin", "peers", "version", "scrub", "rows_differ",
    }  # fmt: skip
    assert (node["role"], node["name"], node["s3"], node["lag"]) == ("leader", "n1", "n0:9000", 0)
    assert set(node["disk"]) == {"size_bytes", "free_bytes", "blobs_count", "directories"}


async def test_every_node_tells_the_same_of_all_nodes(make_grid: MakeGrid) -> None:
    grid = await settled(make_grid, 3)
    told = [await cluster_status(node.ports, node.missing, node.scrub) for node in grid.nodes]
    assert [each.nodes for each in told] == [told[0].nodes] * 3
    assert [node.reachable for node in told[0].nodes] == [True] * 3


async def test_a_voter_that_lost_its_journal_is_no_voter_until_it_is_promoted(make_grid: MakeGrid) -> None:
    grid = await settled(make_grid, 3)
    for node in grid.ids[1:]:
        await grid[0].ports.registry.set_voter(node, votes=True)
    grid.cluster.incarnations[grid.ids[1]] = b"n" * 16
    told = await cluster_status(grid[0].ports, grid[0].missing, grid[0].scrub)
    assert [node.role for node in told.nodes] == ["leader", "learner", "follower"]
    assert (told.writable, told.sentence) == (True, "cannot lose a node")
    grid.cluster.incarnations[grid.ids[2]] = b"m" * 16
    told = await cluster_status(grid[0].ports, grid[0].missing, grid[0].scrub)
    assert told.sentence == "writes stand still: 1 of 3 voters can vote, 2 are needed"


async def test_a_node_that_is_cut_off_is_shown_as_not_reachable(make_grid: MakeGrid) -> None:
    grid = await settled(make_grid, 3)
    grid.network.partition(grid.ids[2])
    told = await cluster_status(grid[0].ports, grid[0].missing, grid[0].scrub)
    assert [node.reachable for node in told.nodes] == [True, True, False]
    assert told.nodes[2].disk.size_bytes == 0


async def test_a_silent_node_does_not_hold_the_document_up(make_grid: MakeGrid, autojump_clock: MockClock) -> None:
    grid = await settled(make_grid, 3)
    grid.network.delay(grid.ids[0], grid.ids[1], 60.0)
    started = trio.current_time()
    told = await cluster_status(grid[0].ports, grid[0].missing, grid[0].scrub)
    assert trio.current_time() - started <= limits.status_deadline_seconds
    assert [node.reachable for node in told.nodes] == [True, False, True]


async def test_missing_copies_of_all_nodes_are_summed_up(make_grid: MakeGrid) -> None:
    grid = await settled(make_grid, 3)
    blob = await grid.hold(b"bytes", [0])
    for node in grid.nodes:
        node.missing.want(blob)
    told = await cluster_status(grid[0].ports, grid[0].missing, grid[0].scrub)
    assert (told.copies.missing_blobs, told.health) == (2, "degraded")


async def test_before_the_cluster_is_known_there_is_no_document(make_grid: MakeGrid, monkeypatch: Any) -> None:
    grid = await make_grid(1)
    monkeypatch.setattr(queries, "cluster", lambda _reader: None)
    with pytest.raises(Unavailable, match="does not know its cluster"):
        await cluster_status(grid[0].ports, grid[0].missing, grid[0].scrub)


async def test_garbage_of_all_nodes_is_summed_up(make_grid: MakeGrid) -> None:
    grid = await settled(make_grid, 3)
    now = grid[0].ports.clock.now()
    for number, node in enumerate(grid.nodes):
        garbage = node.ports.garbage
        garbage.blobs_count, garbage.bytes_count, garbage.walked_at = 1 + number, 100, now - 1000 * number
    told = (await cluster_status(grid[0].ports, grid[0].missing, grid[0].scrub)).garbage
    assert (told.blobs_count, told.bytes_count, told.walked_ago_seconds) == (6, 300, 2)


async def test_a_node_whose_rows_differ_is_named_and_the_cluster_is_not_healthy(make_grid: MakeGrid) -> None:
    grid = await settled(make_grid, 3)
    grid[2].ports.registry.rows.commit([(b"t" + b"x" * 32, b"rot")])
    await grid[0].ports.registry.propose(CompareRows(b"", 1_000))
    status = await cluster_status(grid[0].ports, grid[0].missing, grid[0].scrub)
    assert [node.rows_differ for node in status.nodes] == [False, False, True]
    assert status.health == "degraded"
    assert status.sentence.startswith(f"the registry of {status.nodes[2].name} is not that of the others; ")
