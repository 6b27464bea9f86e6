"""Headers that are obeyed or refused, never ignored."""

import pytest

from mys3d.errors import S3Error
from mys3d.operations.refusals import FIXED, IGNORED, REFUSED, refuse_unbuilt


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("x-amz-server-side-encryption", "AES256"),
        ("x-amz-server-side-encryption-customer-key", "key"),
        ("x-amz-object-lock-mode", "COMPLIANCE"),
        ("x-amz-acl", "public-read"),
        ("x-amz-grant-read", "id=1"),
        ("x-amz-bucket-object-lock-enabled", "true"),
        ("x-amz-object-ownership", "ObjectWriter"),
        ("x-amz-expected-bucket-owner", "111122223333"),
        ("x-amz-write-offset-bytes", "5"),
        ("x-amz-object-lock-event-hold", "ON"),
        ("x-amz-copy-source-server-side-encryption-customer-key", "key"),
        ("x-amz-bucket-namespace", "account-regional"),
    ],
)
def test_what_is_not_built_is_refused_by_its_header(name: str, value: str) -> None:
    with pytest.raises(S3Error) as refused:
        refuse_unbuilt({"host": "x", name: value})
    assert refused.value.code == "NotImplemented"
    assert refused.value.fields == {"Header": name}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("x-amz-acl", "private"),
        ("x-amz-acl", "bucket-owner-full-control"),
        ("x-amz-object-ownership", "BucketOwnerEnforced"),
        ("x-amz-bucket-object-lock-enabled", "false"),
        ("x-amz-bucket-namespace", "global"),
        ("x-amz-request-payer", "requester"),
        ("x-amz-date", "x"),
    ],
)
def test_what_holds_anyway_is_accepted(name: str, value: str) -> None:
    refuse_unbuilt({name: value})


def test_a_header_is_treated_in_one_way() -> None:
    assert len(REFUSED | FIXED.keys() | IGNORED.keys()) == len(REFUSED) + len(FIXED) + len(IGNORED)
    assert all(name == name.lower() for name in (*REFUSED, *FIXED, *IGNORED))


def test_an_acl_that_nobody_knows_is_no_argument() -> None:
    with pytest.raises(S3Error) as refused:
        refuse_unbuilt({"x-amz-acl": "public-ready"})
    assert (refused.value.code, refused.value.fields["ArgumentValue"]) == ("InvalidArgument", "public-ready")
