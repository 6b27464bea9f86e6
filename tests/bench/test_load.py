"""The generator against a server that answers well, badly, late and never."""

import contextlib
import itertools
import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from mys3d.bench import load
from mys3d.bench.load import Connection, Request, run

GET = b"GET /b/k HTTP/1.1\r\nhost: h\r\n\r\n"


@pytest.fixture
def scripted() -> Iterator[Callable[[list[bytes]], str]]:
    """Serve connections one after the other: to each, once something was received, its answer; then close."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve(answers: list[bytes]) -> None:
        for answer in answers:
            with contextlib.suppress(OSError):  # the generator may have heard enough, or the test may be over
                serve_one(answer)

    def serve_one(answer: bytes) -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(65536)
            for at in range(0, len(answer), 7):  # in crumbs
                connection.sendall(answer[at : at + 7])

    threads: list[threading.Thread] = []

    def start(answers: list[bytes]) -> str:
        threads.append(threading.Thread(target=serve, args=(answers,), daemon=True))
        threads[0].start()
        return f"127.0.0.1:{listener.getsockname()[1]}"

    yield start
    listener.close()


def test_every_request_becomes_one_latency(store) -> None:
    store.objects["/b/k"] = b"x" * 1000
    requests = itertools.repeat(Request((GET,), answer_bytes=1000))
    result = run([Connection(store.endpoint, requests) for _ in range(3)], seconds=30, requests_max=60)
    assert (len(result.latencies), result.errors_count, result.body_bytes) == (60, 0, 60_000)
    assert all(0 < latency < 30 for latency in result.latencies)


def test_a_run_ends_when_its_time_is_over(store) -> None:
    store.objects["/b/k"] = b"x"
    result = run([Connection(store.endpoint, itertools.repeat(Request((GET,))))], seconds=0.2, requests_max=10**6)
    assert result.latencies
    assert 0.2 <= result.seconds < 5


def test_a_body_is_sent_whole_in_its_pieces(store) -> None:
    body = bytes(range(256)) * 8000
    head = b"PUT /b/new HTTP/1.1\r\nhost: h\r\ncontent-length: %d\r\n\r\n" % len(body)
    request = Request((head, body[:10], b"", body[10:]), sent_bytes=len(body))
    result = run([Connection(store.endpoint, iter([request]))], seconds=30, requests_max=5)
    assert (store.objects["/b/new"], result.errors_count, result.body_bytes) == (body, 0, len(body))


def test_a_refusal_is_an_error_and_no_latency(store) -> None:
    result = run([Connection(store.endpoint, itertools.repeat(Request((GET,))))], seconds=30, requests_max=3)
    assert (result.errors, result.latencies) == ({"status 404": 3}, [])


def test_a_wrong_body_is_an_error(store) -> None:
    store.objects["/b/k"] = b"right"
    requests = iter([Request((GET,), check=b"right".__eq__), Request((GET,), check=b"wrong".__eq__)])
    result = run([Connection(store.endpoint, requests)], seconds=30, requests_max=9)
    assert (result.errors, result.checked_count) == ({"wrong body": 1}, 1)


def test_a_run_that_only_fails_is_stopped(store) -> None:
    result = run([Connection(store.endpoint, itertools.repeat(Request((GET,))))], seconds=30, requests_max=10**6)
    assert result.errors["status 404"] == load._ERRORS_MAX


def test_an_answer_in_crumbs_is_understood(scripted: Callable[[list[bytes]], str]) -> None:
    endpoint = scripted([b"HTTP/1.1 200 OK\r\nX: y\r\nCONTENT-LENGTH: 20\r\n\r\n" + b"0123456789" * 2])
    requests = iter([Request((GET,), check=(b"0123456789" * 2).__eq__)])
    result = run([Connection(endpoint, requests)], seconds=30, requests_max=1)
    assert (len(result.latencies), result.errors_count) == (1, 0)


def test_a_server_that_closes_after_each_answer_is_met_anew(scripted: Callable[[list[bytes]], str]) -> None:
    endpoint = scripted([b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"] * 3 + [b""])
    result = run([Connection(endpoint, itertools.repeat(Request((GET,))))], seconds=30, requests_max=3)
    assert (len(result.latencies), result.errors_count) == (3, 0)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nshort", "closed before"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nlonger than declared", "more bytes"),
        (b"HTTP/1.1 200 OK\r\n\r\n", "without content-length"),
        (b"SSH-2.0-OpenSSH\r\n\r\n", "no HTTP/1.1"),
        (b"x" * 70_000, "does not end"),
    ],
)
def test_an_answer_that_is_none_is_an_error(scripted: Callable[[list[bytes]], str], answer: bytes, error: str) -> None:
    endpoint = scripted([answer, b""])
    result = run([Connection(endpoint, iter([Request((GET,))]))], seconds=30, requests_max=1)
    assert result.latencies == []
    assert error in next(iter(result.errors))


def test_a_server_that_never_answers_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "_LINGER_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        connection = Connection(f"127.0.0.1:{listener.getsockname()[1]}", itertools.repeat(Request((GET,))))
        result = run([connection], seconds=0.1, requests_max=1)
    assert result.errors == {"no answer": 1}
