"""The answer to what is no request."""

import pytest

from mys3d.web.head import BadHead
from mys3d.web.refusal import refusal


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
    assert b"content-length: %d" % len(body) in head
    assert b"<Code>%b</Code>" % code.encode() in body
    assert b"Why &amp; what." in body
    assert b"<RequestId>0123456789ABCDEF</RequestId>" in body
