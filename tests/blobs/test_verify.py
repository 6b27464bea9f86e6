"""Every blob read again, in the order of the disk: no damage to live bytes stays unseen."""

import os
import random
from collections.abc import Callable

import pytest

from mys3d import limits
from mys3d.blobs import record
from mys3d.blobs.directory import Directory, NewBlob
from mys3d.blobs.reader import Reader
from mys3d.blobs.store import BlobStore
from mys3d.blobs.verify import Step, cursor_of, parse_cursor, verify_step
from mys3d.model.digest import Digest
from mys3d.model.names import GcEpoch

Build = Callable[..., tuple[Digest, bytes]]
Write = Callable[..., NewBlob]
EPOCH = GcEpoch(1)


@pytest.fixture
def directory(open_directory: Callable[[], Directory]):
    opened = open_directory()
    yield opened
    opened.close()


def flip(directory: Directory, number: int, offset: int, bit: int = 0) -> None:
    path = directory.folder / f"{number:08d}.volume"
    with path.open("r+b") as file:
        byte = os.pread(file.fileno(), 1, offset)[0] ^ 1 << bit
        os.pwrite(file.fileno(), bytes([byte]), offset)


def all_steps(directory: Directory, bytes_max: int) -> list[Step]:
    reader = Reader(directory)
    steps = [verify_step(directory, reader, 0, 0, bytes_max)]
    while (offset := steps[-1].next_offset) is not None:
        steps.append(verify_step(directory, reader, steps[-1].next_volume, offset, bytes_max))
    return steps


def found_bad(steps: list[Step]) -> set[Digest]:
    return {bad.digest for step in steps for bad in step.bad}


def test_a_cursor_is_read_back_and_sorts_as_the_disk_lies() -> None:
    text = cursor_of(b"\x07" * 16, 12, 4096)
    assert parse_cursor(text) == ("07" * 16, 12, 4096)
    assert parse_cursor("") == ("", 0, 0)
    assert text < cursor_of(b"\x07" * 16, 12, 1_000_000) < cursor_of(b"\x07" * 16, 13, 0)


def test_steps_go_over_volumes_and_read_each_blob_once(directory: Directory, new_blob: Write) -> None:
    directory.commit([new_blob(seed, 3 * limits.MIB) for seed in range(5)])  # two in each volume
    steps = all_steps(directory, limits.MIB)
    assert [step.blobs_count for step in steps if step.blobs_count] == [1] * 5
    assert sum(step.blobs_count for step in all_steps(directory, limits.GIB)) == 5


def test_what_was_forgotten_or_written_anew_is_not_read(directory: Directory, new_blob: Write, blob: Build) -> None:
    directory.commit([new_blob(seed) for seed in range(4)])
    directory.forget(blob(1)[0])
    directory.commit([new_blob(2)])
    flip(directory, 1, record.RECORDS_START + 2 * record.record_bytes(4096) + 200)  # the old record of blob 2
    steps = all_steps(directory, limits.MIB)
    assert (sum(step.blobs_count for step in steps), found_bad(steps)) == (3, set())


@pytest.mark.parametrize("seed", range(40))
def test_any_flipped_bit_of_a_live_record_is_found(
    directory: Directory, new_blob: Write, blob: Build, seed: int
) -> None:
    """Header or data, wherever it is: only the zeros up to the next record belong to no blob."""
    lengths = [random.Random(seed).choice([1, 15, 4096, 70_000, 200_000]) for _ in range(6)]
    directory.commit([new_blob(number, length) for number, length in enumerate(lengths)])
    victim = seed % 6
    name, data = blob(victim, lengths[victim])
    place = directory.index.find(name)
    assert place is not None
    size = record.header_bytes(len(data)) + len(data)
    header_or_any = record.header_bytes(len(data)) if seed % 2 else size
    flip(directory, place.volume, place.offset + random.Random(seed).randrange(header_or_any), seed % 8)
    for bytes_max in (1, 5000, limits.MIB):
        assert found_bad(all_steps(directory, bytes_max)) == {name}


def test_two_rotten_headers_side_by_side_are_both_found(directory: Directory, new_blob: Write, blob: Build) -> None:
    directory.commit([new_blob(seed) for seed in range(6)])
    for victim in (2, 3, 5):
        flip(directory, 1, record.RECORDS_START + victim * record.record_bytes(4096) + 3)
    assert found_bad(all_steps(directory, 1)) == {blob(victim)[0] for victim in (2, 3, 5)}


def test_the_disk_is_read_and_not_the_memory_of_it(directory: Directory, new_blob: Write) -> None:
    directory.commit([new_blob(seed, limits.MIB) for seed in range(3)])
    advised = []
    real = os.posix_fadvise
    os.posix_fadvise = lambda fd, offset, size, advice: (advised.append((offset, size)), real(fd, offset, size, advice))
    try:
        all_steps(directory, limits.GIB)
    finally:
        os.posix_fadvise = real
    assert len(advised) == 3


async def test_a_damaged_blob_is_quarantined_and_named(open_store: Callable[[], BlobStore], blob: Build) -> None:
    async with open_store() as blobs:
        for seed in range(5):
            await blobs.put(blob(seed)[0], [blob(seed)[1]], EPOCH)
        flip(blobs.depots[0].directory, 1, record.RECORDS_START + record.record_bytes(4096) + 500)
        step = await blobs.verify("", limits.MIB)
        assert [bad.digest for bad in step.damaged] == [blob(1)[0]]
        assert (step.damaged[0].length, step.blobs_count, step.after) == (4096, 5, None)
        assert not blobs.holds(blob(1)[0])
        assert blobs.usage().directories[0].damages_count == 1
        assert (await blobs.verify("", limits.MIB)).blobs_count == 4
        await blobs.put(blob(1)[0], [blob(1)[1]], EPOCH)
        assert (await blobs.verify("", limits.MIB)).blobs_count == 5


async def test_an_index_that_cannot_be_read_takes_its_directory_offline(
    open_store: Callable[[], BlobStore], blob: Build, break_index: Callable[[Directory], None]
) -> None:
    async with open_store() as blobs:
        await blobs.put(blob(1)[0], [blob(1)[1]], EPOCH)
        break_index(blobs.depots[0].directory)
        assert (await blobs.verify("", limits.MIB)).blobs_count == 0
        assert "unreadable" in blobs.usage().directories[0].offline


def test_a_disk_that_fails_while_it_is_verified_ends_the_step(
    directory: Directory, new_blob: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory.commit([new_blob(seed) for seed in range(10)])
    reader = Reader(directory)
    real = reader.read_waiting

    def fail(*words):  # type: ignore[no-untyped-def]
        directory.take_offline("for the test")
        return real(*words)

    monkeypatch.setattr(reader, "read_waiting", fail)
    step = verify_step(directory, reader, 0, 0, limits.MIB)
    assert (step.blobs_count, step.next_offset is None) == (1, False)
