"""The queue before a disk: batches, coalescing, failures, and who is woken when."""

import threading
from collections.abc import Callable, Sequence

import pytest
import trio
import trio.testing

from mys3d import limits
from mys3d.blobs.committer import Committer
from mys3d.blobs.directory import NewBlob
from mys3d.errors import Unavailable

Write = Callable[..., NewBlob]


class Gate:
    """A commit that waits until the test opens it, and remembers its batches."""

    def __init__(self) -> None:
        self.batches: list[list[NewBlob]] = []
        self.is_open = threading.Semaphore(0)
        self._is_inside = threading.Semaphore(0)
        self.error: Exception | None = None

    def commit(self, blobs: Sequence[NewBlob]) -> None:
        self.batches.append(list(blobs))
        self._is_inside.release()
        assert self.is_open.acquire(timeout=10)
        if self.error is not None:
            raise self.error

    async def entered(self) -> None:
        """Wait until the thread is inside a commit."""
        assert await trio.to_thread.run_sync(self._is_inside.acquire, True, 10.0)

    def open(self, count: int = 1) -> None:
        self.is_open.release(count)


@pytest.fixture
def gate() -> Gate:
    return Gate()


@pytest.fixture
async def committer(gate: Gate):
    made = Committer(gate.commit)
    made.start()
    yield made
    gate.open(1000)
    await made.stop()


async def test_a_write_returns_after_its_commit_and_not_before(
    committer: Committer, gate: Gate, new_blob: Write
) -> None:
    done: list[int] = []

    async def write() -> None:
        await committer.write(new_blob(1))
        done.append(1)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(write)
        await gate.entered()
        assert (done, committer.is_writing(new_blob(1).digest)) == ([], True)
        gate.open()
    assert (done, committer.is_writing(new_blob(1).digest)) == ([1], False)


async def test_writes_that_wait_share_one_commit(committer: Committer, gate: Gate, new_blob: Write) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(committer.write, new_blob(0))
        await gate.entered()
        for seed in range(1, 101):
            nursery.start_soon(committer.write, new_blob(seed))
        await trio.testing.wait_all_tasks_blocked()
        gate.open(2)
    assert [len(batch) for batch in gate.batches] == [1, 100]


async def test_a_batch_is_bounded_in_blobs(committer: Committer, gate: Gate, new_blob: Write) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(committer.write, new_blob(0))
        await gate.entered()
        for seed in range(1, 2 + limits.commit_blobs_max):
            nursery.start_soon(committer.write, new_blob(seed, 10))
        await trio.testing.wait_all_tasks_blocked()
        gate.open(3)
    assert [len(batch) for batch in gate.batches] == [1, limits.commit_blobs_max, 1]


async def test_a_batch_is_bounded_in_bytes(
    committer: Committer, gate: Gate, new_blob: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "commit_bytes_max", 1000)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(committer.write, new_blob(0, 10))
        await gate.entered()
        for seed in range(1, 5):
            nursery.start_soon(committer.write, new_blob(seed, 600))
        await trio.testing.wait_all_tasks_blocked()
        gate.open(3)
    assert [len(batch) for batch in gate.batches] == [1, 2, 2]


async def test_writes_of_one_blob_become_one(committer: Committer, gate: Gate, new_blob: Write) -> None:
    async with trio.open_nursery() as nursery:
        for _ in range(10):
            nursery.start_soon(committer.write, new_blob(1))
        await trio.testing.wait_all_tasks_blocked()
        gate.open(10)
    assert sum(len(batch) for batch in gate.batches) == 1


async def test_a_failure_reaches_everyone_in_the_batch_and_nobody_after_it(
    committer: Committer, gate: Gate, new_blob: Write
) -> None:
    failed: list[Unavailable] = []

    async def write(seed: int) -> None:
        try:
            await committer.write(new_blob(seed))
        except Unavailable as error:
            failed.append(error)

    gate.error = Unavailable("the disk is gone")
    async with trio.open_nursery() as nursery:
        for seed in (1, 1, 2, 3):
            nursery.start_soon(write, seed)
        await trio.testing.wait_all_tasks_blocked()
        gate.open(4)
    assert [str(error) for error in failed] == ["the disk is gone"] * 4
    assert len(set(map(id, failed))) == 4
    gate.error = None
    gate.open()
    await committer.write(new_blob(1))


async def test_a_broken_promise_in_the_thread_is_not_swallowed(
    committer: Committer, gate: Gate, new_blob: Write
) -> None:
    gate.error = AssertionError("a promise was broken")
    gate.open()
    with pytest.raises(AssertionError, match="promise"):
        await committer.write(new_blob(1))


async def test_a_queued_write_cannot_be_cancelled(committer: Committer, gate: Gate, new_blob: Write) -> None:
    done: list[int] = []

    async def write(scope: trio.CancelScope) -> None:
        with scope:
            await committer.write(new_blob(1))
            done.append(1)

    scope = trio.CancelScope()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(write, scope)
        await gate.entered()
        scope.cancel()
        await trio.testing.wait_all_tasks_blocked()
        gate.open()
    assert done == [1]


async def test_too_many_waiting_writes_are_refused(
    committer: Committer, gate: Gate, new_blob: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "blob_puts_waiting_max", 2)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(committer.write, new_blob(1))
        nursery.start_soon(committer.write, new_blob(2))
        await trio.testing.wait_all_tasks_blocked()
        with pytest.raises(Unavailable, match="wait for the disk"):
            await committer.write(new_blob(3))
        nursery.start_soon(committer.write, new_blob(2))
        await trio.testing.wait_all_tasks_blocked()
        gate.open(2)


async def test_what_is_queued_is_written_before_the_end(gate: Gate, new_blob: Write) -> None:
    committer = Committer(gate.commit)
    committer.start()
    async with trio.open_nursery() as nursery:
        for seed in range(5):
            nursery.start_soon(committer.write, new_blob(seed))
        await trio.testing.wait_all_tasks_blocked()
        nursery.start_soon(committer.stop)
        await trio.testing.wait_all_tasks_blocked()
        gate.open(5)
    assert sum(len(batch) for batch in gate.batches) == 5
