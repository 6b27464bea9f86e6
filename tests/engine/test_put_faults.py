"""PUTs under everything that may befall them: what was acknowledged is there, what was refused is not, nothing leaks.

Each seed is one run of many PUTs through all nodes while links are cut and slowed, disks refuse, clients break off and
PUTs are cancelled. Before every commit it is looked up on the disks that its blobs are durable on the write quorum.
"""

from collections.abc import Awaitable, Callable
from random import Random
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from mys3d import limits
from mys3d.engine.budget import BufferBudget
from mys3d.engine.get import read_body
from mys3d.engine.homes import present_layout
from mys3d.engine.put import put_object
from mys3d.errors import OutcomeUnknown, S3Error, Unavailable
from mys3d.model.body import InlineBlobs
from mys3d.model.digest import digest_of, partition_of
from mys3d.model.names import ObjectKey
from mys3d.placement import write_quorum
from mys3d.registry import queries
from mys3d.registry.commands import PutObject, StageExtent
from mys3d.registry.invariants import violations

Grid = Any  # of conftest
MakeGrid = Callable[[int], Awaitable[Grid]]
BLOB = 1000
BUDGET = 40 * BLOB
PUTS = 30


@pytest.fixture
def small(monkeypatch: Any) -> None:
    """Bodies of few bytes that have many blobs, and a budget that is short."""
    monkeypatch.setattr(limits, "blob_bytes_max", BLOB)
    monkeypatch.setattr(limits, "receive_bytes", 64)
    monkeypatch.setattr(limits, "extent_blobs_max", 40)


class Client:
    """Sends a body in pieces; may break off, and may take its time."""

    def __init__(self, dice: Random, body: bytes) -> None:
        cut = dice.choice([50, 300, 900])
        self._pieces = [body[at : at + cut] for at in range(0, len(body), cut)]
        self._breaks_at = dice.randrange(len(self._pieces) + 1) if dice.random() < 0.2 else -1
        self._pause = dice.choice([0.0, 0.0, 0.01])
        self._sent = 0

    async def read(self) -> bytes:
        await trio.sleep(self._pause)
        if self._sent == self._breaks_at:
            raise S3Error("IncompleteBody")
        self._sent += 1
        return self._pieces[self._sent - 1] if self._sent <= len(self._pieces) else b""


class Run:
    """Many PUTs over one grid, and what became of each."""

    def __init__(self, grid: Grid, dice: Random, finisher: Any) -> None:
        self.grid, self.dice, self.finisher = grid, dice, finisher
        self.budgets = [BufferBudget(BUDGET) for _ in grid.nodes]
        self.acknowledged: dict[str, bytes] = {}
        self.refused: set[str] = set()
        self.unknown: dict[str, bytes] = {}
        for node in grid.nodes:
            self._witness(node.ports.registry)

    def _witness(self, registry: Any) -> None:
        """Law 1: no command leaves before what it names is durable."""
        propose = registry.propose

        async def watched(command: Any) -> Any:
            named = command.blobs if isinstance(command, StageExtent) else ()
            if isinstance(command, PutObject) and isinstance(command.body, InlineBlobs):
                named = command.body.blobs
            for blob in named:
                homes = present_layout(self.grid[0].ports).homes(partition_of(blob.digest))
                held = len(self.grid.holders(blob))
                assert held >= write_quorum(len(homes)), f"{held} durable copies at commit"
            return await propose(command)

        registry.propose = watched

    async def put(self, key: str) -> None:
        dice, number = self.dice, self.dice.randrange(len(self.grid.nodes))
        same = dice.random() < 0.2  # the same content as others, at the same time
        body = b"the same " * 300 if same else dice.randbytes(dice.choice([1, 800, 3500, 50 * BLOB]))
        patience = dice.choice([0.05, 0.5]) if dice.random() < 0.2 else 1000.0
        with trio.move_on_after(patience) as scope:
            try:
                ports, source = self.grid[number].ports, Client(dice, body)
                await put_object(ports, self.budgets[number], source, frozenset(), self.finisher(self.grid, key))
                self.acknowledged[key] = body
            except (S3Error, Unavailable):
                self.refused.add(key)
            except OutcomeUnknown:
                self.unknown[key] = body
        if scope.cancelled_caught:
            self.unknown[key] = body

    async def disturb(self) -> None:
        """One fault after the other, each healed before the next."""
        grid, dice = self.grid, self.dice
        while True:
            one, other = dice.sample(grid.ids, 2)
            kind = dice.choice(["cut", "slow", "full", "deaf"])
            if kind == "cut":
                grid.network.cut(one, other)
            elif kind == "slow":
                grid.network.delay(one, other, dice.choice([0.01, 0.4, 20.0]))
            elif kind == "full":
                grid[grid.ids.index(one)].blobs.refusal = "the disk is full"
            else:
                grid.cluster.isolate(one)
            try:
                await trio.sleep(dice.choice([0.05, 0.5]))
            finally:
                grid.network.heal_all()
                grid.network.delay(one, other, 0.0)
                grid[grid.ids.index(one)].blobs.refusal = None
                grid.cluster.heal(one)
            await trio.sleep(dice.choice([0.0, 0.1]))


