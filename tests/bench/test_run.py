"""A whole run against tiny stores."""

import pytest

from mys3d.bench import run as module
from mys3d.bench.figures import measured_of
from mys3d.bench.run import Settings, run_all
from mys3d.bench.sign import Keys
from mys3d.bench.target import Target
from mys3d.errors import Unavailable
from tests.bench.tiny_store import tiny_store


class Notes:
    """A watch that keeps what it hears."""

    def __init__(self) -> None:
        self.expected = 0
        self.measured: list[str] = []
        self.told: list[str] = []

    def expects(self, slices_count: int) -> None:
        self.expected = slices_count

    def measures(self, what: str) -> None:
        self.measured.append(what)

    def tells(self, sentence: str) -> None:
        self.told.append(sentence)


@pytest.fixture(autouse=True)
def short_calibration(monkeypatch: pytest.MonkeyPatch) -> None:
    found = module.ceilings
    monkeypatch.setattr(module, "ceilings", lambda workload, concurrency: found(workload, concurrency, 0.05))
    monkeypatch.setattr("mys3d.bench.objects.PUT_KEYS_COUNT", 20)


def quick(*operations: str, **fields: object) -> Settings:
    known = {"sizes": (1000,), "concurrency": (2,), "duration": 0.4, "interleave": 0.1, "objects": 20}
    return Settings(operations, **(known | fields))  # type: ignore[arg-type]


def test_two_targets_are_measured_in_turns_and_left_as_they_were(store) -> None:
    notes = Notes()
    with tiny_store() as second:
        targets = [store.target("A"), second.target("B")]
        rows = list(run_all(targets, quick("put", "get"), notes))
        assert (store.objects, second.objects) == ({}, {})
    assert [(row.operation, row.target, len(row.slices)) for row in rows] == [
        ("put", "A", 4),
        ("put", "B", 4),
        ("get", "A", 4),
        ("get", "B", 4),
    ]
    assert notes.measured[:8] == [f"put 1000 x 2 · {name}" for name in "ABBAABBA"]
    assert notes.expected == len(notes.measured) == 16
    assert any(sentence.startswith("put 1000 x 2: the generator alone does") for sentence in notes.told)
    measured = measured_of(rows)
    assert all(found.figures.requests_count > 0 and found.row.errors == {} for found in measured)
    assert all(found.row.ceiling is not None for found in measured)
    assert measured[1].figures.pace_against_first is not None


def test_every_size_meets_every_concurrency(store) -> None:
    settings = quick("get", sizes=(100, 200), concurrency=(1, 3), duration=0.1)
    rows = list(run_all([store.target()], settings, Notes()))
    assert [(row.size_bytes, row.concurrency) for row in rows] == [(100, 1), (100, 3), (200, 1), (200, 3)]


def test_operations_without_a_size_have_none(store) -> None:
    rows = list(run_all([store.target()], quick("list", "small_files", duration=0.1), Notes()))
    assert {row.size_bytes for row in rows} == {0}
    assert len(rows) == 5


def test_autotune_stops_where_more_connections_bring_nothing(store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "is_worth_more", lambda before, now: before is None)
    rows = list(run_all([store.target()], quick("head", autotune=True, duration=0.1), Notes()))
    assert [row.concurrency for row in rows] == [1, 2]


def test_autoterm_stops_when_enough_is_known(store) -> None:
    rows = list(run_all([store.target()], quick("head", autoterm=1.0, duration=5.0, interleave=0.1), Notes()))
    assert 4 <= len(rows[0].slices) < 50


def test_a_paced_run_tells_its_rate(store) -> None:
    (row,) = run_all([store.target()], quick("head", rate=50.0, duration=0.4, interleave=0.2), Notes())
    assert row.rate == 50.0
    assert sum(slice_.requests_count + slice_.unsent_count for slice_ in row.slices) == 20


def test_what_was_written_stays_on_request(store) -> None:
    list(run_all([store.target()], quick("head", keeps_objects=True, duration=0.1), Notes()))
    assert len(store.objects) == 20


def test_a_target_that_is_down_ends_the_run_before_it_begins(store) -> None:
    targets = [store.target(), Target("other", ("127.0.0.1:1",), Keys("A", "S"), "b", {})]
    with pytest.raises(Unavailable, match="target other does not answer"):
        list(run_all(targets, quick("put"), Notes()))


def test_what_cannot_be_taken_away_is_told_and_the_figures_stand(store) -> None:
    notes = Notes()
    store.spoil = lambda method, _p, status, body: (500 if method == "DELETE" else status, body)
    rows = list(run_all([store.target()], quick("head", duration=0.1), notes))
    assert len(rows) == 1
    assert notes.told[-1].startswith("objects of the bench are left behind: target tiny did not delete")
