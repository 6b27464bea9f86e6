"""The journal's files: what survives, what is cut, what refuses to open."""

import errno
import os
from pathlib import Path

import pytest

from mys3d.consensus import segments
from mys3d.consensus.disk import BASE, FileDisk, Work
from mys3d.consensus.marker import Install
from mys3d.consensus.segments import JournalDamaged, JournalForeign

CLUSTER = b"c" * 16
VOTER = "a" * 32


def entry(index, term=1):
    return (b"\0entry-%d" % index, index, term)


def work(*indexes, term=None):
    body = b"".join(segments.pack_entry(entry(index)) for index in indexes)
    return Work(body, term, entry(indexes[-1]) if indexes else BASE, max(indexes, default=0))


@pytest.fixture
def opened(tmp_path):
    """Open the journal of this test anew, as a node that starts."""

    def open_disk(**options):
        disk = FileDisk(tmp_path, CLUSTER, **options)
        return disk, disk.load()

    return open_disk


def write(opened, *works, **options):
    disk, _ = opened(**options)
    for item in works:
        disk.write(item)
    disk.close()
    return sorted(disk.directory.glob("*.log"))


def contents(path):
    return {file.name: file.read_bytes() for file in path.iterdir()}


def test_a_new_journal_holds_its_base_entry_and_term_zero(opened):
    disk, loaded = opened()
    disk.close()
    assert (loaded.entries, loaded.term, loaded.vote) == ([BASE], 0, None)


def test_a_new_journal_may_begin_behind_any_entry(opened):
    disk, _ = opened(base=(50, 3))
    disk.write(Work(segments.pack_entry(entry(51, 3)), (4, VOTER), entry(51, 3), 51))
    disk.close()
    disk, loaded = opened()
    disk.close()
    assert [found[1:] for found in loaded.entries] == [(50, 3), (51, 3)]
    assert (loaded.term, loaded.vote) == (4, VOTER)


def test_what_was_written_is_there_after_a_restart(opened):
    write(opened, work(2, 3, term=(1, VOTER)), work(4))
    disk, loaded = opened()
    disk.close()
    assert loaded.entries == [BASE, entry(2), entry(3), entry(4)]
    assert (loaded.term, loaded.vote) == (1, VOTER)


def test_entries_cut_from_the_log_do_not_come_back(opened):
    body = segments.pack_truncate(3) + segments.pack_entry((b"\0other", 3, 2))
    write(opened, work(2, 3, 4, term=(1, None)), Work(body, (2, None), (b"\0other", 3, 2), 4))
    disk, loaded = opened()
    disk.close()
    assert loaded.entries == [BASE, entry(2), (b"\0other", 3, 2)]


def test_a_torn_last_batch_is_cut_at_every_length_and_writing_goes_on(opened, tmp_path):
    (path,) = write(opened, work(2, term=(1, None)))
    kept = path.stat().st_size
    write(opened, work(3, 4))
    whole = path.read_bytes()
    for length in range(kept, len(whole)):
        path.write_bytes(whole[:length])
        disk, loaded = opened()
        assert loaded.entries == [BASE, entry(2)]
        assert disk.bytes_cut == length - kept
        disk.write(work(3))
        disk.close()
        disk, loaded = opened()
        disk.close()
        assert loaded.entries == [BASE, entry(2), entry(3)]


def test_a_bad_record_before_a_synced_end_refuses_and_changes_nothing(opened, tmp_path):
    (path,) = write(opened, work(2, term=(1, None)), work(3), work(4))
    data = bytearray(path.read_bytes())
    data[segments.SEGMENT_HEADER_BYTES + segments.BATCH_HEADER_BYTES + 5] ^= 1
    path.write_bytes(data)
    before = contents(tmp_path)
    with pytest.raises(JournalDamaged, match=f"{path.name} at byte {segments.SEGMENT_HEADER_BYTES}"):
        opened()
    assert contents(tmp_path) == before


def test_segments_are_sealed_and_read_back_in_order(opened):
    paths = write(opened, work(2, term=(1, None)), *(work(index) for index in range(3, 9)), segment_bytes_max=150)
    assert len(paths) > 2
    disk, loaded = opened(segment_bytes_max=150)
    disk.close()
    assert [found[1] for found in loaded.entries] == list(range(1, 9))
    assert [segment.index_max for segment in disk.segments] == sorted(segment.index_max for segment in disk.segments)


