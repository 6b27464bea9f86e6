"""Builders of signed requests, made by botocore: the other side of our verification."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from mys3d.model.names import Instant
from mys3d.s3.message import Request

ACCESS_KEY = "AKIAIOSFODNN7EXAMPLE"
SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
NOW = Instant(1445412480_000)

Sign = Callable[..., Request]


def to_request(method: str, url: str, headers: dict[str, str]) -> Request:
    path, _, query = url.removeprefix("http://localhost:9000").partition("?")
    raw = tuple((name.lower().encode(), value.encode()) for name, value in headers.items())
    return Request(method, path.encode(), query.encode(), raw, "http", "127.0.0.1", "0123456789ABCDEF")


@pytest.fixture
def sign(monkeypatch: pytest.MonkeyPatch) -> Sign:
    """Sign a request as boto3 does, at NOW."""
    now = datetime.fromtimestamp(NOW / 1000, UTC)
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda remove_tzinfo=True: now.replace(tzinfo=None))

    def signed(
        method: str,
        url: str,
        headers: dict[str, str] | None = None,
        body: bytes = b"",
        secret: str = SECRET,
        region: str = "us-east-1",
    ) -> Request:
        request = AWSRequest(method, "http://localhost:9000" + url, headers=dict(headers or {}), data=body)
        request.context["client_config"] = None
        S3SigV4Auth(Credentials(ACCESS_KEY, secret), "s3", region).add_auth(request)
        return to_request(method, url, {"Host": "localhost:9000", **dict(request.headers.items())})

    return signed


@pytest.fixture
def presign(monkeypatch: pytest.MonkeyPatch) -> Sign:
    """Make a link as boto3 does, good for an hour from NOW; headers that it signs are sent along."""
    now = datetime.fromtimestamp(NOW / 1000, UTC)
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda remove_tzinfo=True: now.replace(tzinfo=None))

    def presigned(method: str, url: str, headers: dict[str, str] | None = None) -> Request:
        request = AWSRequest(method, "http://localhost:9000" + url, headers=dict(headers or {}))
        S3SigV4QueryAuth(Credentials(ACCESS_KEY, SECRET), "s3", "us-east-1", expires=3600).add_auth(request)
        return to_request(method, request.url, {"Host": "localhost:9000", **(headers or {})})

    return presigned
