"""SigV4 signatures for requests that are built before the clock starts.        Floor: bench.

Law: shares no code with the server that it measures, so that both cannot be wrong in the same way.
Source: S3 API, "Authenticating Requests: Using the Authorization Header".
"""

import functools
import hashlib
import hmac
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

UNSIGNED: Final = "UNSIGNED-PAYLOAD"
_ALGORITHM: Final = "AWS4-HMAC-SHA256"


@dataclass(frozen=True, slots=True)
class Keys:
    """Who signs, and for which region."""

    access_key: str
    secret_key: str
    region: str = "us-east-1"


def head(
    keys: Keys,
    method: str,
    host: str,
    path: str,
    *,
    query: Sequence[tuple[str, str]] = (),
    length: int | None = None,
    payload: str = UNSIGNED,
    now: float | None = None,
) -> bytes:
    """Return the signed head of one request, blank line included. `path` is not encoded yet; `length`: of a body."""
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
    encoded = quote(path, safe="/-_.~")
    queries = "&".join(f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}" for name, value in sorted(query))
    headers = {"host": host, "x-amz-content-sha256": payload, "x-amz-date": stamp}
    signed = ";".join(headers)
    lines = "".join(f"{name}:{value}\n" for name, value in headers.items())
    canonical = "\n".join([method, encoded, queries, lines, signed, payload])
    scope = f"{stamp[:8]}/{keys.region}/s3/aws4_request"
    text = "\n".join([_ALGORITHM, stamp, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    signature = hmac.new(_signing_key(keys.secret_key, stamp[:8], keys.region), text.encode(), "sha256").hexdigest()
    headers["authorization"] = (
        f"{_ALGORITHM} Credential={keys.access_key}/{scope}, SignedHeaders={signed}, Signature={signature}"
    )
    if length is not None:
        headers["content-length"] = str(length)
    target = f"{encoded}?{queries}" if queries else encoded
    fields = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"{method} {target} HTTP/1.1\r\n{fields}\r\n".encode()


@functools.lru_cache(maxsize=16)
def _signing_key(secret: str, date: str, region: str) -> bytes:
    key = b"AWS4" + secret.encode()
    for part in (date, region, "s3", "aws4_request"):
        key = hmac.new(key, part.encode(), "sha256").digest()
    return key
