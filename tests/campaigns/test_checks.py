"""The verdicts of campaigns can fail, and the client knows what it does not know."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import md5
from math import inf
from pathlib import Path

import pytest

from tests.campaigns.checks import Verdict, histories, judge, longest_gap, percentile
from tests.campaigns.client import Answer, Connection, Keys, NoAnswer, NotSent
from tests.campaigns.cluster import Cluster, Place
from tests.campaigns.workload import Plan, Recorder, Workload, wrong_get
from tests.simulation.linear import Operation

KEYS = Keys("key", "secret-key")


@contextmanager
def server(answer: bytes) -> Iterator[int]:
    """Answer one request with these bytes, then close."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                while b"\r\n\r\n" not in connection.recv(1 << 16, socket.MSG_PEEK):
                    pass
                connection.recv(1 << 16)
                connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        thread.join()


def test_a_whole_answer_is_read() -> None:
    with server(b'HTTP/1.1 200 OK\r\nETag: "abc"\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbody') as port:
        assert Connection("127.0.0.1", port, KEYS).ask("GET", "/b/k") == Answer(200, "abc", b"body")


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nbody"])
def test_half_an_answer_is_none(answer: bytes) -> None:
    with server(answer) as port, pytest.raises(NoAnswer):
        Connection("127.0.0.1", port, KEYS).ask("GET", "/b/k")


def test_what_cannot_be_dialled_was_not_sent() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(NotSent):
        Connection("127.0.0.1", port, KEYS).ask("GET", "/b/k")


def test_a_list_is_read_by_key() -> None:
    entry = b"<Contents><Key>r/%03d</Key><Size>1</Size><ETag>&quot;%s&quot;</ETag></Contents>"
    body = b"<ListBucketResult>" + entry % (1, b"aa") + entry % (2, b"bb") + b"</ListBucketResult>"
    assert Answer(200, "", body).listed() == {"r/001": "aa", "r/002": "bb"}


def test_bytes_under_a_wrong_etag_are_wrong() -> None:
    body = b"what was asked for"
    assert wrong_get("k", Answer(200, md5(body).hexdigest(), body)) is None
    assert wrong_get("k", Answer(200, md5(b"other").hexdigest(), body)) is not None
    assert wrong_get("k", Answer(404, "", b"<Code>NoSuchKey</Code>")) is None
    assert wrong_get("k", Answer(404, "", b"<Code>NoSuchBucket</Code>")) is not None


def workload_of(recorder: Recorder) -> Workload:
    workload = Workload(Cluster([]), Plan(1, clients=0))
    workload.also.append(recorder)
    workload.began, workload.ended = 0.0, 1.0
    return workload


def verdict_of(*operations: Operation) -> list[str]:
    recorder = Recorder(operations=[("k", operation) for operation in operations])
    workload, verdict = workload_of(recorder), Verdict("test", 1)
    judge(verdict, workload, Recorder(), rate_min=0.0)
    return verdict.problems


def test_a_lost_put_a_stale_read_and_a_kept_promise() -> None:
    put, other = Operation("put", "a", 0.0, 1.0), Operation("put", "b", 2.0, 3.0)
    assert verdict_of(put, other, Operation("get", "b", 4.0, 5.0)) == []
    assert verdict_of(put, Operation("get", None, 2.0, 3.0))
    assert verdict_of(put, other, Operation("get", "a", 4.0, 5.0))
    assert verdict_of(put, Operation("delete", None, 2.0, inf), Operation("get", None, 4.0, 5.0)) == []


def test_a_run_that_did_too_little_is_void() -> None:
    verdict = Verdict("test", 1)
    judge(verdict, workload_of(Recorder()), Recorder())
    assert "void" in verdict.problems[0]
    with pytest.raises(AssertionError, match="1 problems"):
        verdict.conclude()


def test_gaps_and_percentiles() -> None:
    assert longest_gap([1.0, 2.0, 7.0], 0.5, 8.0) == 5.0
    assert longest_gap([], 0.0, 3.0) == 3.0
    assert percentile([], 50) == 0.0
    assert percentile(range(100), 99) == 99


def test_histories_are_joined_by_key() -> None:
    one, two = Operation("get", None, 0.0, 1.0), Operation("get", None, 2.0, 3.0)
    assert histories([Recorder([("a", one)]), Recorder([("a", two), ("b", one)])]) == {"a": [one, two], "b": [one]}


def test_a_node_that_ends_unasked_is_remembered_and_started_again(tmp_path: Path) -> None:
    place = Place("n1", "127.0.0.1", 1, tmp_path / "n1", tmp_path / "n1.log", ("sh", "-c", "echo fault; exit 3"))
    cluster = Cluster([place])
    cluster.launch("n1")
    deadline = time.monotonic() + 30
    while cluster.nodes["n1"].starts_count < 2 and time.monotonic() < deadline:
        cluster.wait(0.05)
    cluster.stop()
    assert cluster.nodes["n1"].starts_count == 2
    assert "n1 ended with 3" in cluster.crashes[0]
    assert "fault" in cluster.crashes[0]
