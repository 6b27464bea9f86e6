"""CPU of processes."""

import os

import pytest

from mys3d.bench.cpu import CpuMeter, process_seconds


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
