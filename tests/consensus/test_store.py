"""What only the store on disk can do: survive, be copied, notice damage."""

import random
import shutil
from pathlib import Path

import pytest

from mys3d.consensus import store as store_module
from mys3d.consensus.store import RocksStore
from mys3d.consensus.store_faults import StoreDamaged
from mys3d.errors import Unavailable
from mys3d.registry import keys, tables
from mys3d.registry.transaction import Overlay


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


class TestStall:
    @pytest.fixture
    def stalled(self, tmp_path, monkeypatch):
        """A store that refuses the next writes: its buffers are tiny and nothing is compacted."""
        make = store_module._options

        def tiny():
            options = make()
            options.set_write_buffer_size(64 * 1024)
            options.set_disable_auto_compactions(True)
            options.set_level_zero_slowdown_writes_trigger(2)
            options.set_level_zero_stop_writes_trigger(3)
            return options

        monkeypatch.setattr(store_module, "_options", tiny)
        store = RocksStore(tmp_path / "tiny")
        with pytest.raises(Unavailable, match="asks for time"):
            for number in range(20_000):
                store.write([(b"k%06d" % number, b"v" * 1000)])
        yield store
        store.close()

    def test_a_write_never_waits_and_writes_all_or_nothing(self, stalled):
        stalled.flush()
        before = list(stalled.reader().scan(b"k", b"l"))
        with pytest.raises(Unavailable, match="Write stall"):
            for number in range(20_000):
                stalled.write([(b"la%06d" % number, b"v" * 1000), (b"lb%06d" % number, b"v")])
        kept = {key[2:] for key, _ in stalled.reader().scan(b"la", b"lb")}
        assert kept == {key[2:] for key, _ in stalled.reader().scan(b"lb", b"lc")}
        assert list(stalled.reader().scan(b"k", b"l")) == before

    def test_it_is_no_damage_and_passes(self, stalled):
        assert stalled.damage is None
        stalled._rows.compact_range(None, None)
        stalled.write([(b"again", b"1")])
        assert stalled.reader().get(b"again") == b"1"


def test_a_full_disk_is_no_damage_and_says_what_to_do(tmp_path):
    """A limit on the size of files stands for the disk: what does not fit is refused, and the rows stay readable."""
    store = RocksStore(tmp_path)
    fault = Exception("IO error: No space left on device: While appending to file")
    assert "free some space: this node goes on by itself" in str(store._faults.told(fault))
    assert store.damage is None
    store.write([(b"k", b"1")])
    store.close()


def test_a_store_is_opened_for_reading_while_nothing_is_written(tmp_path):
    store = RocksStore(tmp_path)
    store.write([(b"k", b"1")])
    store.close()
    reading = RocksStore(tmp_path, is_read_only=True)
    assert reading.reader().get(b"k") == b"1"
    with pytest.raises(Unavailable):
        reading.write([(b"k", b"2")])
    reading.close()


