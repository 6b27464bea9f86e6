"""One flipped bit in any file of a registry: its rows are right, or it says that it is damaged. Never a wrong row.

A store may open as it was at an earlier flush (a flip in the MANIFEST ends it early): then its applied row says so, and
the journal is replayed from there. `make rot-registry` flips more often.
"""

import os
import shutil
from pathlib import Path
from random import Random

import pytest

from mys3d.consensus.store import RocksStore
from mys3d.consensus.store_faults import StoreDamaged
from mys3d.errors import Unavailable
from mys3d.registry import tables
from mys3d.registry.memory import MemoryRows
from mys3d.registry.transaction import Overlay

KINDS = (".sst", "MANIFEST", "CURRENT", "OPTIONS", ".sst", "rocksdict-config.json", "IDENTITY")
FLIPS = int(os.environ.get("MYS3D_ROT_FLIPS", "200"))
LAST = b"\xff" * 9
Rows = dict[bytes, bytes]


def written(path: Path) -> list[Rows]:
    """A store of several files; all its rows as they were at each flush, by the applied index."""
    store, random, model = RocksStore(path), Random(1), MemoryRows()
    states = [dict(model.rows())]
    for index in range(1, 5):
        overlay = Overlay(model)
        tables.put_applied(overlay, index, 1)
        for _ in range(1_500):
            key = b"k%05d" % random.randrange(3_000)
            if random.random() < 0.2:
                overlay.delete(key)
            else:
                overlay.put(key, random.randbytes(random.randrange(20, 120)))
        model.commit(overlay.writes())
        store.write(overlay.writes())
        store.flush()
        states.append(dict(model.rows()))
    store.close()
    return states


def flip(directory: Path, kind: str, random: Random) -> str:
    """Flip one bit of one file of a kind; say which."""
    files = [
        path
        for path in sorted(directory.iterdir())
        if path.is_file() and path.stat().st_size and (path.suffix == kind or path.name.startswith(kind))
    ]
    path = random.choice(files)
    data = bytearray(path.read_bytes())
    position, bit = random.randrange(len(data)), random.randrange(8)
    data[position] ^= 1 << bit
    path.write_bytes(data)
    return f"bit {bit} of byte {position} of {path.name}"


def check(store: RocksStore, states: list[Rows], what: str) -> None:
    """Every answer is that of the state which the applied row names. Raises StoreDamaged."""
    expected = states[store.applied_at_open[0]]
    rows = {key: value for key, value in store.reader().scan(b"", LAST) if key != b"z"}
    assert rows == expected, f"a scan after {what}"
    for key in [b"k%05d" % number for number in range(0, 3_000, 37)]:
        assert store.reader().get(key) == expected.get(key), f"row {key!r} after {what}"
    with store.snapshot() as snapshot:
        back = {key: value for key, value in snapshot.scan(b"", LAST, reverse=True) if key != b"z"}
        assert back == expected, f"a scan downwards after {what}"


def verdict(directory: Path, states: list[Rows], what: str) -> str:
    """Open, read, write, compact and read again: "whole" or "damaged"."""
    try:
        store = RocksStore(directory)
    except StoreDamaged:
        return "damaged"
    try:
        check(store, states, what)
        store.write([(b"z", b"1")])
        store.flush()
        store._rows.compact_range(None, None)
        check(store, states, f"compaction and {what}")
    except StoreDamaged:
        return "damaged"
    finally:
        store.close()
    return "whole"


def tried(tmp_path: Path, seeds: range) -> list[str]:
    states = written(tmp_path / "whole")
    found = []
    for seed in seeds:
        directory = tmp_path / f"flip-{seed}"
        shutil.copytree(tmp_path / "whole", directory)
        kind = KINDS[seed % len(KINDS)]
        what = f"seed {seed}: {flip(directory, kind, Random(seed))}"
        found.append(f"{kind} {verdict(directory, states, what)}")
        shutil.rmtree(directory)
    return found


def test_a_flipped_bit_gives_no_wrong_row(tmp_path: Path) -> None:
    found = tried(tmp_path, range(21))
    assert {".sst damaged", "MANIFEST damaged", "CURRENT damaged"} <= set(found)
    assert found.count("OPTIONS whole") == 3


@pytest.mark.campaign
def test_many_flipped_bits_give_no_wrong_row(tmp_path: Path) -> None:
    found = tried(tmp_path, range(1_000, 1_000 + FLIPS))
    print({name: found.count(name) for name in sorted(set(found))})
    assert found.count(".sst damaged") > len(found) // 7


def test_a_store_whose_newest_file_is_lost_is_damaged(tmp_path: Path) -> None:
    written(tmp_path / "whole")
    max((tmp_path / "whole").glob("*.sst")).unlink()
    with pytest.raises(StoreDamaged):
        RocksStore(tmp_path / "whole")


def test_a_cut_file_of_rows_gives_no_wrong_row(tmp_path: Path) -> None:
    states = written(tmp_path / "whole")
    path = max((tmp_path / "whole").glob("*.sst"))
    os.truncate(path, path.stat().st_size // 2)
    assert verdict(tmp_path / "whole", states, "a cut") == "damaged"


def test_reading_a_store_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Unavailable):
        RocksStore(tmp_path / "nothing", is_read_only=True)
