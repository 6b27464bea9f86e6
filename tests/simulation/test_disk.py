"""The simulated disks forget what was not synced, and nothing else."""

from random import Random

import trio

from mys3d.consensus import segments
from mys3d.consensus.disk import Work
from mys3d.model.digest import digest_of
from mys3d.model.names import GcEpoch
from tests.simulation.disk import SimulatedBlobs, SimulatedJournal, SimulatedRows


def work(index: int) -> Work:
    entry = (b"command", index, 1)
    return Work(segments.pack_entry(entry), (1, None), entry, index)


async def test_a_journal_keeps_what_was_synced(autojump_clock: object) -> None:
    journal = SimulatedJournal(Random(1))
    for index in (2, 3, 4):
        await journal.sync(lambda index=index: journal.write(work(index)))  # type: ignore[misc] # binds the loop variable
    journal.crash()
    assert [entry[1] for entry in journal.load().entries] == [1, 2, 3, 4]


async def test_a_journal_may_lose_what_a_crash_caught_in_its_sync(autojump_clock: object) -> None:
    ends = set()
    for seed in range(20):
        journal = SimulatedJournal(Random(seed))
        await journal.sync(lambda journal=journal: journal.write(work(2)))  # type: ignore[misc]
        with trio.CancelScope() as scope:
            scope.cancel()
            await journal.sync(lambda journal=journal: journal.write(work(3)))  # type: ignore[misc]
        journal.crash()
        ends.add(journal.load().entries[-1][1])
    assert ends == {2, 3}


async def test_a_lying_journal_loses_what_it_said_was_synced(autojump_clock: object) -> None:
    journal = SimulatedJournal(Random(1), lies=True)
    await journal.sync(lambda: journal.write(work(2)))
    journal.crash()
    assert [entry[1] for entry in journal.load().entries] == [1]


def test_rows_fall_back_to_a_prefix_and_their_fingerprint_with_them() -> None:
    whole, prefixes = SimulatedRows(Random(0)), set()
    states = {0: whole.fingerprint}
    for number in range(5):
        whole.write([(b"a", bytes([number])), (b"b%d" % number, b"x")])
        states[number + 1] = whole.fingerprint
    for seed in range(30):
        rows = SimulatedRows(Random(seed))
        for number in range(5):
            rows.write([(b"a", bytes([number])), (b"b%d" % number, b"x")])
        rows.crash()
        kept = sum(rows.reader().get(b"b%d" % number) is not None for number in range(5))
        assert rows.fingerprint == states[kept]
        prefixes.add(kept)
    assert len(prefixes) > 3


def test_rows_that_were_deleted_leave_no_fingerprint() -> None:
    rows = SimulatedRows(Random(0))
    rows.write([(b"a", b"1")])
    rows.write([(b"a", None), (b"never", None)])
    assert rows.fingerprint == 0


async def test_blobs_survive_and_those_of_a_lying_disk_do_not(autojump_clock: object) -> None:
    for lies in (False, True):
        blobs = SimulatedBlobs(Random(1), lies)
        await blobs.put(digest_of(b"x"), [b"x"], GcEpoch(0))
        blobs.crash()
        assert blobs.holds(digest_of(b"x")) is not lies


async def test_a_doomed_disk_loses_every_blob_once(autojump_clock: object) -> None:
    blobs = SimulatedBlobs(Random(1))
    for data in (b"x", b"y"):
        await blobs.put(digest_of(data), [data], GcEpoch(0))
    blobs.is_doomed = True
    blobs.crash()
    assert blobs.usage().blobs_count == 0
    await blobs.put(digest_of(b"x"), [b"x"], GcEpoch(0))
    blobs.crash()
    assert blobs.holds(digest_of(b"x"))
