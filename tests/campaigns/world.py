"""A cluster whose nodes have a network namespace and a disk each.        Floor: tests. Called by: conftest, nemeses.

Law: it lives inside a sandbox, so nothing of it outlives the campaign.
"""

from dataclasses import dataclass
from pathlib import Path

from tests.campaigns.cluster import Cluster, Place
from tests.campaigns.disks import LoopDisk
from tests.campaigns.network import Network

S3_PORT = 9000


@dataclass(frozen=True, slots=True)
class World:
    cluster: Cluster
    network: Network
    disks: dict[str, LoopDisk]


def build(
    folder: Path, logs: Path, count: int, disk_bytes: int, extra: tuple[str, ...], environment: dict[str, str]
) -> World:
    """Make links and disks for `count` nodes; nothing runs yet. Raises NotHere."""
    network = Network(count)
    disks = {name: LoopDisk(folder / f"{name}.image", folder / name, disk_bytes) for name in network.names}
    places = [
        Place(
            name,
            network.address(name),
            S3_PORT,
            disks[name].folder / "data",
            logs / f"{name}.log",
            tuple(network.inside(name)),
        )
        for name in network.names
    ]
    return World(Cluster(places, extra, environment), network, disks)
