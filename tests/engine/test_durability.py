"""What is on disk before what is said: the order of syncs and acknowledgements, on real volumes."""

import errno
import os
import re
import threading
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from mys3d.blobs.store import BlobStore, Folder
from mys3d.blobs.volume import DiskCalls
from mys3d.engine.homes import present_layout
from mys3d.engine.replicate import replicate
from mys3d.engine.service import Service
from mys3d.errors import Unavailable
from mys3d.model.body import BlobRef
from mys3d.model.digest import digest_of
from mys3d.model.names import GcEpoch
from mys3d.ports import Ports

MakeGrid = Callable[[int], Awaitable[Any]]
ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "formats" / "durability.md"
BODY = b"bytes that shall be on three disks"
BLOB = BlobRef(digest_of(BODY), len(BODY))


class Disk:
    """Counts the syncs of one node, holds them back while `gate` is closed, and fails them when told to."""

    def __init__(self) -> None:
        self.syncs_count = 0
        self.is_broken = False
        self.gate = threading.Event()
        self.gate.set()
        self.synced = threading.Event()

    def sync(self, fd: int) -> None:
        assert self.gate.wait(20)
        if self.is_broken:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        os.fdatasync(fd)
        self.syncs_count += 1
        self.synced.set()


@pytest.fixture
async def trinity(make_grid: MakeGrid, nursery: trio.Nursery, tmp_path: Path) -> Any:
    """Three nodes with volumes on disk: the ports of the first one, and the disks."""
    grid = await make_grid(3)
    disks = [Disk() for _ in grid.nodes]
    first: list[Ports] = []
    for number, node in enumerate(grid.nodes):
        calls = DiskCalls(sync=disks[number].sync)
        store = await nursery.start(BlobStore([Folder(tmp_path / str(number))], b"c" * 16, calls=calls).run)
        ports = replace(node.ports, blobs=store)
        grid.network.detach(node.ports.node)
        grid.network.attach(node.ports.node, Service(ports, node.missing, node.scrub), Deaf())
        first.append(ports)
    yield first[0], disks
    for disk in disks:
        disk.gate.set()


class Deaf:
    """Control lanes that nobody listens to."""

    def on_frame(self, *_: object) -> None: ...

    def on_connected(self, *_: object) -> None: ...

    def on_disconnected(self, *_: object) -> None: ...


async def push(ports: Ports) -> tuple[str, ...]:
    return await replicate(ports, present_layout(ports), BLOB.digest, [BODY], GcEpoch(0))


@pytest.mark.parametrize("slow", [0, 1, 2])
async def test_a_blob_is_acknowledged_after_the_syncs_of_its_quorum_and_not_before(trinity: Any, slow: int) -> None:
    ports, disks = trinity
    done: list[tuple[str, ...]] = []
    for disk in disks:
        disk.gate.clear()

    async def put() -> None:
        done.append(await push(ports))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(put)
        first, second = [disk for number, disk in enumerate(disks) if number != slow]
        await wait_all_tasks_blocked(0.02)
        assert done == []
        first.gate.set()
        assert await trio.to_thread.run_sync(first.synced.wait, 20)
        await wait_all_tasks_blocked(0.02)
        assert done == []
        second.gate.set()
        with trio.fail_after(20):
            while not done:
                await trio.lowlevel.checkpoint()
        assert disks[slow].syncs_count == 0
        assert first.syncs_count > 0
        assert second.syncs_count > 0
        disks[slow].gate.set()
    assert len(done[0]) == 2


async def test_all_three_are_synced_when_all_are_well(trinity: Any) -> None:
    ports, disks = trinity
    durable = await push(ports)
    assert len(durable) == sum(disk.syncs_count > 0 for disk in disks) == 3


async def test_a_failed_sync_is_no_copy(trinity: Any) -> None:
    ports, disks = trinity
    disks[1].is_broken = True
    assert len(await push(ports)) == 2
    disks[0].is_broken = True
    with pytest.raises(Unavailable, match="of 2 durable copies"):
        await replicate(ports, present_layout(ports), digest_of(b"more"), [b"more"], GcEpoch(0))


def test_every_test_that_the_page_names_exists() -> None:
    named = re.findall(r"`(tests/\S+)::(test_\w+)`", PAGE.read_text())
    assert len(named) >= 11
    for file, name in named:
        assert re.search(rf"def {name}\b", (ROOT / file).read_text()), f"{file}::{name}"
