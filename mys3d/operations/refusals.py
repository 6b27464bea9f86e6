"""What a request asks for and this release does not do.        Floor: operations. Called by: dispatch.

Law: a header that promises protection, tagging or a condition is obeyed or refused, never ignored.
"""

from collections.abc import Mapping
from typing import Final

from mys3d.errors import S3Error

_UNBUILT: Final = frozenset(
    {
        "x-amz-server-side-encryption",
        "x-amz-server-side-encryption-aws-kms-key-id",
        "x-amz-server-side-encryption-bucket-key-enabled",
        "x-amz-server-side-encryption-context",
        "x-amz-server-side-encryption-customer-algorithm",
        "x-amz-server-side-encryption-customer-key",
        "x-amz-server-side-encryption-customer-key-md5",
        "x-amz-object-lock-legal-hold",
        "x-amz-object-lock-mode",
        "x-amz-object-lock-retain-until-date",
        "x-amz-tagging",
        "x-amz-write-offset-bytes",
        "x-amz-grant-full-control",
        "x-amz-grant-read",
        "x-amz-grant-read-acp",
        "x-amz-grant-write",
        "x-amz-grant-write-acp",
        "x-amz-mfa",
        "x-amz-expected-bucket-owner",
        "x-amz-if-match-last-modified-time",
        "x-amz-if-match-size",
    }
)

# Headers that are obeyed with these values, because they say what holds anyway: the owner alone has access.
_FIXED: Final[Mapping[str, frozenset[str]]] = {
    "x-amz-acl": frozenset({"private", "bucket-owner-full-control", "bucket-owner-read"}),
    "x-amz-object-ownership": frozenset({"BucketOwnerEnforced"}),
    "x-amz-bucket-object-lock-enabled": frozenset({"false", "False"}),
}


def refuse_unbuilt(headers: Mapping[str, str]) -> None:
    """Raise S3Error NotImplemented for a header that this release cannot obey."""
    if _UNBUILT.isdisjoint(headers) and _FIXED.keys().isdisjoint(headers):
        return
    for name in headers:
        if name in _UNBUILT or (name in _FIXED and headers[name] not in _FIXED[name]):
            raise S3Error("NotImplemented", Header=name)
