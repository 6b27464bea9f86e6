"""The answer to a head that cannot be a request.        Floor: web. Called by: connection.

Law: it names what is wrong in the S3 way, and the connection ends behind it.
"""

from http import HTTPStatus

from mys3d.errors import S3Error
from mys3d.s3 import errors
from mys3d.web.head import BadHead


def refusal(error: BadHead, request_id: str) -> bytes:
    """Return a whole response."""
    shown = S3Error(error.code, error.message)
    status = HTTPStatus(errors.status_of(shown))
    body = errors.render(shown, "/", request_id, "")
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\ncontent-type: application/xml\r\n"
        f"content-length: {len(body)}\r\nx-amz-request-id: {request_id}\r\nconnection: close\r\n\r\n"
    )
    return head.encode() + body
