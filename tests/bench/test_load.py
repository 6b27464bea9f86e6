"""The generator against a server that answers well, badly, late and never."""

import contextlib
import itertools
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from mys3d.bench import load
from mys3d.bench.answer import Answer
from mys3d.bench.connection import Connection, Request
from mys3d.bench.load import Bounds, Pace, Result, run

GET = b"GET /b/k HTTP/1.1\r\nhost: h\r\n\r\n"


def get(**fields: object) -> Request:
    return Request((GET,), "get", **fields)  # type: ignore[arg-type]


def ask(endpoint: str, requests: Iterator[Request], requests_max: int = 1, seconds: float = 30) -> Result:
    return run([Connection((endpoint,), requests)], Bounds(seconds, requests_max))


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
    requests = itertools.repeat(get(answer_bytes=1000))
    result = run([Connection((store.endpoint,), requests) for _ in range(3)], Bounds(30, 60))
    assert (len(result.latencies["get"]), result.errors_count, result.body_bytes) == (60, 0, 60_000)
    assert all(0 < latency < 30 for latency in result.latencies["get"])


def test_a_run_ends_when_its_time_is_over(store) -> None:
    store.objects["/b/k"] = b"x"
    result = ask(store.endpoint, itertools.repeat(get()), 10**6, seconds=0.2)
    assert result.latencies["get"]
    assert 0.19 <= result.seconds < 5


def test_a_run_ends_when_somebody_says_so(store) -> None:
    store.objects["/b/k"] = b"x"
    answers: list[Answer] = []
    bounds = Bounds(30, is_over=lambda: len(answers) >= 5)
    run([Connection((store.endpoint,), itertools.repeat(get(ended=answers.append)))], bounds)
    assert [answer.status for answer in answers] == [200] * 5


def test_what_belongs_together_is_finished_although_the_time_is_over(store) -> None:
    store.objects["/b/k"] = b"x"

    def parts() -> Iterator[Request]:
        yield get(goes_on=True, ended=lambda _: time.sleep(0.05))
        yield get(whole=("both", time.perf_counter()))
        yield get()

    result = ask(store.endpoint, parts(), 10, seconds=0.01)
    assert (len(result.latencies["get"]), len(result.latencies["both"])) == (2, 1)


def test_a_body_is_sent_whole_in_its_pieces(store) -> None:
    body = bytes(range(256)) * 8000
    head = b"PUT /b/new HTTP/1.1\r\nhost: h\r\ncontent-length: %d\r\n\r\n" % len(body)
    request = Request((head, body[:10], b"", body[10:]), "put", sent_bytes=len(body))
    result = ask(store.endpoint, iter([request]))
    assert (store.objects["/b/new"], result.errors_count, result.body_bytes) == (body, 0, len(body))


def test_a_refusal_is_an_error_and_no_latency(store) -> None:
    answers: list[Answer] = []
    result = ask(store.endpoint, itertools.repeat(get(ended=answers.append)), 3)
    assert (result.errors, dict(result.latencies)) == ({"status 404": 3}, {})
    assert [answer.status for answer in answers] == [404] * 3


def test_a_wrong_body_is_an_error(store) -> None:
    store.objects["/b/k"] = b"right"
    requests = iter([get(check=b"right".__eq__), get(check=b"wrong".__eq__)])
    result = ask(store.endpoint, requests, 9)
    assert (result.errors, result.checked_count) == ({"wrong body": 1}, 1)


def test_a_run_that_only_fails_is_stopped(store) -> None:
    result = ask(store.endpoint, itertools.repeat(get()), 10**6)
    assert result.errors["status 404"] == load._ERRORS_MAX


def test_an_answer_in_crumbs_is_understood(scripted: Callable[[list[bytes]], str]) -> None:
    endpoint = scripted([b"HTTP/1.1 200 OK\r\nX: y\r\nCONTENT-LENGTH: 20\r\n\r\n" + b"0123456789" * 2])
    result = ask(endpoint, iter([get(check=(b"0123456789" * 2).__eq__)]))
    assert (len(result.latencies["get"]), result.errors_count) == (1, 0)


