"""The life of a tree of small files."""

from mys3d.bench.load import Bounds, run
from mys3d.bench.small_files import SIZES, SmallFiles
from mys3d.bench.workload import Load


def test_a_tree_is_written_walked_read_and_removed(store) -> None:
    workload = SmallFiles(store.target(), Load(0, objects=210))
    workload.prepare()
    counts = {}
    for phase in workload.phases(3):
        result = run(phase.connections, Bounds(30))
        assert result.errors_count == 0
        counts[phase.name] = (sum(map(len, result.latencies.values())), result.checked_count)
        if phase.name == "small_files.write":
            assert {len(body) for body in store.objects.values()} == set(SIZES)
    assert counts == {
        "small_files.write": (210, 0),
        "small_files.walk": (11, 11),
        "small_files.read": (210, 3),
        "small_files.remove": (210, 0),
    }
    assert store.objects == {}


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
