"""One connection: partial sends, other endpoints, early answers."""

import socket
import struct
import threading
from collections.abc import Iterator

import pytest

from mys3d.bench import connection as module
from mys3d.bench.connection import Connection, Request


@pytest.fixture
def listeners() -> Iterator[list[socket.socket]]:
    found = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
    yield found
    for listener in found:
        listener.close()


def endpoint_of(listener: socket.socket) -> str:
    return f"127.0.0.1:{listener.getsockname()[1]}"


def test_a_large_request_is_sent_as_the_socket_takes_it(listeners: list[socket.socket]) -> None:
    connection = Connection((endpoint_of(listeners[0]),), iter(()))
    connection.connect()
    other, _ = listeners[0].accept()
    body = bytes(range(256)) * 40_000
    connection.start(Request([body[at : at + 1000] for at in range(0, len(body), 1000)], "put"), 0.0)
    assert not connection.send()  # nobody has read yet
    assert not connection.can_go_on()
    received = bytearray()
    reader = threading.Thread(target=lambda: received.extend(iter_all(other, len(body))))
    reader.start()
    while not connection.send():
        pass
    reader.join()
    assert received == body
    connection.close()
    other.close()


def iter_all(source: socket.socket, count: int) -> bytes:
    found = bytearray()
    while len(found) < count:
        found += source.recv(1 << 20)
    return bytes(found)


def test_the_next_endpoint_takes_over_and_the_first_is_looked_at_again(
    listeners: list[socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_HOME_SECONDS", 0.0)
    first, second = map(endpoint_of, listeners)
    listeners[0].close()
    connection = Connection((first, second), iter(()))
    connection.connect()
    assert connection.socket is not None
    assert connection.socket.getpeername()[1] == int(second.rpartition(":")[2])
    assert connection.look_home(1e12)
    assert not connection.look_home(1e12)  # it is on its way
    connection.close()
    listeners[1].close()
    with pytest.raises(OSError, match=r"."):
        connection.connect()


def test_nothing_to_receive_yet_is_no_answer(listeners: list[socket.socket]) -> None:
    connection = Connection((endpoint_of(listeners[0]),), iter(()))
    connection.connect()
    connection.start(Request((b"x",), "get"), 0.0)
    assert not connection.receive(memoryview(bytearray(10)))
    connection.close()
    connection.close()  # twice is once


def test_nobody_left_while_nothing_came_and_a_reset_is_a_leave(listeners: list[socket.socket]) -> None:
    connection = Connection((endpoint_of(listeners[0]),), iter(()))
    connection.connect()
    other, _ = listeners[0].accept()
    assert not connection.was_left(memoryview(bytearray(10)))
    other.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    other.close()
    assert connection.was_left(memoryview(bytearray(10)))
    connection.close()
