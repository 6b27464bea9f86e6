"""What RocksDB says, and which of our three answers it is."""

from pathlib import Path

import pytest

from mys3d.consensus.store import Faults, RocksStore
from mys3d.consensus.store_faults import StoreDamaged, fault_of, is_of_rocksdb
from mys3d.errors import Unavailable

PATH = Path("/registry")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Result incomplete: Write stall", "asks for time"),
        ("IO error: No space left on device: While appending to file: 000019.sst: No space left on device", "is full"),
        ("IO error: lock hold by current process, acquire time 1795702744", "open already"),
        ("IO error: While lock file: /registry/LOCK: Resource temporarily unavailable", "another process"),
        ("IO error: While open a file for random read: Permission denied", "the right to read"),
        ("IO error: Read-only file system", "for writing"),
        ("IO error: Too many open files", "ulimit"),
        ("DB instance already closed", "is stopping"),
    ],
)
def test_what_passes_or_what_an_operator_can_mend_is_no_damage(text: str, told: str) -> None:
    found = fault_of(Exception(text), PATH)
    assert told in str(found)
    assert str(PATH) in str(found)
    assert type(found) is Unavailable


@pytest.mark.parametrize(
    "text",
    [
        "Corruption: block checksum mismatch: stored = 1, computed = 2",
        "Corruption: CURRENT file corrupted",
        "IO error: No such file or directory: While opening a file for sequentially reading",
        "IO error: Input/output error: While fsync: 000019.sst",
        "something never seen before",
        "",
    ],
)
def test_everything_else_is_damage(text: str) -> None:
    assert isinstance(fault_of(Exception(text), PATH), StoreDamaged)


@pytest.mark.parametrize(
    "error", [AttributeError("no such name"), TypeError(), AssertionError(), OSError(), KeyError()]
)
def test_an_exception_of_another_class_is_our_own_fault_and_passes_unchanged(error: Exception) -> None:
    assert not is_of_rocksdb(error)
    faults = Faults(PATH)
    with pytest.raises(type(error)) as raised:
        raise faults.told(error)
    assert raised.value is error
    assert faults.damage is None


def test_a_broken_promise_of_a_scan_is_damage() -> None:
    faults = Faults(PATH)
    assert "ended early" in str(faults.told(StoreDamaged("a scan ended early")))
    assert "ended early" in str(faults.damage)


def test_a_closed_store_is_no_damage_and_no_fault_of_ours(tmp_path: Path) -> None:
    store = RocksStore(tmp_path)
    store.close()
    with pytest.raises(Unavailable, match="is stopping"):
        store.reader().get(b"k")
    assert store.damage is None
