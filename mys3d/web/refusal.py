"""The answer to a request that is not looked at: it is none, or there are too many.        Floor: web.

Called by: connection, s3_front.

Law: it names what is wrong in the S3 way; behind a head that cannot be a request the connection ends.
"""

from http import HTTPStatus
from typing import Final

from mys3d.errors import S3Error
from mys3d.s3 import errors
from mys3d.s3.message import Request, Response
from mys3d.web.answer import date_line
from mys3d.web.head import BadHead

_LATER: Final = "1"  # seconds, of Retry-After


def slow_down(request: Request, why: str) -> Response:
    """Return the answer to a request that waited for its turn for too long: nothing was done, try again."""
    shown = S3Error("SlowDown", why)
    headers = [(b"retry-after", _LATER.encode()), (b"x-amz-request-id", request.id.encode()), (b"server", b"mys3d")]
    if request.method == "HEAD":  # RFC 9110, 9.3.2: no content, whatever the status
        return Response(errors.status_of(shown), headers)
    headers.append((b"content-type", b"application/xml"))
    body = errors.render(shown, request.raw_path.decode("latin-1"), request.id, "")
    return Response(errors.status_of(shown), headers, body)


def refusal(error: BadHead, request_id: str) -> bytes:
    """Return a whole response."""
    shown = S3Error(error.code, error.message)
    status = HTTPStatus(errors.status_of(shown))
    body = errors.render(shown, "/", request_id, "")
    later = f"retry-after: {_LATER}\r\n" if status is HTTPStatus.SERVICE_UNAVAILABLE else ""
    fields = (
        f"content-type: application/xml\r\ncontent-length: {len(body)}\r\nx-amz-request-id: {request_id}\r\n"
        f"{later}connection: close\r\n\r\n"
    )
    return f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() + date_line.get() + fields.encode() + body
