"""Clusters for campaigns: on loopback for everybody, in namespaces and on loop disks for root."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.campaigns.cluster import Cluster, Place
from tests.campaigns.sandbox import NotHere, sandbox
from tests.campaigns.world import World, build
from tests.free_ports import free_port_run

DISK_BYTES = 2 << 30


@pytest.fixture(autouse=True)
def told_to_end() -> Iterator[None]:
    """SIGTERM ends a campaign as Ctrl-C does: nodes are stopped and directories removed."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.fixture
def seed() -> int:
    """MYS3D_CAMPAIGN_SEED, else another one each time; printed, so that a schedule can be repeated."""
    found = int(os.environ.get("MYS3D_CAMPAIGN_SEED") or int.from_bytes(os.urandom(3)))
    print(f"\nseed {found}", flush=True)
    return found


@pytest.fixture
def scale() -> float:
    """MYS3D_CAMPAIGN_SCALE: a part of the whole campaign, to try it."""
    return float(os.environ.get("MYS3D_CAMPAIGN_SCALE") or 1)


@pytest.fixture
def own_world(tmp_path: Path) -> Iterator[Path]:
    """Namespaces of our own and a folder on a RAM disk; skips where that is impossible."""
    with ExitStack() as stack:
        try:
            folder = stack.enter_context(sandbox(tmp_path / "ram"))
        except NotHere as reason:
            pytest.skip(str(reason))
        yield folder


@pytest.fixture
def form_world(own_world: Path, tmp_path: Path) -> Iterator[Callable[..., World]]:
    """Form a cluster of any size in namespaces and on loop disks. Logs stay in the test's directory."""
    formed: list[World] = []

    def form(count: int = 3, disk_bytes: int = DISK_BYTES, extra: tuple[str, ...] = (), **environment: str) -> World:
        try:
            formed.append(build(own_world, tmp_path, count, disk_bytes, extra, environment))
        except NotHere as reason:
            pytest.skip(str(reason))
        formed[-1].cluster.form()
        return formed[-1]

    yield form
    for world in formed:
        world.cluster.stop()


@pytest.fixture
def data_folder(tmp_path: Path) -> Iterator[Path]:
    """Where clusters on loopback keep their data: MYS3D_CAMPAIGN_DIR (a RAM disk, say), else the test's directory."""
    chosen = os.environ.get("MYS3D_CAMPAIGN_DIR")
    if chosen is None:
        yield tmp_path
        return
    with TemporaryDirectory(dir=chosen, prefix="mys3d-campaign-") as folder:
        yield Path(folder)


@pytest.fixture
def loopback_cluster(data_folder: Path, tmp_path: Path) -> Iterator[Callable[..., Cluster]]:
    """Form a cluster of any size on loopback."""
    formed: list[Cluster] = []

    def form(count: int = 3, extra: tuple[str, ...] = (), **environment: str) -> Cluster:
        first = free_port_run(count)
        places = [
            Place(f"n{k}", "127.0.0.1", first + 10 * (k - 1), data_folder / f"n{k}", tmp_path / f"n{k}.log")
            for k in range(1, count + 1)
        ]
        formed.append(Cluster(places, extra, environment))
        formed[-1].form()
        return formed[-1]

    yield form
    for cluster in formed:
        cluster.stop()
