"""The server that does nothing answers every workload as a store would."""

import os
import socket
import threading
from collections.abc import Iterator

import pytest

from mys3d.bench import null_server
from mys3d.bench.body import BodyMode
from mys3d.bench.catalogue import KINDS
from mys3d.bench.load import Bounds, run
from mys3d.bench.sign import Keys
from mys3d.bench.target import Target
from mys3d.bench.workload import Load


@pytest.fixture
def null() -> Iterator[Target]:
    until, end = os.pipe()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=null_server.serve, args=(listener, until))
        thread.start()
        yield Target("null", (f"127.0.0.1:{listener.getsockname()[1]}",), Keys("A", "S"), "b", {})
        os.close(end)  # as when the standard input closes
        thread.join()
    os.close(until)


@pytest.mark.parametrize("mode", BodyMode)
@pytest.mark.parametrize("name", KINDS)
def test_every_workload_runs_on_it_without_preparing_anything(null: Target, name: str, mode: BodyMode) -> None:
    workload = KINDS[name].make(null, Load(70_000, mode, objects=40, part_bytes=20_000))
    for phase in workload.phases(4):
        result = run(phase.connections, Bounds(30, 60))
        errors = set(result.errors) - {"wrong body"}  # it has the number of bytes right, not the bytes
        assert not errors
        assert sum(map(len, result.latencies.values())) >= 2


def test_requests_may_come_in_pieces_and_leave_at_any_time(null: Target) -> None:
    host, _, port = null.endpoints[0].rpartition(":")
    with socket.create_connection((host, int(port))) as connection:
        for byte in b"PUT /b/k HTTP/1.1\r\ncontent-length:3\r\n\r\nabcDELETE /b/k HTTP/1.1\r\n\r\n":
            connection.sendall(bytes([byte]))
        received = b""
        while received.count(b"\r\n\r\n") < 2:
            received += connection.recv(1000)
        assert received.startswith(b"HTTP/1.1 200 OK")
        assert b"HTTP/1.1 204 No Content" in received
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(b"GET /b/k-100000000 HTTP/1.1\r\n\r\n")
        connection.recv(1000)  # and away
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(b"HEAD /b/k-9 HTTP/1.1\r\n\r\n")
        assert connection.recv(1000).startswith(b"HTTP/1.1 200 OK")
