"""Tasks that play threads are not cancelled with whoever waits for them, and end with their node."""

from random import Random
from types import SimpleNamespace
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from mys3d.blobs.directory import NewBlob
from mys3d.model.digest import digest_of
from tests.simulation.files import Disk, PowerCut
from tests.simulation.threads import HERE, LoopCommitter, run_sync


@pytest.fixture
def host(nursery: trio.Nursery) -> Any:
    disk = Disk("/simulated/t", Random(0))
    disk.boot()
    synced: list[bytes] = []
    laws = SimpleNamespace(synced=lambda _, digests: synced.extend(digests))
    return SimpleNamespace(disk=disk, nursery=nursery, waits={}, id="n", laws=laws, synced_digests=synced)


async def test_work_goes_on_when_its_waiter_is_cancelled(host: Any, autojump_clock: MockClock) -> None:
    HERE.set(host)
    done: list[str] = []
    host.disk.trouble.sync_seconds = 10.0
    with trio.move_on_after(0.001) as scope:
        await run_sync(done.append, "it")
    assert scope.cancelled_caught or done == ["it"]
    assert done == ["it"]


async def test_a_crash_ends_the_wait_at_once(host: Any, autojump_clock: MockClock) -> None:
    HERE.set(host)
    host.disk.trouble.sync_seconds = 1000.0

    async def crash() -> None:
        await trio.sleep(0.01)
        host.disk.kill()
        for scope in list(host.waits):
            scope.cancel()

    host.nursery.start_soon(crash)
    with pytest.raises(PowerCut):
        await run_sync(host.disk.boot)
    assert trio.current_time() < 1.0


async def test_errors_come_back_and_without_a_node_nothing_waits(host: Any, autojump_clock: MockClock) -> None:
    def fail() -> None:
        raise ValueError("no")

    started = trio.current_time()
    with pytest.raises(ValueError, match="no"):
        await run_sync(fail)
    assert trio.current_time() == started
    HERE.set(host)
    with pytest.raises(ValueError, match="no"):
        await run_sync(fail)


async def test_blobs_that_wait_together_are_committed_together(host: Any, autojump_clock: MockClock) -> None:
    HERE.set(host)
    batches: list[int] = []
    committer = LoopCommitter(lambda blobs: batches.append(len(blobs)))
    committer.start()
    digests = [digest_of(bytes([number])) for number in range(5)]
    async with trio.open_nursery() as nursery:
        for digest in digests:
            nursery.start_soon(committer.write, NewBlob(digest, [b"x"], 1, 0))
    assert sum(batches) == 5 and len(batches) < 5
    assert sorted(host.synced_digests) == sorted(digests)
    await committer.stop()


async def test_what_is_synced_counts_before_its_writer_hears_of_it(host: Any, autojump_clock: MockClock) -> None:
    HERE.set(host)
    committer = LoopCommitter(lambda _: setattr(host.disk, "owed_seconds", 1000.0))
    committer.start()
    digest = digest_of(b"x")
    with trio.move_on_after(1.0) as scope:
        await committer.write(NewBlob(digest, [b"x"], 1, 0))
    assert scope.cancelled_caught and host.synced_digests == [digest]
