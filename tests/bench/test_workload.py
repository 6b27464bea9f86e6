"""How load is spread, and how much is prepared."""

import itertools

from mys3d.bench.connection import Connection, Request
from mys3d.bench.sign import Keys
from mys3d.bench.target import Target
from mys3d.bench.workload import OBJECTS_BYTES_MAX, Load, spread


def endpoints_of(connections: list[Connection]) -> list[str]:
    return [f"{host}:{port}" for connection in connections for host, port in connection._addresses]


def test_connections_go_round_the_endpoints_and_share_their_sources() -> None:
    target = Target("t", ("h:1", "h:2", "h:3"), Keys("A", "S"), "b", {})
    connections = spread(target, 5, lambda endpoint: itertools.repeat(Request((endpoint.encode(),), "get")))
    assert endpoints_of(connections) == ["h:1", "h:2", "h:3", "h:1", "h:2"]
    assert connections[0].requests is connections[3].requests
    assert next(connections[4].requests).pieces == (b"h:2",)
    assert endpoints_of(spread(target, 1, lambda _: iter(()))) == ["h:1"]


def test_of_large_objects_fewer_are_prepared() -> None:
    assert Load(4096).objects_count == 1000
    assert Load(64 << 20).objects_count * (64 << 20) <= max(OBJECTS_BYTES_MAX, 8 * (64 << 20))
    assert Load(5 << 30).objects_count == 8
