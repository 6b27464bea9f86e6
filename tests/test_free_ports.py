"""Ports for tests: two workers, and two tests of one worker, never get the same."""

import socket

import pytest

from tests.free_ports import FIRST, STOP, free_port_run, is_free, own_range


@pytest.mark.parametrize("count", [1, 2, 7])
def test_workers_have_ranges_that_do_not_meet(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    monkeypatch.setenv("PYTEST_XDIST_WORKER_COUNT", str(count))
    behind = FIRST
    for number in range(count):
        monkeypatch.setenv("PYTEST_XDIST_WORKER", f"gw{number}")
        start, stop = own_range()
        assert behind == start < stop <= STOP
        behind = stop


def test_without_workers_all_ports_are_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)
    monkeypatch.delenv("PYTEST_XDIST_WORKER_COUNT", raising=False)
    assert own_range() == (FIRST, STOP)


def test_no_port_is_given_twice_and_none_that_is_taken() -> None:
    given = [(free_port_run(nodes), nodes) for nodes in (1, 3, 1)]
    ports = {first + 10 * k + offset for first, nodes in given for k in range(nodes) for offset in range(3)}
    assert len(ports) == 15
    with socket.create_server(("127.0.0.1", free_port_run(1))) as server:
        port = server.getsockname()[1]
        assert not is_free(port)
        assert free_port_run(1) != port
