"""What a request may ask for and this release does not do.        Floor: operations. Called by: dispatch, the docs.

Law: a header that promises protection, a condition or anything kept is obeyed or refused, never ignored; what is
ignored stands here with the reason why nobody can tell. A test holds every member of the S3 model that is no field of
its operation's record against these tables.
"""

from collections.abc import Mapping
from typing import Final

from mys3d.errors import S3Error

REFUSED: Final = frozenset(
    {
        "x-amz-server-side-encryption",
        "x-amz-server-side-encryption-aws-kms-key-id",
        "x-amz-server-side-encryption-bucket-key-enabled",
        "x-amz-server-side-encryption-context",
        "x-amz-server-side-encryption-customer-algorithm",
        "x-amz-server-side-encryption-customer-key",
        "x-amz-server-side-encryption-customer-key-md5",
        "x-amz-copy-source-server-side-encryption-customer-algorithm",
        "x-amz-copy-source-server-side-encryption-customer-key",
        "x-amz-copy-source-server-side-encryption-customer-key-md5",
        "x-amz-object-lock-legal-hold",
        "x-amz-object-lock-mode",
        "x-amz-object-lock-retain-until-date",
        "x-amz-object-lock-event-hold",
        "x-amz-object-lock-event-hold-duration-days",
        "x-amz-object-lock-event-hold-duration-years",
        "x-amz-write-offset-bytes",
        "x-amz-mfa",
        "x-amz-if-match-initiated-time",
    }
)

# Headers that are obeyed wherever they stand: what they name is looked for with every bucket (`call.bucket_known`).
HEEDED: Final = frozenset({"x-amz-expected-bucket-owner", "x-amz-source-expected-bucket-owner"})

# Headers that are obeyed with these values, because they say what holds anyway.
FIXED: Final[Mapping[str, frozenset[str]]] = {
    "x-amz-bucket-object-lock-enabled": frozenset({"false", "False"}),
    "x-amz-bucket-namespace": frozenset({"global"}),
}

# Headers without effect, and why that is the whole truth.
IGNORED: Final[Mapping[str, str]] = {
    "x-amz-request-payer": "nobody is charged",
    "x-amz-bypass-governance-retention": "no object is locked, so there is nothing to bypass",
    "x-amz-optional-object-attributes": "no object is archived, so none has a restore to tell of",
    "x-amz-client-token": "a rename sent again after it was done answers 404 NoSuchKey, and harms nothing",
    "x-amz-object-annotation-directive": "no object has annotations",
}


def refuse_unbuilt(headers: Mapping[str, str]) -> None:
    """Raise S3Error NotImplemented for a header that this release cannot obey."""
    if REFUSED.isdisjoint(headers) and FIXED.keys().isdisjoint(headers):
        return
    for name in headers:
        if name in REFUSED or (name in FIXED and headers[name] not in FIXED[name]):
            raise S3Error("NotImplemented", Header=name)