def test_a_server_that_closes_after_each_answer_is_met_anew(scripted: Callable[[list[bytes]], str]) -> None:
    endpoint = scripted([b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"] * 3 + [b""])
    result = ask(endpoint, itertools.repeat(get()), 3)
    assert (len(result.latencies["get"]), result.errors_count) == (3, 0)


def test_what_belongs_together_goes_on_over_another_connection_when_the_server_closes(
    scripted: Callable[[list[bytes]], str],
) -> None:
    closing = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"
    requests = iter([get(goes_on=True, ended=lambda _: time.sleep(0.05)), get(), get()])
    result = ask(scripted([closing] * 3 + [b""]), requests, 10, seconds=0.01)
    assert (len(result.latencies["get"]), result.errors_count) == (2, 0)


def test_a_connection_that_breaks_is_an_error_and_is_made_anew(scripted: Callable[[list[bytes]], str]) -> None:
    endpoint = scripted(
        [b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nshort", b"HTTP/1.1 204 No Content\r\n\r\n", b""]
    )
    answers: list[Answer] = []
    result = ask(endpoint, itertools.repeat(get(ended=answers.append)), 2)
    assert (result.errors, len(result.latencies["get"])) == ({"closed before the answer was complete": 1}, 1)
    assert [answer.status for answer in answers] == [0, 204]


def test_a_server_that_never_answers_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "_LINGER_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        result = ask(f"127.0.0.1:{listener.getsockname()[1]}", itertools.repeat(get()), 1, seconds=0.1)
    assert result.errors == {"no answer": 1}


def test_nobody_there_ends_the_run_before_it_begins() -> None:
    with pytest.raises(ConnectionRefusedError):
        ask("127.0.0.1:1", itertools.repeat(get()))


def test_a_server_that_went_away_is_dialled_again_after_a_pause(
    scripted: Callable[[list[bytes]], str], store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(load, "_DIAL_PAUSE_SECONDS", 0.01)
    store.objects["/b/k"] = b"x"
    connection = Connection((store.endpoint,), itertools.repeat(get()))
    refusals = iter([ConnectionRefusedError("gone"), ConnectionRefusedError("gone")])
    dial = connection.connect

    def connect() -> None:
        if store.heads and (refusal := next(refusals, None)) is not None:
            raise refusal
        dial()

    monkeypatch.setattr(connection, "connect", connect)
    store.spoil = lambda _m, _p, status, body: (200, body + b"tail" if len(store.heads) == 1 else body)
    monkeypatch.setattr(connection, "can_go_on", lambda: len(store.heads) != 1)
    result = run([connection], Bounds(30, 3))
    assert result.errors == {"connect: gone": 2}
    assert len(result.latencies["get"]) == 3


def test_an_open_loop_asks_at_its_rate(store) -> None:
    store.objects["/b/k"] = b"x"
    connections = [Connection((store.endpoint,), itertools.repeat(get())) for _ in range(4)]
    result = run(connections, Bounds(0.5), rate=100)
    assert len(result.latencies["get"]) + result.unsent_count == 50
    assert result.errors_count == 0


def test_what_waits_for_a_connection_counts_from_when_it_was_due(store) -> None:
    store.objects["/b/k"] = b"x"
    store.spoil = lambda _m, _p, status, body: (time.sleep(0.1), (status, body))[1]
    result = run([Connection((store.endpoint,), itertools.repeat(get()))], Bounds(0.55), rate=20)
    assert max(result.latencies["get"]) > 0.2  # served in 0.1 s each, while one is due every 0.05 s
    assert result.unsent_count > 2


def test_a_pace_is_even_and_ends_with_the_run() -> None:
    pace = Pace(10, 100.0, 101.0)
    assert [pace.take(100.0), pace.take(100.05)] == [100.0, None]
    assert [pace.take(100.35) for _ in range(3)] == pytest.approx([100.1, 100.2, 100.3])
    assert pace.take(100.35) is None
    assert (pace.take(101.5), pace.unsent()) == (None, 6)


def test_an_idle_connection_that_the_server_closes_is_made_anew(scripted: Callable[[list[bytes]], str]) -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"  # and then it closes, without having said so
    endpoint = scripted([answer] * 3 + [b""])
    result = run([Connection((endpoint,), itertools.repeat(get()))], Bounds(10.0, 3), rate=20)
    assert (len(result.latencies["get"]), result.errors_count) == (3, 0)


def test_requests_over_tls_are_sent_and_answered_whole(secure) -> None:
    store, tls = secure
    body = bytes(range(256)) * 12_000  # many records
    head = b"PUT /b/k HTTP/1.1\r\nhost: h\r\ncontent-length: %d\r\n\r\n" % len(body)
    put = Request((head, memoryview(body)[:10], memoryview(body)[10:]), "put")
    result = run([Connection((store.endpoint,), iter([put]), tls)], Bounds(30, 1))
    assert (store.objects["/b/k"] == body, result.errors_count) == (True, 0)
    gets = itertools.repeat(get(answer_bytes=len(body), check=body.__eq__))
    result = run([Connection((store.endpoint,), gets, tls) for _ in range(3)], Bounds(30, 9))
    assert (result.errors_count, result.checked_count) == (0, 9)


def test_what_tls_sends_by_itself_does_not_end_a_connection_on_which_nothing_is(secure) -> None:
    """A server sends the tickets of a session behind the handshake."""
    store, tls = secure
    store.objects["/b/k"] = b"x"
    connections = [Connection((store.endpoint,), itertools.repeat(get()), tls) for _ in range(4)]
    result = run(connections, Bounds(0.5), rate=20)
    assert (result.errors_count, store.dials_count) == (0, 4)


def test_an_idle_connection_over_tls_that_the_server_closes_is_made_anew(secure) -> None:
    store, tls = secure
    store.objects["/b/k"], store.closes_after = b"x", 2
    result = run([Connection((store.endpoint,), itertools.repeat(get()), tls)], Bounds(10.0, 4), rate=10)
    assert (result.errors_count, store.dials_count, len(result.latencies["get"])) == (0, 2, 4)
