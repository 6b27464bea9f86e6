"""The journal becomes shorter: whole segments go, a reset begins it anew; killed at every step, also by a power cut."""

import contextlib
import os
from dataclasses import replace
from pathlib import Path

import pytest

from mys3d.consensus import segments
from mys3d.consensus.disk import FileDisk, Work
from mys3d.consensus.journal import Journal
from mys3d.consensus.marker import Install
from mys3d.consensus.segments import JournalDamaged

CLUSTER = b"c" * 16
VOTER = "a" * 32


def entry(index, term=1):
    return (b"\0entry-%d" % index, index, term)


def work(*indexes, term=None, floor=0):
    body = b"".join(segments.pack_entry(entry(index)) for index in indexes)
    return Work(body, term, entry(indexes[-1]), max(indexes), None, floor)


def voiding(index, last, floor=0):
    body = segments.pack_truncate(index) + segments.pack_entry(last)
    return Work(body, None, last, max(index, last[1]), index, floor)


def opened(path, generation=""):
    disk = FileDisk(path, CLUSTER)
    return Journal(disk, generation)


def begun(path, *works):
    disk = FileDisk(path, CLUSTER)
    disk.load()
    for item in (work(2, 3, term=(1, VOTER)), *works):
        disk.write(item)
    return disk


def indexes(journal):
    return [index for _, index, _ in journal[:]]


def test_a_trim_drops_what_the_rows_hold_and_the_rest_is_there_after_a_restart(tmp_path):
    disk = begun(tmp_path, work(4, 5), work(6, floor=3), work(7, 8, floor=6), work(9, floor=6))
    disk.close()
    journal = opened(tmp_path)
    assert indexes(journal) == [6, 7, 8, 9] and journal[0][2] == 1
    assert (journal.term, journal.vote) == (1, VOTER)
    assert len(list(tmp_path.glob("*.log"))) == 3


def test_a_segment_that_voids_below_its_base_keeps_those_before_it(tmp_path):
    disk = begun(tmp_path, work(4, 5, 6), replace(work(7), floor=1), voiding(5, entry(5)), work(6, 7, 8, floor=7))
    disk.close()
    assert indexes(opened(tmp_path)) == [1, 2, 3, 4, 5, 6, 7, 8]
    disk = FileDisk(tmp_path, CLUSTER)
    disk.load()
    disk.write(work(9, floor=8))
    disk.close()
    assert indexes(opened(tmp_path)) == [8, 9]


def test_a_reset_voids_all_before_it_and_keeps_term_and_vote(tmp_path):
    disk = begun(tmp_path, work(4, 5, term=(7, VOTER)))
    disk.reset(100, 6)
    disk.write(Work(segments.pack_entry((b"\0x", 101, 7)), None, (b"\0x", 101, 7), 101))
    disk.close()
    journal = opened(tmp_path)
    assert [found[1:] for found in journal[:]] == [(100, 6), (101, 7)]
    assert (journal.term, journal.vote) == (7, VOTER)
    assert len(list(tmp_path.glob("*.log"))) == 1


def test_segments_that_a_reset_left_behind_are_removed_whatever_they_hold(tmp_path):
    disk = begun(tmp_path)
    (first,) = tmp_path.glob("*.log")
    old = first.read_bytes()
    disk.reset(100, 1)
    disk.close()
    first.write_bytes(old[:-3])
    assert indexes(opened(tmp_path)) == [100]
    assert not first.exists()


def test_an_interrupted_install_is_finished_when_its_generation_counts(tmp_path):
    disk = begun(tmp_path)
    disk.mark(Install(100, 1, "g-00000002"))
    disk.close()
    journal = opened(tmp_path, "g-00000002")
    assert indexes(journal) == [100] and journal.durable_index == 100
    journal.disk.close()
    assert indexes(opened(tmp_path, "g-00000002")) == [100]


def test_an_interrupted_install_is_undone_when_another_generation_counts(tmp_path):
    disk = begun(tmp_path)
    disk.mark(Install(100, 1, "g-00000002"))
    disk.close()
    assert indexes(opened(tmp_path, "g-00000001")) == [1, 2, 3]
    assert indexes(opened(tmp_path, "g-00000002")) == [1, 2, 3], "the note is gone"


def test_a_reset_header_that_rotted_does_not_bring_the_old_log_back(tmp_path):
    disk = begun(tmp_path)
    disk.reset(100, 1)
    disk.write(Work(segments.pack_entry(entry(101)), None, entry(101), 101))
    disk.close()
    (path,) = tmp_path.glob("*.log")
    path.write_bytes(b"?" + path.read_bytes()[1:])
    with pytest.raises(JournalDamaged, match="checksum"):
        opened(tmp_path)


