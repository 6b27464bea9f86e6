"""The record of all doors: what it brings along by itself."""

from typing import Any

from mys3d.model.body import BlobRef
from mys3d.model.digest import digest_of
from mys3d.model.names import NodeId
from mys3d.ports import NoRepairs, Ports


def ports_of_nothing() -> Ports:
    door: Any = object()
    return Ports(NodeId("1" * 32), door, door, door, door, door)


def test_without_a_repair_a_missing_blob_is_wanted_by_nobody() -> None:
    ports = ports_of_nothing()
    assert isinstance(ports.repairs, NoRepairs)
    ports.repairs.want(BlobRef(digest_of(b"x"), 1))


def test_each_node_keeps_its_own_pace_of_its_peers() -> None:
    one, two = ports_of_nothing(), ports_of_nothing()
    one.pace.missed("n2")
    assert (one.pace.misses("n2"), two.pace.misses("n2")) == (1, 0)
