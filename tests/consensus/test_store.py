"""What only the store on disk can do: survive, be copied, notice damage."""

import shutil
import threading

import pytest

from mys3d.consensus.store import RocksStore
from mys3d.registry import tables
from mys3d.registry.transaction import Overlay


@pytest.fixture
def store(tmp_path):
    store = RocksStore(tmp_path / "registry")
    yield store
    store.close()


def test_rows_and_the_applied_row_are_there_after_closing(tmp_path):
    store = RocksStore(tmp_path)
    overlay = Overlay(store.reader())
    tables.put_applied(overlay, 7, 3)
    store.write(overlay.writes())
    assert store.applied_at_open == (0, 0)
    store.close()
    again = RocksStore(tmp_path)
    assert again.applied_at_open == (7, 3)
    again.close()


def test_a_new_store_makes_its_directory(tmp_path):
    store = RocksStore(tmp_path / "a" / "b")
    assert store.reader().get(b"k") is None
    store.close()


def test_a_snapshot_keeps_its_rows_in_another_thread(store):
    store.write([(b"ka", b"1"), (b"kb", b"1")])
    seen = []
    with store.snapshot() as reader:
        store.write([(b"ka", b"2"), (b"kb", None), (b"kc", b"2")])
        thread = threading.Thread(
            target=lambda: seen.extend([reader.get(b"ka"), reader.get(b"kc"), list(reader.scan(b"k", b"l"))])
        )
        thread.start()
        thread.join()
    assert seen == [b"1", None, [(b"ka", b"1"), (b"kb", b"1")]]
    assert list(store.reader().scan(b"k", b"l")) == [(b"ka", b"2"), (b"kc", b"2")]


def test_a_scan_keeps_the_rows_of_its_beginning(store):
    store.write([(b"ka", b"1"), (b"kb", b"1")])
    scan = store.reader().scan(b"k", b"l")
    store.write([(b"kb", None), (b"kc", b"2")])
    assert [key for key, _ in scan] == [b"ka", b"kb"]


def test_reads_of_a_snapshot_may_be_interleaved(store):
    store.write([(b"k%d" % number, b"") for number in range(5)])
    with store.snapshot() as reader:
        store.write([(b"k%d" % number, None) for number in range(5)])
        up, down = reader.scan(b"k", b"l"), reader.scan(b"k", b"l", reverse=True)
        found = [(next(up)[0], next(down)[0], reader.get(b"k3")) for _ in range(5)]
    assert [left for left, _, _ in found] == [b"k0", b"k1", b"k2", b"k3", b"k4"]
    assert [right for _, right, _ in found] == [b"k4", b"k3", b"k2", b"k1", b"k0"]
    assert {value for _, _, value in found} == {b""}


def test_a_checkpoint_is_a_store_of_its_own(store, tmp_path):
    store.write([(b"ka", b"1")])
    store.checkpoint(tmp_path / "copy")
    store.write([(b"ka", b"2")])
    copy = RocksStore(tmp_path / "copy")
    assert copy.reader().get(b"ka") == b"1"
    copy.close()


def test_a_crash_leaves_the_rows_of_the_last_flush(store, tmp_path):
    store.write([(b"ka", b"1")])
    store.flush()
    store.write([(b"kb", b"2")])
    shutil.copytree(tmp_path / "registry", tmp_path / "crashed")  # what is on disk, without closing
    crashed = RocksStore(tmp_path / "crashed")
    assert list(crashed.reader().scan(b"k", b"l")) == [(b"ka", b"1")]
    crashed.close()


class TestDamage:
    @pytest.fixture
    def damaged(self, tmp_path):
        """A store of 5,000 rows with a damaged block in the middle of its file."""
        store = RocksStore(tmp_path)
        store.write([(b"k%06d" % number, bytes([number % 251]) * 200) for number in range(5_000)])
        store.close()
        (file,) = tmp_path.glob("*.sst")
        data = bytearray(file.read_bytes())
        middle = len(data) // 2
        data[middle : middle + 16] = bytes(byte ^ 0xFF for byte in data[middle : middle + 16])
        file.write_bytes(data)
        store = RocksStore(tmp_path)
        yield store
        store.close()

    @pytest.mark.parametrize("reverse", [False, True])
    def test_a_scan_over_a_damaged_block_raises_and_does_not_end(self, damaged, reverse):
        with pytest.raises(Exception, match="Corruption"):
            list(damaged.reader().scan(b"k", b"l", reverse=reverse))

    def test_a_snapshot_scan_over_a_damaged_block_raises(self, damaged):
        with damaged.snapshot() as reader, pytest.raises(Exception, match="Corruption"):
            list(reader.scan(b"k", b"l"))

    def test_a_lookup_in_a_damaged_block_raises_and_does_not_say_absent(self, damaged):
        lost = _first_unreadable(damaged)
        with pytest.raises(Exception, match="Corruption"):
            damaged.reader().get(lost)
        with damaged.snapshot() as reader, pytest.raises(Exception, match="Corruption"):
            reader.get(lost)

    def test_a_scan_that_ends_before_the_damage_is_whole(self, damaged):
        assert len(list(damaged.reader().scan(b"k000000", b"k000100"))) == 100


def _first_unreadable(store):
    seen = []
    with pytest.raises(Exception, match="Corruption"):
        seen.extend(key for key, _ in store.reader().scan(b"k", b"l"))
    with pytest.raises(Exception, match="Corruption"):
        for key, _ in store.reader().scan(b"k", b"l"):
            seen.append(key)
    return b"k%06d" % (int(seen[-1][1:]) + 1)
