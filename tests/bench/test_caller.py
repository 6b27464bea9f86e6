"""Requests to one endpoint."""

import pytest

from mys3d.bench.body import Bodies, BodyMode, Envelope
from mys3d.bench.caller import Caller
from mys3d.bench.sign import Keys
from mys3d.bench.target import Target

CALLER = Caller(Target("t", ("h:1",), Keys("A", "S"), "b", {}), "h:1")


@pytest.mark.parametrize(
    ("head", "line"),
    [
        (CALLER.bucket().pieces[0], b"PUT /b HTTP/1.1"),
        (CALLER.get("k-5", 5).pieces[0], b"GET /b/k-5 HTTP/1.1"),
        (CALLER.head("k-5").pieces[0], b"HEAD /b/k-5 HTTP/1.1"),
        (CALLER.delete("k-5").pieces[0], b"DELETE /b/k-5 HTTP/1.1"),
        (CALLER.page("p/").pieces[0], b"GET /b?list-type=2&max-keys=1000&prefix=p%2F HTTP/1.1"),
        (
            CALLER.page("p/", "p/a", 9).pieces[0],
            b"GET /b?list-type=2&max-keys=9&prefix=p%2F&start-after=p%2Fa HTTP/1.1",
        ),
        (CALLER.create_upload("k", print).pieces[0], b"POST /b/k?uploads= HTTP/1.1"),
        (CALLER.complete("k", "u", ["e"], 0.0).pieces[0], b"POST /b/k?uploadId=u HTTP/1.1"),
    ],
)
def test_a_request_asks_what_its_name_says(head: bytes, line: bytes) -> None:
    assert bytes(head).startswith(line + b"\r\nhost:h:1\r\n")


def test_only_a_head_has_no_body_in_its_answer() -> None:
    assert CALLER.head("k").is_head
    assert not CALLER.get("k", 1).is_head


def test_an_upload_has_its_body_behind_its_head() -> None:
    bodies = Bodies(10)
    pieces = bodies.fresh()
    request = CALLER.put("k-10", Envelope(bodies, BodyMode.SIGNED), pieces)
    head, _, body = b"".join(request.pieces).partition(b"\r\n\r\n")
    assert (body, request.sent_bytes) == (b"".join(pieces), 10)
    assert bodies.sha256(pieces).encode() in head


def test_a_completion_names_all_parts_in_order() -> None:
    request = CALLER.complete("k", "u", ['"a"', '"b"'], 1.5)
    assert b'<PartNumber>1</PartNumber><ETag>"a"</ETag></Part><Part><PartNumber>2<' in request.pieces[1]
    assert request.whole == ("multipart", 1.5)
    assert request.check is not None
    assert request.check(b"<CompleteMultipartUploadResult/>")
    assert not request.check(b"<Error><Code>x</Code></Error>")
