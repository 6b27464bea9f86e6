"""The store of the registry on a disk that forgets the names nobody synced."""

from random import Random

import pytest

from mys3d.consensus.generations import GenerationStore
from tests.simulation.files import Disk
from tests.simulation.install import installed
from tests.simulation.machine import DISKS, OS, SimulatedPath


@pytest.mark.parametrize("seed", range(8))
def test_the_first_store_survives_a_power_cut_once_it_was_flushed(seed: int) -> None:
    with installed(seed, {}):
        DISKS["t"] = disk = Disk("/simulated/t", Random(seed))
        disk.boot()
        OS.mkdir("/simulated/t/data")
        disk.top.sync()
        registry = SimulatedPath("/simulated/t/data/registry")
        store = GenerationStore(registry)
        store.write([(b"key", b"value")])
        store.flush()
        disk.lose_power()
        disk.boot()
        assert GenerationStore(registry).reader().get(b"key") == b"value"
