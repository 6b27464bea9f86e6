"""Every profile can be run, gets its turn, and its faults strike where they say."""

from random import Random
from types import SimpleNamespace
from typing import Any

import pytest

from mys3d.consensus.disk import FileDisk, Work
from mys3d.consensus.segments import JournalDamaged, pack_entry
from tests.simulation.aimed import Aimed
from tests.simulation.files import Disk
from tests.simulation.machine import DISKS, OS, SimulatedPath
from tests.simulation.profiles import PROFILES, profile_of
from tests.simulation.storm import Storm


def test_seeds_take_turns_with_the_profiles() -> None:
    found = [profile_of(seed) for seed in range(200)]
    assert set(found) == set(PROFILES)
    assert min(found.count(name) for name in PROFILES) >= 10
    assert found.count("any-weather") > 100


@pytest.mark.parametrize("name", PROFILES)
def test_a_storm_knows_the_faults_of_every_profile(name: str) -> None:
    faults = PROFILES[name].faults
    world: Any = SimpleNamespace(dice=Random(1), profile=PROFILES[name])
    assert Storm(world)._kinds
    assert faults is None or set(Storm(world)._kinds) == set(faults)


@pytest.mark.parametrize("seed", range(12))
def test_rot_in_fresh_batches_is_damage_and_never_a_torn_tail(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mys3d.consensus.disk.os", OS)
    DISKS["t"] = disk = Disk("/simulated/t", Random(seed))
    disk.boot()
    folder = SimulatedPath("/simulated/t/journal")
    journal = FileDisk(folder, b"c" * 16)
    journal.load()
    for index in range(2, 14):
        entry = (b"\0command %d" % index, index, 1)
        journal.write(Work(pack_entry(entry), (1, None), entry, index))
    files = [(path.name, disk.look(str(path))) for path in sorted(folder.glob("*"))]
    world: Any = SimpleNamespace(dice=Random(seed), nodes=[])
    node: Any = SimpleNamespace(journal=lambda: files)
    Aimed(world).rot_fresh_batches(node)
    with pytest.raises(JournalDamaged):
        FileDisk(folder, b"c" * 16).load()
    DISKS.clear()
