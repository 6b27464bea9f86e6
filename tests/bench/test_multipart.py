"""Uploads in parts."""

from mys3d.bench.load import Bounds, Result, run
from mys3d.bench.multipart import Multipart
from mys3d.bench.workload import Load

LOAD = Load(2500, part_bytes=1000)


def uploads(store, requests_max: int, seconds: float = 30) -> Result:
    workload = Multipart(store.target(), LOAD)
    workload.prepare()
    (phase,) = workload.phases(2)
    assert phase.counted == "multipart"
    return run(phase.connections, Bounds(seconds, requests_max))


def test_an_upload_is_counted_whole(store) -> None:
    result = uploads(store, 20)
    counts = {kind: len(found) for kind, found in result.latencies.items()}
    count = counts["multipart"]
    assert counts == {"create": count, "part": 3 * count, "complete": count, "multipart": count}
    assert (count in (4, 5), result.errors_count, result.body_bytes) == (True, 0, 2500 * count)
    assert {len(body) for body in store.objects.values()} == {2500}
    assert min(result.latencies["multipart"]) > min(result.latencies["complete"])


def test_an_upload_that_was_begun_is_completed(store) -> None:
    result = uploads(store, 10**6, seconds=0.001)
    assert len(result.latencies["multipart"]) == len(result.latencies["create"]) >= 1
    assert store.uploads == {}


def test_a_failed_step_ends_the_upload_and_the_next_begins(store) -> None:
    failures = iter([503] * 3)
    store.spoil = lambda method, path, status, body: (
        (next(failures, status), body) if "uploads=" in path or "partNumber=2" in path else (status, body)
    )
    result = uploads(store, 40)
    assert result.errors == {"status 503": 3}
    assert result.latencies["multipart"]


def test_an_error_in_the_document_of_a_completion_is_an_error(store) -> None:
    store.spoil = lambda method, path, status, body: (
        (200, b"<Error><Code>InternalError</Code></Error>")
        if "uploadId" in path and method == "POST"
        else (status, body)
    )
    assert uploads(store, 5).errors["wrong body"] >= 1


def test_an_upload_without_an_id_is_an_error(store) -> None:
    store.spoil = lambda method, path, status, body: (status, b"<ok/>" if "uploads=" in path else body)
    result = uploads(store, 4)
    assert result.errors == {"wrong body": 4}