def test_a_sealed_segment_that_lost_its_end_refuses(opened):
    paths = write(opened, work(2, term=(1, None)), *(work(index) for index in range(3, 9)), segment_bytes_max=150)
    data = paths[0].read_bytes()
    second_batch = data.rindex(segments.BATCH_MAGIC)
    paths[0].write_bytes(data[:second_batch])  # whole batches only: the next segment's header tells
    with pytest.raises(JournalDamaged, match="were sealed"):
        opened()


def test_a_missing_segment_refuses(opened):
    paths = write(opened, work(2, term=(1, None)), *(work(index) for index in range(3, 9)), segment_bytes_max=150)
    paths[1].unlink()
    with pytest.raises(JournalDamaged, match="segment 2 is missing"):
        opened()


def test_a_segment_whose_creation_was_cut_short_is_forgotten(opened, tmp_path):
    write(opened, work(2, term=(1, None)))
    (tmp_path / "0000000000000002.log").write_bytes(b"MYS3LOG\n")
    disk, loaded = opened()
    disk.close()
    assert loaded.entries == [BASE, entry(2)]


def test_either_copy_of_term_and_vote_is_enough(opened, tmp_path):
    write(opened, work(term=(5, VOTER)))
    for name in ("term-a", "term-b"):
        for damage in (b"", b"x" * segments.TERM_BYTES):
            (tmp_path / name).write_bytes(damage)
            disk, loaded = opened()
            disk.close()
            assert (loaded.term, loaded.vote) == (5, VOTER)


def test_a_torn_first_copy_leaves_the_vote_of_before(opened, tmp_path):
    write(opened, work(term=(5, VOTER)))
    newer = segments.TermRecord(CLUSTER, 99, 6, None).pack()
    (tmp_path / "term-a").write_bytes(newer[:40])
    disk, loaded = opened()
    disk.close()
    assert (loaded.term, loaded.vote) == (5, VOTER)


def test_a_journal_without_any_copy_of_its_term_refuses(opened, tmp_path):
    write(opened, work(2, term=(1, None)))
    (tmp_path / "term-a").unlink()
    (tmp_path / "term-b").write_bytes(b"rotten")
    with pytest.raises(JournalDamaged, match="both copies of term and vote"):
        opened()


def test_a_term_older_than_the_log_refuses(opened, tmp_path):
    write(opened, work(2, term=(1, None)))
    old = segments.TermRecord(CLUSTER, 1, 0, None).pack()
    for name in ("term-a", "term-b"):
        (tmp_path / name).write_bytes(old)
    with pytest.raises(JournalDamaged, match="older than the last entry"):
        opened()


def test_the_journal_of_another_cluster_refuses(opened, tmp_path):
    write(opened, work(2, term=(1, None)))
    with pytest.raises(JournalForeign, match="expected cluster"):
        FileDisk(tmp_path, b"d" * 16).load()


@pytest.fixture
def calls(monkeypatch):
    """The writes and syncs of this test, in order: (call, file name, bytes written)."""
    seen = []

    def name(file):
        return Path(os.readlink(f"/proc/self/fd/{file}")).name

    def watch(call, real, size):
        def seam(file, *rest):
            seen.append((call, name(file), size(*rest)))
            return real(file, *rest)

        monkeypatch.setattr(os, call, seam)

    watch("pwrite", os.pwrite, lambda data, offset: bytes(data))
    watch("fsync", os.fsync, lambda: b"")
    return seen


def test_a_batch_that_was_read_is_on_disk_before_the_journal_is_open(opened, calls):
    (path,) = write(opened, work(2, term=(1, None)))
    before = path.stat().st_size
    write(opened, work(3))  # the node is killed between this write and its sync, or the sync failed
    batch = path.read_bytes()[before:]
    calls.clear()
    disk, loaded = opened()
    disk.close()
    assert loaded.entries[-1] == entry(3)
    assert calls[calls.index(("pwrite", path.name, batch)) + 1] == ("fsync", path.name, b"")


def test_a_new_segment_is_on_disk_with_its_name_before_the_journal_is_open(opened, calls, tmp_path):
    (path,) = write(opened)
    calls.clear()
    disk, _ = opened()
    disk.close()
    header = path.read_bytes()
    at = calls.index(("pwrite", path.name, header))
    assert calls[at + 1 : at + 3] == [("fsync", path.name, b""), ("fsync", tmp_path.name, b"")]


