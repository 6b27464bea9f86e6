"""SigV4 signatures of the requests that the bench sends.        Floor: bench. Called by: caller.

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
UNSIGNED_TRAILER: Final = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
_ALGORITHM: Final = "AWS4-HMAC-SHA256"
_PLAIN_NAMES: Final = "host;x-amz-content-sha256;x-amz-date"

Pairs = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Keys:
    """Who signs, and for which region."""

    access_key: str
    secret_key: str
    region: str = "us-east-1"


class Signer:
    """Signs for one host at one moment; what it signs is good for 15 minutes. Measured: 5 us a head."""

    def __init__(self, keys: Keys, host: str, now: float | None = None) -> None:
        self._host = host
        self._stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
        scope = f"{self._stamp[:8]}/{keys.region}/s3/aws4_request"
        self._key = _signing_key(keys.secret_key, self._stamp[:8], keys.region)
        self._text = f"{_ALGORITHM}\n{self._stamp}\n{scope}\n"
        self._credential = f"{_ALGORITHM} Credential={keys.access_key}/{scope}, SignedHeaders="

    def head(
        self,
        method: str,
        path: str,
        *,
        query: Pairs = (),
        length: int | None = None,
        payload: str = UNSIGNED,
        headers: Pairs = (),
    ) -> bytes:
        """Return the signed head of one request, blank line included.

        `path` is not encoded yet; `length`: of the body; `headers` are signed too, names in lower case.
        """
        encoded = _encoded(path)
        queries = "&".join([f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}" for name, value in sorted(query)])
        if headers:
            fields = [("host", self._host), ("x-amz-content-sha256", payload), ("x-amz-date", self._stamp), *headers]
            fields.sort()
            names = ";".join([name for name, _ in fields])
            lines = "".join([f"{name}:{value}\n" for name, value in fields])
        else:
            names, lines = (
                _PLAIN_NAMES,
                f"host:{self._host}\nx-amz-content-sha256:{payload}\nx-amz-date:{self._stamp}\n",
            )
        canonical = f"{method}\n{encoded}\n{queries}\n{lines}\n{names}\n{payload}"
        text = self._text + hashlib.sha256(canonical.encode()).hexdigest()
        signature = hmac.digest(self._key, text.encode(), "sha256").hex()
        wire = lines.replace("\n", "\r\n")
        target = f"{encoded}?{queries}" if queries else encoded
        size = "" if length is None else f"content-length:{length}\r\n"
        return (
            f"{method} {target} HTTP/1.1\r\n{wire}"
            f"authorization:{self._credential}{names}, Signature={signature}\r\n{size}\r\n"
        ).encode()


def head(
    keys: Keys,
    method: str,
    host: str,
    path: str,
    *,
    query: Pairs = (),
    length: int | None = None,
    payload: str = UNSIGNED,
    now: float | None = None,
) -> bytes:
    """Sign one request alone."""
    return Signer(keys, host, now).head(method, path, query=query, length=length, payload=payload)


@functools.lru_cache(maxsize=4096)  # uploads go round a few keys
def _encoded(path: str) -> str:
    return quote(path, safe="/-_.~")


@functools.lru_cache(maxsize=16)
def _signing_key(secret: str, date: str, region: str) -> bytes:
    key = b"AWS4" + secret.encode()
    for part in (date, region, "s3", "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key
