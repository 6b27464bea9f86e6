"""Continuation tokens.        Floor: s3 (pure). Called by: operations.

Law: a token says only "after this name", so it is good on every node and for ever, and a client that makes one up
gets a page it could have asked for anyway.
"""

import base64
from typing import Final

from mys3d.errors import S3Error

_FORM: Final = b"1"


def write(after: str) -> str:
    """Return a token that means "after `after`". It has no character that a query would have to escape."""
    return base64.urlsafe_b64encode(_FORM + after.encode()).decode().rstrip("=")


def read(token: str | None) -> str:
    """Return what a token means; empty: from the start, as an empty token does. Raises S3Error InvalidArgument."""
    if not token:
        return ""
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        if not raw.startswith(_FORM):
            raise ValueError(f"unknown form {raw[:1]!r}")
        return raw[1:].decode()
    except ValueError as error:
        raise S3Error(
            "InvalidArgument", "The continuation token provided is incorrect", ArgumentName="continuation-token"
        ) from error
