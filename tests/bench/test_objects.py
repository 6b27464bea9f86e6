"""put, get, head, delete and list against a tiny store."""

import hashlib
import zlib

import pytest

from mys3d.bench import objects
from mys3d.bench.body import BodyMode
from mys3d.bench.load import Bounds, Result, run
from mys3d.bench.workload import Load, Phase, Workload

FEW = Load(1000, objects=10)


def one_slice(workload: Workload, concurrency: int = 3, requests_max: int = 250) -> list[tuple[Phase, Result]]:
    return [(phase, run(phase.connections, Bounds(30, requests_max))) for phase in workload.phases(concurrency)]


@pytest.mark.parametrize("mode", BodyMode)
def test_uploads_differ_and_go_round_a_few_keys(store, mode: BodyMode, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(objects, "PUT_KEYS_COUNT", 20)
    workload = objects.Put(store.target(), Load(1000, mode))
    workload.prepare()
    ((phase, result),) = one_slice(workload)
    assert (phase.name, result.errors_count, len(result.latencies["put"])) == ("put", 0, 250)
    assert (len(store.objects), len(set(store.bodies))) == (20, 250)
    head = store.heads[-1][2]
    if mode is BodyMode.SIGNED:
        digests = {head["x-amz-content-sha256"] for method, _, head in store.heads if method == "PUT"}
        assert digests == {hashlib.sha256(body).hexdigest() for body in store.bodies}
    if mode is BodyMode.CHUNKED:
        body = store.bodies[-1].split(b"\r\n")[1]
        assert (head["x-amz-trailer"], len(body)) == ("x-amz-checksum-crc32", 1000)
        assert zlib.crc32(body)
    assert {head["x-amz-content-sha256"] for _, _, head in store.heads[-2:]} != (
        {"UNSIGNED-PAYLOAD"} if mode is not BodyMode.UNSIGNED else set()
    )


def test_downloads_find_what_was_prepared_and_one_percent_is_compared(store) -> None:
    workload = objects.Get(store.target(), FEW)
    workload.prepare()
    ((_, result),) = one_slice(workload)
    assert (result.errors_count, result.checked_count, result.body_bytes) == (0, 3, 250_000)


def test_a_prepared_object_with_other_bytes_is_found(store) -> None:
    workload = objects.Get(store.target(), FEW)
    workload.prepare()
    store.spoil = lambda method, _, status, body: (status, body[:-1] + b"!" if method == "GET" else body)
    ((_, result),) = one_slice(workload, 1, 1)
    assert result.errors == {"wrong body": 1}


def test_heads_have_no_body(store) -> None:
    workload = objects.Head(store.target(), FEW)
    workload.prepare()
    ((_, result),) = one_slice(workload)
    assert (result.errors_count, len(result.latencies["head"]), result.body_bytes) == (0, 250, 0)


def test_a_delete_meets_an_object_each_time_and_the_next_slice_has_as_many_as_it_takes(store) -> None:
    workload = objects.Delete(store.target(), FEW)
    workload.prepare()
    ((_, result),) = one_slice(workload, requests_max=1000)
    assert (result.errors_count, len(result.latencies["delete"]), store.objects) == (0, 10, {})
    ((_, result),) = one_slice(workload, requests_max=100_000)
    assert result.errors_count == 0
    assert len(result.latencies["delete"]) >= 200


def test_a_listing_is_a_full_page(store) -> None:
    workload = objects.Listing(store.target(), FEW)
    workload.prepare()
    ((_, result),) = one_slice(workload, requests_max=5)
    assert (result.errors_count, result.checked_count) == (0, 1)
    assert "list-type=2&max-keys=1000" in store.heads[-1][1]
    store.objects.popitem()
    ((_, result),) = one_slice(workload, requests_max=1)
    assert result.errors == {"wrong body": 1}
