"""Records that RocksDB would read for ever are found before it reads them."""

import errno
from pathlib import Path

import pytest

from mys3d.consensus.store import RocksStore
from mys3d.consensus.store_faults import StoreDamaged
from mys3d.consensus.store_manifest import refuse_strange_records
from mys3d.errors import Unavailable

KIND = 6  # where a record's kind lies


@pytest.fixture
def registry(tmp_path: Path) -> Path:
    for _ in range(3):
        store = RocksStore(tmp_path)
        store.write([(b"k", b"1")])
        store.close()
    return tmp_path


def manifest_of(registry: Path) -> Path:
    return registry / (registry / "CURRENT").read_text().strip()


def starts(data: bytes) -> list[int]:
    """Where the records of a MANIFEST of one block begin."""
    found = [0]
    while found[-1] < len(data):
        found.append(found[-1] + 7 + int.from_bytes(data[found[-1] + 4 : found[-1] + 6], "little"))
    return found[:-1]


def test_a_manifest_of_rocksdb_passes(registry: Path) -> None:
    refuse_strange_records(registry)
    assert len(starts(manifest_of(registry).read_bytes())) > 3


@pytest.mark.parametrize("kind", [0, 5, 6, 7, 8, 9, 129])
def test_a_record_of_a_kind_that_rocksdb_never_writes_is_damage(registry: Path, kind: int) -> None:
    path = manifest_of(registry)
    for start in starts(path.read_bytes()):
        data = bytearray(path.read_bytes())
        before, data[start + KIND] = data[start + KIND], kind
        path.write_bytes(data)
        with pytest.raises(StoreDamaged, match=f"a record of kind {kind} at {start}"):
            RocksStore(registry)
        data[start + KIND] = before
        path.write_bytes(data)
    RocksStore(registry).close()


def test_a_manifest_longer_than_a_block_is_read_block_by_block(registry: Path) -> None:
    """A block's last bytes hold no record when there is no room for a head."""
    path = manifest_of(registry)
    data = path.read_bytes()
    room = 32 * 1024 - len(data) - 7
    path.write_bytes(data + bytes(4) + (room - 3).to_bytes(2, "little") + b"\x01" + bytes(room) + data)
    refuse_strange_records(registry)


def test_a_tail_of_zeros_passes(registry: Path) -> None:
    path = manifest_of(registry)
    path.write_bytes(path.read_bytes() + bytes(100))
    refuse_strange_records(registry)


@pytest.mark.parametrize("text", ["MANIFEST-999999\n", "../MANIFEST-000001\n", "\xff\x00", ""])
def test_a_current_file_that_leads_nowhere_is_damage(registry: Path, text: str) -> None:
    (registry / "CURRENT").write_bytes(text.encode("latin-1"))
    with pytest.raises(StoreDamaged):
        RocksStore(registry)


def test_a_manifest_that_the_disk_does_not_give_is_damage(registry: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: Path) -> bytes:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(Path, "read_bytes", fail)
    with pytest.raises(StoreDamaged):
        RocksStore(registry)


def test_a_manifest_that_may_not_be_read_is_no_damage(registry: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: Path) -> bytes:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(Unavailable, match="right to read") as raised:
        RocksStore(registry)
    assert not isinstance(raised.value, StoreDamaged)


def test_an_empty_directory_passes(tmp_path: Path) -> None:
    refuse_strange_records(tmp_path)