@pytest.mark.parametrize("nodes", [1, 2, 3, 5])
@pytest.mark.parametrize("seed", range(3))
async def test_whatever_happens_to_a_put_it_is_whole_or_it_is_not(
    make_grid: MakeGrid, finisher: Any, autojump_clock: MockClock, small: None, seed: int, nodes: int
) -> None:
    grid = await make_grid(nodes)
    run = Run(grid, Random(f"{seed}/{nodes}"), finisher)
    async with trio.open_nursery() as faults:
        async with trio.open_nursery() as clients:
            for number in range(PUTS):
                if number == PUTS // 3 and nodes > 1:
                    faults.start_soon(run.disturb)
                clients.start_soon(run.put, f"k{number:03}")
                await trio.sleep(run.dice.choice([0.0, 0.05]))
        faults.cancel_scope.cancel()
    assert len(run.acknowledged) >= 3, "too little got through to prove anything"
    assert [budget.free_bytes for budget in run.budgets] == [BUDGET] * nodes
    async with trio.open_nursery() as repairs:
        for node in grid.nodes:
            await repairs.start(node.missing.run)
        await trio.sleep(200)
        repairs.cancel_scope.cancel()
    await _compare(grid, run)


async def _compare(grid: Grid, run: Run) -> None:
    assert violations(grid[0].ports.registry.view()) == []
    for key in {*run.acknowledged, *run.refused, *run.unknown}:
        version = queries.live(grid[0].ports.registry.view(), grid.bucket, ObjectKey(key))
        assert version is not None or key not in run.acknowledged, f"{key} was acknowledged and is lost"
        assert version is None or key not in run.refused, f"{key} was refused and is visible"
        if version is None:
            continue
        wanted = run.acknowledged.get(key) or run.unknown[key]
        for node in grid.nodes:
            found = b"".join([bytes(piece) async for piece in read_body(node.ports, version.body, 0, version.size)])
            assert found == wanted
        for blob in version.body.blobs if isinstance(version.body, InlineBlobs) else ():
            homes = present_layout(grid[0].ports).homes(partition_of(blob.digest))
            assert {grid.ids.index(home) for home in homes} <= grid.holders(blob), "every home has its copy in the end"


async def test_of_puts_of_one_key_at_the_same_time_the_last_commit_wins_whole(
    make_grid: MakeGrid, pieces: Any, finisher: Any, small: None
) -> None:
    grid = await make_grid(3)
    bodies = [bytes([65 + number]) * (2500 + number) for number in range(12)]
    committed: dict[int, int] = {}

    async def put(number: int) -> None:
        body = bodies[number]
        cut = pieces(*[body[at : at + 500] for at in range(0, len(body), 500)])
        applied = await put_object(
            grid[number % 3].ports, BufferBudget(), cut, frozenset(), finisher(grid, "contested")
        )
        committed[applied.index] = number

    async with trio.open_nursery() as nursery:
        for number in range(len(bodies)):
            nursery.start_soon(put, number)
    last = bodies[committed[max(committed)]]
    for node in grid.nodes:
        version = queries.live(node.ports.registry.view(), grid.bucket, ObjectKey("contested"))
        assert version is not None
        assert version.size == len(last)
        found = b"".join([bytes(piece) async for piece in read_body(node.ports, version.body, 0, version.size)])
        assert found == last


async def test_the_same_blob_pushed_through_two_nodes_at_once_is_one_blob_with_two_names(
    make_grid: MakeGrid, pieces: Any, finisher: Any
) -> None:
    grid, body = await make_grid(3), b"one content for two names"
    async with trio.open_nursery() as nursery:
        for number in range(2):
            nursery.start_soon(
                put_object, grid[number].ports, BufferBudget(), pieces(body), frozenset(),
                finisher(grid, f"name-{number}"),
            )  # fmt: skip
    view = grid[2].ports.registry.view()
    assert queries.references_count(view, digest_of(body)) == 2
    assert [node.blobs.usage().blobs_count for node in grid.nodes] == [1, 1, 1]
