"""The requests of each kind of run."""

import itertools

import pytest

from mys3d.bench import work
from mys3d.bench.cpu import Cluster
from mys3d.bench.load import Connection, run
from mys3d.bench.work import CannotPrepare, Target


@pytest.fixture
def target(store) -> Target:
    return Target(Cluster((store.endpoint,), "A", "S", "us-east-1", "b", {}), "b")


@pytest.mark.parametrize("size", [1, 7, 8, 16, 17, 4096])
def test_no_two_uploads_have_equal_bodies_while_the_size_allows(store, target: Target, size: int) -> None:
    requests = list(itertools.islice(work.puts(target, store.endpoint, size), work.KEYS_COUNT + 50))
    bodies = [b"".join(request.pieces[1:]) for request in requests]
    assert {len(body) for body in bodies} == {size}
    if size >= 8:
        assert len(set(bodies)) == len(bodies)


def test_two_runs_of_uploads_have_no_bodies_in_common(store, target: Target) -> None:
    first, second = (next(work.puts(target, store.endpoint, 4096)) for _ in range(2))
    assert first.pieces[1:] != second.pieces[1:]


def test_downloads_find_what_was_prepared_and_one_percent_is_compared(store, target: Target) -> None:
    work.prepare_objects(target, 1000, 10)
    connection = Connection(store.endpoint, work.gets(target, store.endpoint, 1000, 10))
    result = run([connection], seconds=30, requests_max=250)
    assert (result.errors_count, result.checked_count, result.body_bytes) == (0, 3, 250_000)


def test_a_prepared_object_with_other_bytes_is_found(store, target: Target) -> None:
    work.prepare_objects(target, 1000, 1)
    store.spoil = lambda method, _, status, body: (status, body[:-1] + b"!" if method == "GET" else body)
    connection = Connection(store.endpoint, work.gets(target, store.endpoint, 1000, 1))
    assert run([connection], seconds=30, requests_max=1).errors == {"wrong body": 1}


def test_a_listing_is_a_full_page(store, target: Target) -> None:
    work.prepare_listing(target)
    connection = Connection(store.endpoint, work.lists(target, store.endpoint))
    result = run([connection], seconds=30, requests_max=2)
    assert (result.errors_count, result.checked_count) == (0, 1)
    assert "list-type=2" in store.heads[-1][1]


def test_a_bucket_that_exists_is_good_enough(store, target: Target) -> None:
    store.spoil = lambda *_: (409, b"")
    work.make_bucket(target)


def test_what_cannot_be_prepared_is_told(store, target: Target) -> None:
    store.spoil = lambda *_: (503, b"")
    with pytest.raises(CannotPrepare, match="status 503"):
        work.make_bucket(target)
    with pytest.raises(CannotPrepare, match="status 503"):
        work.prepare_objects(target, 10, 3)