def test_a_new_journal_has_its_directory_synced_in_the_one_above(calls, tmp_path):
    disk = FileDisk(tmp_path / "journal", CLUSTER)
    disk.load()
    disk.close()
    assert calls[0] == ("fsync", tmp_path.name, b"")


def prefixes(before, after):
    """What a directory may hold after a crash between two states: files appear and grow in the order of writing."""
    changed = [name for name in ("term-a", "term-b", *sorted(after)) if after[name] != before.get(name)]
    files = dict(before)
    for name in dict.fromkeys(changed):
        old, new = before.get(name, b""), after[name]
        for length in range(len(new) + 1) if name.startswith("term") else range(len(old), len(new) + 1):
            yield {**files, name: new[:length] + old[length:] if name.startswith("term") else new[:length]}
        files[name] = new


@pytest.mark.parametrize("rolls", [150, 1 << 20], ids=["with_a_roll", "without_a_roll"])
def test_every_prefix_of_a_write_opens_with_all_that_was_written_before(tmp_path, rolls):
    source = tmp_path / "source"
    disk = FileDisk(source, CLUSTER, segment_bytes_max=rolls)
    disk.load()
    disk.write(work(2, term=(1, None)))
    before = contents(source)
    disk.write(work(3, 4, 5, term=(2, VOTER)))
    disk.close()
    after = contents(source)
    for number, files in enumerate(prefixes(before, after)):
        copy = tmp_path / str(number)
        copy.mkdir()
        for name, data in files.items():
            (copy / name).write_bytes(data)
        found = FileDisk(copy, CLUSTER, segment_bytes_max=rolls)
        loaded = found.load()
        assert loaded.entries in ([BASE, entry(2)], [BASE, *map(entry, (2, 3, 4, 5))])
        assert (loaded.term, loaded.vote) in ((1, None), (2, VOTER))
        more = (b"\0x", loaded.entries[-1][1] + 1, 3)
        found.write(Work(segments.pack_entry(more), (3, None), more, more[1]))
        found.close()
        again = FileDisk(copy, CLUSTER, segment_bytes_max=rolls)
        assert again.load().entries == [*loaded.entries, more]
        again.close()


def test_examining_reads_everything_and_touches_nothing(opened, tmp_path):
    write(opened, work(2, 3, term=(1, None)), work(4))
    (path,) = tmp_path.glob("*.log")
    path.write_bytes(path.read_bytes() + b"torn")
    before = contents(tmp_path)
    assert [entry[1] for entry in FileDisk(tmp_path, CLUSTER).examine().entries] == [1, 2, 3, 4]
    assert contents(tmp_path) == before


def test_examining_a_damaged_journal_refuses(opened, tmp_path):
    write(opened, work(2), work(3))
    (path,) = tmp_path.glob("*.log")
    path.write_bytes(b"?" + path.read_bytes()[1:])
    with pytest.raises(JournalDamaged):
        FileDisk(tmp_path, CLUSTER).examine()


@pytest.mark.parametrize(("number", "advice"), [(errno.ENOSPC, "free some space"), (errno.EIO, "may be failing")])
def test_a_write_that_fails_says_what_it_means(opened, tmp_path, monkeypatch, number, advice):
    disk, _ = opened()

    def fail(*_):
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", fail)
        with pytest.raises(OSError, match=advice) as raised:
            disk.write(work(2, term=(1, None)))
    disk.close()
    assert (raised.value.errno, raised.value.filename) == (number, str(tmp_path))
    assert "what was acknowledged is safe" in str(raised.value)


@pytest.mark.parametrize("call", ["open", "write", "fsync"])
def test_a_reset_that_found_no_room_may_be_repeated(opened, tmp_path, monkeypatch, call):
    disk, _ = opened()
    disk.write(work(2, 3, term=(4, VOTER)))
    disk.mark(Install(10, 3, "g-00000002"))

    def fail(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, call, fail)
        for _ in range(2):
            with pytest.raises(OSError, match="No space"):
                disk.reset(10, 3)
    disk.reset(10, 3)
    disk.unmark()
    disk.write(work(11))
    disk.close()
    loaded = FileDisk(tmp_path, CLUSTER).load()
    assert [entry[1] for entry in loaded.entries] == [10, 11]
    assert (loaded.term, loaded.vote, loaded.install) == (4, VOTER, None)
