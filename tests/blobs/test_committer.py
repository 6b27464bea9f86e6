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


async def abandon(committer: Committer, blob: NewBlob) -> None:
    """Begin a write and stop waiting for it."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(committer.write, blob)
        await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()


async def test_a_write_that_nobody_waits_for_any_more_is_written_all_the_same(
    committer: Committer, gate: Gate, new_blob: Write
) -> None:
    await abandon(committer, new_blob(1))
    assert committer.is_writing(new_blob(1).digest)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(committer.write, new_blob(1))  # waits for the same write
        await trio.testing.wait_all_tasks_blocked()
        gate.open()
    assert [[blob.digest for blob in batch] for batch in gate.batches] == [[new_blob(1).digest]]


async def test_only_so_much_waits_for_a_hanging_disk_without_anybody_waiting_for_it(
    committer: Committer, gate: Gate, new_blob: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "unattended_bytes_max", 1500)
    await abandon(committer, new_blob(1, 1000))
    await abandon(committer, new_blob(2, 1000))
    with pytest.raises(Unavailable, match="2000 bytes wait that were given up on"):
        await committer.write(new_blob(3, 1000))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(committer.write, new_blob(2, 1000))
        await trio.testing.wait_all_tasks_blocked()
        nursery.start_soon(committer.write, new_blob(3, 1000))
        await trio.testing.wait_all_tasks_blocked()
        gate.open(3)
    await abandon(committer, new_blob(4, 1000))
    await abandon(committer, new_blob(5, 1000))


async def test_a_failure_of_a_write_that_nobody_waits_for_counts_for_the_next_one_only(
    committer: Committer, gate: Gate, new_blob: Write
) -> None:
    gate.error = Unavailable("the disk is gone")
    await abandon(committer, new_blob(1))
    gate.open()
    while committer.is_writing(new_blob(1).digest):
        await trio.lowlevel.checkpoint()
    gate.error = None
    gate.open()
    await committer.write(new_blob(1))


def test_a_broken_promise_ends_the_node_when_nobody_waits_who_could_be_told(gate: Gate, new_blob: Write) -> None:
    async def main() -> None:
        committer = Committer(gate.commit)
        committer.start()
        await abandon(committer, new_blob(1))
        gate.error = AssertionError("a promise was broken")
        gate.open()
        await trio.sleep_forever()

    with pytest.raises(trio.TrioInternalError) as end:
        trio.run(main)
    cause = end.value.__cause__
    assert isinstance(cause, BaseExceptionGroup)
    assert cause.subgroup(AssertionError) is not None


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
