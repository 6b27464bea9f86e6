"""Ports that are taken."""

import os
import socket
from collections.abc import Iterator

import pytest

from mys3d.cli.busy_ports import is_busy, listeners_on, owner_of, refuse_busy_ports
from mys3d.cli.failure import Failure
from mys3d.config import Address


@pytest.fixture
def taken() -> Iterator[Address]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield Address("127.0.0.1", listener.getsockname()[1])


def test_a_taken_port_is_busy_and_a_free_one_is_not(taken: Address) -> None:
    assert is_busy(taken)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        free = Address("127.0.0.1", listener.getsockname()[1])
    assert not is_busy(free)


def test_the_owner_is_named_by_process(taken: Address) -> None:
    owner = owner_of(taken.port)
    assert owner is not None
    assert owner.startswith(f"process {os.getpid()} (")


def test_who_listens_on_a_port_is_found() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        assert listeners_on(port) == [os.getpid()]
    assert listeners_on(port) == []
    assert owner_of(port) is None


def test_one_sentence_names_every_taken_port(taken: Address) -> None:
    with pytest.raises(Failure) as caught:
        refuse_busy_ports([("S3", taken), ("admin", taken)])
    said = f"S3 port {taken.port}, admin port {taken.port} taken by process {os.getpid()} ("
    assert caught.value.message.startswith(said)


def test_an_address_that_is_not_ours_is_named() -> None:
    with pytest.raises(Failure, match="cannot listen on 203"):
        is_busy(Address("203.0.113.9", 9000))
