"""The store that can be copied and replaced: rows, scans under way, what is removed when."""

import os
import threading

import pytest

from mys3d import limits
from mys3d.consensus.generations import GenerationStore, free_bytes
from mys3d.consensus.snapshot import SnapshotUnusable
from mys3d.consensus.store_faults import StoreDamaged
from mys3d.errors import Unavailable
from mys3d.ports import SnapshotFile


@pytest.fixture
def store(tmp_path):
    store = GenerationStore(tmp_path / "registry")
    yield store
    store.close()


def copy(export, incoming, *, damage=lambda number, data: data):
    for number, file in enumerate(export.files):
        for start in range(0, file.length, 700):
            incoming.write(number, start, damage(number, export.read(number, start, min(start + 700, file.length))))


def receive(store, source):
    export = source.export()
    incoming = store.receive(export.files)
    copy(export, incoming)
    received = incoming.finish()
    export.close()
    return received


@pytest.fixture
def other(tmp_path):
    other = GenerationStore(tmp_path / "other")
    other.write([(b"k%d" % number, b"new" * 50) for number in range(2000)])
    yield other
    other.close()


def test_a_copy_holds_the_rows_of_its_moment_also_those_that_were_not_flushed(store, other):
    received = receive(store, other)
    other.write([(b"k1", b"later")])
    assert received.reader.get(b"k1") == b"new" * 50
    assert sum(1 for _ in received.reader.scan(b"k", b"l")) == 2000
    received.abandon()


def test_a_received_generation_counts_only_after_the_switch(store, other, tmp_path):
    store.write([(b"k1", b"old")])
    store.flush()
    receive(store, other)
    assert store.reader().get(b"k1") == b"old"
    store.close()
    again = GenerationStore(tmp_path / "registry")
    assert again.reader().get(b"k1") == b"old" and again.generation == "g-00000001"
    received = receive(again, other)
    again.switch(received.generation)
    again.close()
    last = GenerationStore(tmp_path / "registry")
    assert last.reader().get(b"k1") == b"new" * 50
    assert sorted(os.listdir(tmp_path / "registry")) == ["GENERATION", received.generation]
    last.close()


def test_views_change_at_once_and_a_scan_under_way_ends_with_the_rows_it_began_with(store, other):
    store.write([(b"k%d" % number, b"old") for number in range(500)])
    received = receive(store, other)
    old = store.generation
    with store.snapshot() as reader:
        rows = reader.scan(b"k", b"l")
        assert next(rows)[1] == b"old"
        store.switch(received.generation)
        store.adopt(received.generation)
        assert store.reader().get(b"k1") == b"new" * 50
        store.clean()
        seen = list[bytes]()
        thread = threading.Thread(target=lambda: seen.extend(value for _, value in rows))
        thread.start()
        thread.join()
        assert seen == [b"old"] * 499
        assert old in os.listdir(store._files.path)
    store.clean()
    assert old not in os.listdir(store._files.path)


def test_rows_are_proved_from_a_copy_that_is_gone_afterwards(store):
    store.write([(b"k%d" % number, b"row" * 50) for number in range(2000)])
    store.prove()
    assert store.damage is None
    (manifest,) = store._files.directory(store.generation).glob("MANIFEST-*")
    data = bytearray(manifest.read_bytes())
    data[len(data) // 2] ^= 1
    manifest.write_bytes(data)
    with pytest.raises(StoreDamaged):
        store.prove()
    assert store.damage is not None
    assert sorted(os.listdir(store._files.path)) == ["GENERATION", store.generation]


def test_copies_and_proofs_at_the_same_time_have_each_a_path_of_its_own(store):
    store.write([(b"k%d" % number, b"row" * 50) for number in range(500)])
    together, made = threading.Barrier(8), []

    def work(number):
        together.wait()
        made.extend(store.export().files if number % 2 else store.prove() for _ in range(5))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 40 and store.damage is None
    names = [name for name in os.listdir(store._files.path) if name.startswith("checkpoint-")]
    assert len(names) == 20


def test_a_replaced_store_that_cannot_be_removed_now_is_removed_later(store, other):
    received = receive(store, other)
    old = store._files.directory(store.generation)
    obstacle = old / "obstacle"
    (obstacle / "file").mkdir(parents=True)
    store.switch(received.generation)
    store.adopt(received.generation)
    store.clean()
    assert old.exists() and store.reader().get(b"k1") == b"new" * 50
    (obstacle / "file").rmdir()
    obstacle.rmdir()
    store.clean()
    assert not old.exists()


@pytest.mark.parametrize("what", ["a block", "a length", "a missing file"])
def test_a_copy_that_was_changed_is_refused_and_removed(store, other, what):
    other.flush()
    export = other.export()
    files = list(export.files)
    table = next(number for number, file in enumerate(files) if file.name.endswith(".sst"))
    if what == "a length":
        files[table] = SnapshotFile(files[table].name, files[table].length + 1)
    incoming = store.receive(tuple(files))

    def damage(number, data):
        return bytes([data[0] ^ 1]) + data[1:] if what == "a block" and number == table else data

    copy(export, incoming, damage=damage)
    if what == "a missing file":
        (incoming._path / files[table].name).unlink()
    with pytest.raises(SnapshotUnusable):
        incoming.finish()
    incoming.abandon()
    assert not [name for name in os.listdir(store._files.path) if name not in ("GENERATION", store.generation)]
    export.close()


def test_a_copy_that_cannot_be_made_is_unavailable_and_leaves_nothing(store, monkeypatch):
    def full(path):
        path.mkdir()
        raise Unavailable("the disk is full")

    monkeypatch.setattr(store._store, "checkpoint", full)
    with pytest.raises(Unavailable, match="full"):
        store.export()
    assert sorted(os.listdir(store._files.path)) == ["GENERATION", store.generation]


def test_leftovers_of_copies_are_removed_at_open(store, other, tmp_path):
    store.export()
    store.receive(other.export().files).write(0, 0, b"part")
    store.close()
    again = GenerationStore(tmp_path / "registry")
    assert sorted(os.listdir(tmp_path / "registry")) == ["GENERATION", "g-00000001"]
    again.close()


def test_damage_of_the_store_that_counts_is_told(store):
    assert store.damage is None
    store._store._faults.told(Exception("Corruption: planted"))
    assert store.damage is not None


def test_a_snapshot_for_which_there_is_no_room_is_not_begun(tmp_path, other):
    free = []
    store = GenerationStore(tmp_path / "registry", lambda _: free[0])
    export = other.export()
    wanted = sum(file.length for file in export.files) + limits.snapshot_reserve_bytes
    free[:] = [wanted - 1]
    before = sorted(os.listdir(tmp_path / "registry"))
    with pytest.raises(Unavailable, match=f"{wanted} bytes must be free"):
        store.receive(export.files)
    assert sorted(os.listdir(tmp_path / "registry")) == before
    free[:] = [wanted]
    store.receive(export.files).abandon()
    export.close()
    store.close()


def test_the_room_of_a_disk_is_what_its_file_system_says(tmp_path):
    found = os.statvfs(tmp_path)
    assert 0 < free_bytes(tmp_path) <= found.f_blocks * found.f_frsize
