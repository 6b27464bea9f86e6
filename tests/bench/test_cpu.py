"""CPU of processes, and which ones listen."""

import os
import socket

import pytest

from mys3d.bench.cpu import CpuMeter, listening_on, process_seconds


def spend(seconds: float) -> None:
    before = process_seconds(os.getpid())
    while process_seconds(os.getpid()) < before + seconds:
        sum(range(10_000))


def test_the_cpu_of_a_process_grows_while_it_works() -> None:
    meter = CpuMeter({"me": os.getpid()})
    spend(0.05)
    assert 0.04 < meter.spent()["me"] < 5.0
    assert 0.03 < meter.own() < 5.0


def test_a_process_that_is_gone_is_an_error() -> None:
    with pytest.raises(ProcessLookupError, match="999999999"):
        process_seconds(999_999_999)


def test_who_listens_on_a_port_is_found() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        assert listening_on(port) == [os.getpid()]
    assert listening_on(port) == []