def test_a_store_that_is_open_already_is_no_damage(store, tmp_path):
    with pytest.raises(Unavailable, match="open already") as raised:
        RocksStore(tmp_path / "registry")
    assert not isinstance(raised.value, StoreDamaged)


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
        with pytest.raises(StoreDamaged, match="Corruption"):
            list(damaged.reader().scan(b"k", b"l", reverse=reverse))

    def test_a_snapshot_scan_over_a_damaged_block_raises(self, damaged):
        with damaged.snapshot() as reader, pytest.raises(StoreDamaged, match="Corruption"):
            list(reader.scan(b"k", b"l"))

    def test_a_lookup_in_a_damaged_block_raises_and_does_not_say_absent(self, damaged, tmp_path):
        lost = _first_unreadable(tmp_path)
        with RocksStore(tmp_path, is_read_only=True).snapshot() as reader, pytest.raises(StoreDamaged):
            reader.get(lost)
        with pytest.raises(StoreDamaged, match="Corruption"):
            RocksStore(tmp_path, is_read_only=True).reader().get(lost)

    def test_a_scan_that_ends_before_the_damage_is_whole(self, damaged):
        assert len(list(damaged.reader().scan(b"k000000", b"k000100"))) == 100

    def test_damage_found_once_is_damage_for_good(self, damaged):
        snapshot = damaged.snapshot()
        with snapshot as reader, pytest.raises(StoreDamaged):
            list(reader.scan(b"k", b"l"))
        assert "Corruption" in str(damaged.damage)
        for act in (
            lambda: damaged.reader().get(b"k000000"),
            lambda: damaged.reader().scan(b"k", b"l"),
            lambda: damaged.write([(b"k", b"")]),
            lambda: damaged.snapshot().__enter__(),
        ):
            with pytest.raises(StoreDamaged):
                act()

    def test_closing_a_damaged_store_lets_it_be_opened_again(self, damaged, tmp_path):
        damaged.write([(b"z", b"1")])
        with pytest.raises(StoreDamaged):
            list(damaged.reader().scan(b"k", b"l"))
        damaged.close()
        again = RocksStore(tmp_path)
        again.close()

    def test_when_the_list_of_files_has_rotted_a_copy_is_made_of_the_rows(self, store, tmp_path):
        """RocksDB reads that list at an open only: a node offered copies that nobody could open, and served on."""
        store.write([(b"k%d" % number, b"row") for number in range(100)])
        store.flush()
        (manifest,) = (tmp_path / "registry").glob("MANIFEST-*")
        data = bytearray(manifest.read_bytes())
        data[len(data) // 2] ^= 0x10
        manifest.write_bytes(data)
        store.checkpoint(tmp_path / "copy")
        assert store.damage is None
        copy = RocksStore(tmp_path / "copy")
        assert len(list(copy.reader().scan(b"k", b"l"))) == 100
        copy.close()
        store.freeze(tmp_path / "frozen")
        with pytest.raises(StoreDamaged):
            store.read_back(tmp_path / "frozen")
        assert store.damage is not None

    def test_a_rotten_block_that_the_cache_hides_is_found_by_reading_back(self, store, tmp_path):
        store.write([(b"k%06d" % number, bytes([number % 251]) * 200) for number in range(5_000)])
        store.flush()
        assert len(list(store.reader().scan(b"k", b"l"))) == 5_000
        store.freeze(tmp_path / "sound")
        store.read_back(tmp_path / "sound")
        (file,) = (tmp_path / "registry").glob("*.sst")
        with file.open("r+b") as opened:
            opened.seek(file.stat().st_size // 2)
            opened.write(b"rot" * 8)
        assert len(list(store.reader().scan(b"k", b"l"))) == 5_000
        store.freeze(tmp_path / "rotten")
        with pytest.raises(StoreDamaged, match="Corruption"):
            store.read_back(tmp_path / "rotten")

    @pytest.mark.parametrize(("name", "text"), [("CURRENT", "hello"), ("CURRENT", "MANIFEST-000009\n")])
    def test_a_store_whose_files_do_not_lead_to_its_rows_is_damaged(self, tmp_path, name, text):
        RocksStore(tmp_path).close()
        (tmp_path / name).write_text(text)
        with pytest.raises(StoreDamaged):
            RocksStore(tmp_path)

    def test_rows_that_are_looked_up_together_are_not_told_from_a_damaged_block(self, damaged, tmp_path):
        lost = _first_unreadable(tmp_path)
        with pytest.raises(StoreDamaged, match="Corruption"):
            RocksStore(tmp_path, is_read_only=True).reader().get_many([b"k000000", lost, b"none"])


def _first_unreadable(path):
    store, seen = RocksStore(path, is_read_only=True), []
    with pytest.raises(StoreDamaged, match="Corruption"):
        for key, _ in store.reader().scan(b"k", b"l"):
            seen.append(key)
    store.close()
    return b"k%06d" % (int(seen[-1][1:]) + 1)


def test_removed_rows_that_lists_walk_are_counted_until_a_flush(store):
    names = [table + b"a" for table in (keys.LIVE, keys.VERSIONS, keys.UPLOADS, keys.OUTCOMES)]
    store.write([(name, b"1") for name in names])
    assert store.listed_deletes_count == 0
    store.write([(name, None) for name in names])
    assert store.listed_deletes_count == 3
    store.flush()
    assert store.listed_deletes_count == 0


def test_a_flush_that_failed_leaves_the_count_of_removed_rows(tmp_path):
    class Full:
        def flush(self):
            raise Exception("IO error: No space left on device: While appending to file")  # noqa: TRY002 # as rocksdict

    store = RocksStore(tmp_path)
    store.write([(keys.LIVE + b"a", None)])
    rows, store._rows = store._rows, Full()
    with pytest.raises(Unavailable):
        store.flush()
    assert store.listed_deletes_count == 1
    store._rows = rows
    store.close()


def test_a_lookup_reads_a_piece_of_a_large_index_and_not_all_of_it(tmp_path):
    """An index that no shard of the cache takes was read and unpacked again by every lookup."""
    common, chance = random.Random(1).randbytes(900), random.Random(2)
    rows = [(common + number.to_bytes(4, "big"), chance.randbytes(4_096)) for number in range(3_000)]
    chance.shuffle(rows)
    store = RocksStore(tmp_path / "rows")
    for start in range(0, len(rows), 300):
        store.write(rows[start : start + 300])
    store._rows.compact_range(None, None)  # files of the first level are pinned, and small
    reader, looked_up = store.reader(), chance.sample(rows, 200)
    before = bytes_read()
    assert all(reader.get(key) == value for key, value in looked_up)
    assert (bytes_read() - before) / len(looked_up) < 30_000
    store.close()


def bytes_read():
    """By this process so far, from disks and caches of the kernel."""
    lines = Path("/proc/self/io").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("rchar"))
