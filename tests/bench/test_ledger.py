"""What was acknowledged, and what may have happened."""

import pytest

from mys3d.bench.answer import Answer
from mys3d.bench.caller import Caller
from mys3d.bench.connection import Request
from mys3d.bench.ledger import Ledger
from mys3d.bench.sign import Keys
from mys3d.bench.target import Target

CALLER = Caller(Target("t", ("h:1",), Keys("A", "S"), "b", {}), "h:1")


def body_of(request: Request) -> bytes:
    return b"".join(request.pieces).partition(b"\r\n\r\n")[2]


def ended(request: Request, status: int, body: bytes = b"") -> None:
    assert request.ended is not None
    request.ended(Answer(status, body=body))


@pytest.mark.parametrize(
    ("status", "acknowledged", "doubtful"),
    [(200, [0], set()), (403, [], set()), (503, [], {0}), (500, [], {0}), (0, [], {0})],
)
def test_an_upload_is_acknowledged_refused_or_in_doubt(
    status: int, acknowledged: list[int], doubtful: set[int]
) -> None:
    ledger = Ledger(100)
    request = ledger.put(CALLER)
    assert ledger.doubtful == {0}  # until its answer has come
    ended(request, status)
    assert (ledger.acknowledged, ledger.doubtful) == (acknowledged, doubtful)


def one_object() -> tuple[Ledger, bytes]:
    ledger = Ledger(100)
    request = ledger.put(CALLER)
    ended(request, 200)
    return ledger, body_of(request)


def test_an_acknowledged_object_that_is_missing_is_lost_and_other_bytes_are_wrong() -> None:
    ledger, body = one_object()
    request = ledger.get_any(CALLER)
    assert request is not None
    ended(request, 200, body)
    ended(request, 503)
    ended(request, 0)
    assert (ledger.lost, ledger.wrong) == (set(), set())
    ended(request, 404)
    ended(request, 200, body[:-1] + b"!")
    assert (ledger.lost, ledger.wrong) == ({0}, {0})


def test_there_is_nothing_to_read_before_something_was_acknowledged() -> None:
    assert Ledger(100).get_any(CALLER) is None


def test_what_is_in_doubt_may_be_missing_until_it_was_seen() -> None:
    ledger = Ledger(100)
    body = body_of(ledger.put(CALLER))
    assert ledger.judge_doubtful(0, Answer(404))
    assert not ledger.judge_doubtful(0, Answer(503))
    assert ledger.judge_doubtful(0, Answer(200, body=body))
    assert (ledger.lost, ledger.wrong) == (set(), set())
    assert ledger.judge_doubtful(0, Answer(404))
    assert ledger.judge_doubtful(0, Answer(200, body=b"half"))
    assert (ledger.lost, ledger.wrong) == ({0}, {0})
