"""What is put in place, and taken away."""

from collections.abc import Callable
from typing import Any

import pytest

from mys3d.bench import prepare
from mys3d.bench.sign import Keys
from mys3d.bench.target import Target
from mys3d.errors import Unavailable


def test_objects_are_there_with_their_bodies(store) -> None:
    prepare.upload(store.target(), [(f"bench/x/{number}-20", 20, number) for number in range(40)])
    assert len(store.objects) == len(set(store.objects.values())) == 40
    assert prepare.list_page(store.target(), "bench/x/", "bench/x/38-20") == [
        f"bench/x/{number}-20" for number in (39, 4, 5, 6, 7, 8, 9)
    ]


def test_all_that_was_written_is_taken_away_and_nothing_else(store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prepare, "PAGE_KEYS_COUNT", 7)
    monkeypatch.setattr("mys3d.bench.caller.PAGE_KEYS_COUNT", 7)
    prepare.upload(store.target(), [(f"bench/{number}-20", 20, number) for number in range(1000)])
    store.objects["/b/mine"] = b"kept"
    assert prepare.sweep(store.target()) == 1000
    assert store.objects == {"/b/mine": b"kept"}
    assert prepare.sweep(store.target()) == 0


def test_a_bucket_that_exists_is_good_enough(store) -> None:
    store.spoil = lambda *_: (409, b"")
    prepare.make_bucket(store.target())


def test_a_server_that_has_just_been_started_is_given_time(store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prepare, "_START_PAUSE_SECONDS", 0.0)
    answers = iter([503, 500, 200])
    store.spoil = lambda *_: (next(answers), b"")
    prepare.make_bucket(store.target())
    assert next(answers, None) is None


def test_keys_of_a_page_are_unescaped() -> None:
    assert prepare.keys_of(b"<Contents><Key>a&amp;b</Key></Contents><Key>c</Key>") == ["a&b", "c"]


def test_a_target_says_what_it_is(store) -> None:
    assert prepare.software_of(store.target()).startswith("Tiny/1")


@pytest.mark.parametrize(
    "act",
    [
        prepare.make_bucket,
        lambda target: prepare.upload(target, [("bench/k-10", 10, 0)]),
        lambda target: prepare.list_page(target, ""),
        prepare.sweep,
    ],
)
def test_what_cannot_be_prepared_is_told(store, act: Callable[[Target], Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prepare, "_START_SECONDS", 0.0)
    store.spoil = lambda *_: (503, b"")
    with pytest.raises(Unavailable, match=r"target tiny .* 1 times status 503"):
        act(store.target())


def test_what_cannot_be_taken_away_is_told(store) -> None:
    store.objects["/b/bench/k"] = b"x"
    store.spoil = lambda method, _p, status, body: (500 if method == "DELETE" else status, body)
    with pytest.raises(Unavailable, match="did not delete"):
        prepare.sweep(store.target())


def test_cleaning_tells_who_cannot_and_goes_on(store) -> None:
    told: list[str] = []
    store.objects["/b/bench/k"] = b"x"
    gone = Target("gone", ("127.0.0.1:1",), Keys("A", "S"), "b", {})
    prepare.clean([gone, store.target()], told.append)
    assert store.objects == {}
    assert len(told) == 1
    assert told[0].startswith("objects of the bench are left behind: target gone does not answer")


def test_nobody_there_is_told() -> None:
    with pytest.raises(Unavailable, match="does not answer at http"):
        prepare.make_bucket(Target("t", ("127.0.0.1:1",), Keys("A", "S"), "b", {}))
