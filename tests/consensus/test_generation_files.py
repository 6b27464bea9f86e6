"""Which store counts: after a first start, an adoption, a switch, and a crash in any of them."""

import contextlib
import os

import pytest

from mys3d.consensus.generation_files import FILE_NAME, GenerationFiles, remove_files
from mys3d.consensus.store import RocksStore
from mys3d.consensus.store_faults import StoreDamaged


@pytest.fixture
def files(tmp_path):
    return GenerationFiles(tmp_path / "registry")


def make(path, value):
    store = RocksStore(path)
    store.write([(b"k", value)])
    store.flush()
    store.close()


def value_in(path):
    store = RocksStore(path)
    try:
        return store.reader().get(b"k")
    finally:
        store.close()


def test_the_first_generation_has_its_name_before_it_is_there(files):
    assert files.open() == "g-00000001"
    assert files.current() == "g-00000001" and not files.directory("g-00000001").exists()
    assert files.open() == "g-00000001"


def test_a_switch_counts_at_the_next_open_and_the_replaced_store_is_removed(files):
    make(files.directory(files.open()), b"old")
    make(files.path / "incoming-1", b"new")
    name = files.next_name()
    files.promote(files.path / "incoming-1", name)
    assert files.open() == "g-00000001", "a generation that was not switched to does not count"
    make(files.path / "incoming-1", b"new")
    files.promote(files.path / "incoming-1", name)
    files.switch(name)
    assert files.open() == name
    assert sorted(os.listdir(files.path)) == [FILE_NAME, name]
    assert value_in(files.directory(name)) == b"new"


def test_a_store_of_the_earlier_layout_is_adopted(files):
    make(files.path, b"old")
    name = files.open()
    assert value_in(files.directory(name)) == b"old"
    assert sorted(os.listdir(files.path)) == [FILE_NAME, name]


class Killed(BaseException):
    pass


def kill_at(monkeypatch, step):
    """Die instead of the call number `step` that changes a directory."""
    left = [step]

    def seam(real):
        def call(*args, **options):
            left[0] -= 1
            if left[0] < 0:
                raise Killed
            return real(*args, **options)

        return call

    for name in ("link", "mkdir", "replace", "unlink", "rename", "fsync"):
        monkeypatch.setattr(os, name, seam(getattr(os, name)))
    return left


def test_an_adoption_that_is_killed_at_any_step_leaves_the_rows(tmp_path):
    for step in range(1000):
        files = GenerationFiles(tmp_path / str(step) / "registry")
        make(files.path, b"old")
        with pytest.MonkeyPatch.context() as patch:
            left = kill_at(patch, step)
            with contextlib.suppress(Killed):
                files.open()
        assert value_in(files.directory(files.open())) == b"old"
        if left[0] >= 0:
            assert step > 10
            return
    raise AssertionError("it never went through")


def test_a_switch_that_is_killed_at_any_step_leaves_one_store_that_counts(tmp_path):
    for step in range(1000):
        files = GenerationFiles(tmp_path / str(step) / "registry")
        make(files.directory(files.open()), b"old")
        make(files.path / "incoming-1", b"new")
        with pytest.MonkeyPatch.context() as patch:
            left = kill_at(patch, step)
            with contextlib.suppress(Killed):
                files.promote(files.path / "incoming-1", "g-00000002")
                files.switch("g-00000002")
        name = files.open()
        assert value_in(files.directory(name)) == {"g-00000001": b"old", "g-00000002": b"new"}[name]
        if left[0] >= 0:
            assert name == "g-00000002" and step > 3
            return
    raise AssertionError("it never went through")


@pytest.mark.parametrize(
    "text", ["", "mys3d registry 2 g-00000001\n", "mys3d registry 1 ../../etc\n", "MANIFEST-000004\n"]
)
def test_a_generation_file_that_says_something_else_is_damage(files, text):
    make(files.directory(files.open()), b"old")
    (files.path / FILE_NAME).write_text(text)
    with pytest.raises(StoreDamaged, match="expected mys3d registry 1"):
        files.open()
    assert value_in(files.directory("g-00000001")) == b"old"


def test_generations_that_nothing_names_are_damage_and_stay(files):
    make(files.directory(files.open()), b"old")
    (files.path / FILE_NAME).unlink()
    with pytest.raises(StoreDamaged, match="GENERATION is missing"):
        files.open()
    assert value_in(files.directory("g-00000001")) == b"old"


def test_what_is_not_ours_stays(files):
    make(files.directory(files.open()), b"old")
    (files.path / "damaged-5").mkdir()
    (files.path / "notes.txt").write_text("mine")
    files.open()
    assert sorted(os.listdir(files.path)) == [FILE_NAME, "damaged-5", "g-00000001", "notes.txt"]


@pytest.mark.parametrize("bit", range(8))
def test_any_bit_of_the_file_that_rots_costs_no_generation(tmp_path, bit):
    """It is damaged, or says what it said: never another store, and nothing is removed."""
    files = GenerationFiles(tmp_path)
    name = files.open()
    files.directory(name).mkdir()
    (files.directory(name) / "CURRENT").write_text("rows")
    whole = (tmp_path / "GENERATION").read_bytes()
    for position in range(len(whole)):
        rotten = bytearray(whole)
        rotten[position] ^= 1 << bit
        (tmp_path / "GENERATION").write_bytes(rotten)
        with pytest.raises(StoreDamaged):
            files.open()
        assert (files.directory(name) / "CURRENT").exists()
    (tmp_path / "GENERATION").write_bytes(whole)
    assert files.open() == name


def test_a_file_that_goes_by_itself_meanwhile_does_not_stop_a_removal(tmp_path):
    """A store that was closed a moment ago had its compaction remove 000067.sst between the list and the removal."""
    (tmp_path / "000068.sst").write_bytes(b"rows")
    remove_files(tmp_path, ["000067.sst", "000068.sst"])
    assert list(tmp_path.iterdir()) == []
