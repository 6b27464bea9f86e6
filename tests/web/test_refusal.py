"""The answer to what is no request."""

import pytest

from mys3d.s3.message import Request
from mys3d.web.head import BadHead
from mys3d.web.refusal import refusal, slow_down


@pytest.mark.parametrize(("code", "status"), [
    ("BadRequest", 400),
    ("InvalidURI", 400),
    ("MaxMessageLengthExceeded", 400),
    ("MethodNotAllowed", 405),
    ("NotImplemented", 501),
])  # fmt: skip
def test_a_refusal_is_a_whole_response_that_ends_the_connection(code: str, status: int) -> None:
    head, body = refusal(BadHead(code, "Why & what."), "0123456789ABCDEF").split(b"\r\n\r\n", 1)
    assert head.startswith(b"HTTP/1.1 %d " % status)
    assert b"connection: close" in head
    assert b"\r\ndate: " in head
    assert b"content-length: %d" % len(body) in head
    assert b"<Code>%b</Code>" % code.encode() in body
    assert b"Why &amp; what." in body
    assert b"<RequestId>0123456789ABCDEF</RequestId>" in body
    assert b"retry-after" not in head


def test_a_connection_that_is_turned_away_is_told_when_to_come_again() -> None:
    head, body = refusal(BadHead("SlowDown", "Full."), "0123456789ABCDEF").split(b"\r\n\r\n", 1)
    assert head.startswith(b"HTTP/1.1 503 ")
    assert b"\r\nretry-after: 1\r\nconnection: close" in head
    assert b"<Code>SlowDown</Code>" in body


def asked(method: str) -> Request:
    return Request(method, b"/b/k", b"", (), "http", "127.0.0.1", "0123456789ABCDEF")


def test_a_request_that_is_not_served_is_told_when_to_come_again() -> None:
    response = slow_down(asked("GET"), "Busy.")
    assert (response.status, dict(response.headers)[b"retry-after"]) == (503, b"1")
    assert dict(response.headers)[b"x-amz-request-id"] == b"0123456789ABCDEF"
    assert isinstance(response.body, bytes)
    assert b"<Code>SlowDown</Code>" in response.body
    assert b"<Message>Busy.</Message>" in response.body


def test_the_same_of_head_has_no_body() -> None:
    response = slow_down(asked("HEAD"), "Busy.")
    assert (response.status, response.body) == (503, b"")
    assert b"content-type" not in dict(response.headers)
