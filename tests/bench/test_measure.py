"""One slice, measured."""

import gc
import os

import pytest

from mys3d.bench.catalogue import KINDS
from mys3d.bench.measure import measure
from mys3d.bench.sign import Keys
from mys3d.bench.target import Target
from mys3d.bench.workload import Load
from mys3d.errors import Unavailable


def test_a_slice_says_what_was_done_and_what_it_cost(store) -> None:
    workload = KINDS["get"].make(store.target(), Load(1000, objects=8))
    workload.prepare()
    found = measure(workload, 2, {"me": os.getpid()}, 0.2)["get"]
    assert found.requests_count == found.latencies["get"].count > 0
    assert (found.body_bytes, found.errors) == (1000 * found.requests_count, {})
    assert list(found.server_cpu_seconds) == ["me"]
    assert found.client_cpu_seconds > 0
    assert 0.19 <= found.seconds < 5
    assert gc.isenabled()


def test_kinds_of_requests_are_kept_apart_beside_the_whole(store) -> None:
    workload = KINDS["mixed"].make(store.target(), Load(100, objects=100))
    workload.prepare()
    found = measure(workload, 2, {}, 0.3)["mixed"]
    assert set(found.latencies) == {"mixed", "get", "put", "delete", "head"}
    assert found.latencies["mixed"].count == sum(
        found.latencies[kind].count for kind in ("get", "put", "delete", "head")
    )


def test_what_counts_as_a_whole_is_counted_as_one(store) -> None:
    workload = KINDS["multipart"].make(store.target(), Load(100, part_bytes=40))
    found = measure(workload, 1, {}, 0.2)["multipart"]
    assert found.requests_count == found.latencies["multipart"].count == found.latencies["complete"].count


def test_a_target_that_went_away_is_told() -> None:
    workload = KINDS["put"].make(Target("t", ("127.0.0.1:1",), Keys("A", "S"), "b", {}), Load())
    with pytest.raises(Unavailable, match="put: the target went away"):
        measure(workload, 1, {}, 0.1)
    assert gc.isenabled()


def test_a_server_process_that_is_gone_is_told(store) -> None:
    workload = KINDS["put"].make(store.target(), Load())
    with pytest.raises(Unavailable, match="process 999999999 is not running"):
        measure(workload, 1, {"it": 999_999_999}, 0.1)