class Killed(BaseException):
    pass


class Power:
    """Counts the calls that change the disk, dies before one of them, and may take back names that no sync kept."""

    def __init__(self, patch, directory, step):
        self.left, self.directory, self.undo = step, directory, []
        self.saved = Path(str(directory) + "-saved")
        self.saved.mkdir()
        self.real = {name: getattr(os, name) for name in ("open", "write", "pwrite", "ftruncate", "unlink", "fsync")}
        for name in ("write", "pwrite", "ftruncate"):
            patch.setattr(os, name, self.counted(self.real[name]))
        patch.setattr(os, "unlink", self.counted(self.unlink))
        patch.setattr(os, "open", self.open)
        patch.setattr(os, "fsync", self.counted(self.fsync))

    def counted(self, call):
        def seam(*args, **options):
            self.left -= 1
            if self.left < 0:
                raise Killed
            return call(*args, **options)

        return seam

    def open(self, path, flags, *rest, **options):
        if flags & os.O_CREAT and not Path(path).exists():
            self.left -= 1
            if self.left < 0:
                raise Killed
            self.undo.append(lambda: Path(path).unlink(missing_ok=True))
        return self.real["open"](path, flags, *rest, **options)

    def unlink(self, path, *rest, **options):
        kept = self.saved / f"{len(self.undo)}-{Path(path).name}"
        os.link(path, kept)
        self.undo.append(lambda: None if Path(path).exists() else os.link(kept, path))
        return self.real["unlink"](path, *rest, **options)

    def fsync(self, file):
        self.real["fsync"](file)
        if os.path.isdir(f"/proc/self/fd/{file}"):
            self.undo.clear()

    def fail(self, which):
        """The names that were changed since the last sync of the directory: `which` of them are taken back."""
        for number, undo in reversed(list(enumerate(self.undo))):
            if which(number):
                undo()


def crashed(tmp_path, act, check):
    """Kill `act` before each of its steps, with every change of names kept, lost, or every other one lost."""
    for step in range(1000):
        steps_left = 0
        for number, which in enumerate((lambda _: False, lambda _: True, lambda n: n % 2 == 0)):
            path = tmp_path / f"{step}-{number}"
            disk = begun(path, work(4, 5, floor=2), work(6, 7, floor=4))
            with pytest.MonkeyPatch.context() as patch:
                power = Power(patch, path, step)
                with contextlib.suppress(Killed):
                    act(disk)
            steps_left = power.left
            disk.close()
            power.fail(which)
            check(path, is_done=steps_left >= 0)
        if steps_left >= 0:
            assert step > 4
            return
    raise AssertionError("it never went through")


def test_a_trim_that_dies_at_any_step_loses_nothing_above_the_floor(tmp_path):
    def check(path, is_done):
        journal = opened(path)
        found = indexes(journal)
        assert found == list(range(found[0], found[-1] + 1)) and found[0] <= 7 and found[-1] in (7, 8)
        assert found[-1] == 8 or not is_done
        journal.disk.close()
        again = opened(path)
        assert indexes(again) == found and (again.term, again.vote) == (1, VOTER)
        again.disk.close()

    crashed(tmp_path, lambda disk: disk.write(work(8, floor=7)), check)


def test_a_reset_that_dies_at_any_step_is_the_old_log_or_the_new_one(tmp_path):
    def check(path, is_done):
        journal = opened(path)
        found = indexes(journal)
        assert found == [100] or (found[-1] == 7 and not is_done)
        journal.disk.close()
        assert indexes(opened(path)) == found

    crashed(tmp_path, lambda disk: disk.reset(100, 1), check)


@pytest.mark.parametrize("switched_after", [1, 2])
def test_an_install_that_dies_at_any_step_is_finished_or_undone(tmp_path, switched_after):
    """`switched_after` 1: the generation counts from the note on; 2: it never came to count."""

    def act(disk):
        disk.mark(Install(100, 1, "g-00000002"))
        if switched_after == 1:
            disk.reset(100, 1)
        disk.unmark()

    def check(path, is_done):
        marked = (path / "install").exists()
        generation = "g-00000002" if switched_after == 1 else "g-00000001"
        journal = opened(path, generation)
        found = indexes(journal)
        assert found == [100] if is_done and switched_after == 1 else found[-1] in (7, 100)
        assert switched_after == 1 or found[-1] == 7
        assert not (path / "install").exists() or not marked
        journal.disk.close()
        assert indexes(opened(path, generation)) == found

    crashed(tmp_path, act, check)
