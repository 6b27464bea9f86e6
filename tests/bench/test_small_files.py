"""The life of a tree of small files."""

from typing import Any

from mys3d.bench.load import Bounds, run
from mys3d.bench.small_files import SIZES, SmallFiles
from mys3d.bench.workload import Load


def test_a_tree_is_written_walked_read_and_removed(store) -> None:
    workload = SmallFiles(store.target(), Load(0, objects=90))
    workload.prepare()
    counts = {}
    for phase in workload.phases(3):
        assert not phase.is_timed  # half a tree cannot be read
        result = run(phase.connections, Bounds(30))
        assert result.errors_count == 0
        counts[phase.name] = (sum(map(len, result.latencies.values())), result.checked_count)
        if phase.name == "small_files.write":
            assert {len(body) for body in store.objects.values()} == set(SIZES)
    assert counts == {
        "small_files.write": (90, 0),
        "small_files.walk": (5, 5),
        "small_files.read": (90, 1),
        "small_files.remove": (90, 0),
    }
    assert store.objects == {}


def files_in_lives(store, count: int, **load: Any) -> list[int]:
    workload, found = SmallFiles(store.target(), Load(0, **load)), []
    for _ in range(count):
        for phase in workload.phases(4):
            result = run(phase.connections, Bounds(30))
            if phase.name == "small_files.write":
                found.append(len(result.latencies["put"]))
    return found


def test_a_tree_has_as_many_files_as_half_a_slice_takes(store) -> None:
    first, second = files_in_lives(store, 2, objects=5000, slice_seconds=0.002)
    assert (first, second) == (100, 40)
    first, second = files_in_lives(store, 2, objects=120, slice_seconds=600.0)
    assert (first, second) == (100, 120)


def test_no_two_lives_have_bodies_in_common(store) -> None:
    workload = SmallFiles(store.target(), Load(0, objects=16))
    for _ in range(2):
        for phase in workload.phases(1):
            assert run(phase.connections, Bounds(30)).errors_count == 0
    assert len(set(store.bodies)) == 32


def test_a_file_that_is_missing_or_wrong_is_found(store) -> None:
    workload = SmallFiles(store.target(), Load(0, objects=40))
    store.spoil = lambda method, path, status, body: (status, body[:-1] + b"!" if method == "GET" else body)
    found = {}
    for phase in workload.phases(1):
        if phase.name == "small_files.walk":
            del store.objects[min(store.objects)]
        found[phase.name] = run(phase.connections, Bounds(30)).errors
    assert found["small_files.walk"] == {"wrong body": 1}
    assert found["small_files.read"] == {"status 404": 1}
    assert found["small_files.remove"] == {"status 404": 1}
