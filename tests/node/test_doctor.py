"""The files of a stopped node are looked at, and nothing of them changes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trio

from mys3d.blobs.volume import SUFFIX
from mys3d.config import NodeConfig
from mys3d.consensus.store import RocksStore
from mys3d.errors import Unavailable
from mys3d.node import run_node
from mys3d.node.doctor import examine
from mys3d.registry import keys, tables
from mys3d.registry.transaction import Overlay

Build = Callable[..., NodeConfig]


@pytest.fixture
async def stopped(config_of: Build) -> NodeConfig:
    """A node that founded a cluster with a bucket, and was stopped."""
    config = config_of(bucket="photos")
    with trio.CancelScope() as scope:
        await run_node(config, on_ready=lambda _: scope.cancel())
    return config


def bytes_of(path: Path) -> dict[str, bytes]:
    """Every file, without the logs that RocksDB writes when it reads."""
    return {
        str(found.relative_to(path)): found.read_bytes()
        for found in sorted(path.rglob("*"))
        if found.is_file() and "LOG" not in found.name
    }


def changed(path: Path, position: int) -> None:
    data = bytearray(path.read_bytes())
    data[position] ^= 1
    path.write_bytes(data)


async def test_a_sound_node_has_nothing_wrong_and_is_not_touched(stopped: NodeConfig) -> None:
    before = bytes_of(stopped.data)
    assert list(examine(stopped)) == []
    assert bytes_of(stopped.data) == before


async def test_a_rotten_registry_is_told_of_with_what_will_happen(stopped: NodeConfig) -> None:
    for file in stopped.registry_path.rglob("*.sst"):
        changed(file, 20)
    (sentence,) = examine(stopped)
    assert "Corruption" in sentence
    assert sentence.endswith("the next start makes it anew, from the journal or another node")


async def test_rows_that_contradict_each_other_are_named(stopped: NodeConfig) -> None:
    store = RocksStore(next(stopped.registry_path.glob("g-*")))
    store.write([(keys.GC_EPOCH, None)])
    store.close()
    assert "a cluster has a layout and an epoch of collection" in " ".join(examine(stopped))


async def test_a_damaged_journal_is_told_of(stopped: NodeConfig) -> None:
    changed(next((stopped.data / "journal").glob("*.log")), 3)
    assert "the node will not start with it" in " ".join(examine(stopped))


@pytest.mark.parametrize(
    ("index", "term", "sentence"),
    [(10**6, 1, "entries were lost from it"), (3, 99, "in term 99, and the journal has it in term")],
)
async def test_a_registry_that_the_journal_contradicts(
    stopped: NodeConfig, index: int, term: int, sentence: str
) -> None:
    store = RocksStore(next(stopped.registry_path.glob("g-*")))
    overlay = Overlay(store.reader())
    tables.put_applied(overlay, index, term)  # type: ignore[arg-type] # numbers of a test
    store.write(overlay.writes())
    store.close()
    assert sentence in " ".join(examine(stopped))


async def test_a_volume_that_is_gone_is_told_of_for_each_of_its_blobs(config_of: Build, tmp_path: Path) -> None:
    config = config_of(bucket="photos")
    with trio.CancelScope() as scope:
        await run_node(config, on_ready=lambda _: scope.cancel())
    for path in config.blobs[0].path.rglob(f"*{SUFFIX}"):
        path.write_bytes(b"?" * 4096)
    assert any(SUFFIX in sentence for sentence in examine(config)) or not list(config.data.rglob(f"*{SUFFIX}"))


async def test_a_directory_of_no_node_is_refused(config_of: Build) -> None:
    with pytest.raises(Unavailable):
        list(examine(config_of("nobody")))


def test_an_entry_below_the_journal_needs_a_snapshot() -> None:
    from mys3d.node.doctor import _store_against_journal

    entries: Any = [(b"\x01", 50, 3), (b"\x00", 51, 3)]
    assert "a snapshot is needed" in " ".join(_store_against_journal(entries, 7, 1))
    assert list(_store_against_journal(entries, 51, 3)) == []
