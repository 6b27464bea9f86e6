"""Headers that are obeyed or refused, never ignored."""

import pytest

from mys3d.errors import S3Error
from mys3d.operations.refusals import FIXED, HEEDED, IGNORED, REFUSED, refuse_unbuilt


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("x-amz-server-side-encryption", "AES256"),
        ("x-amz-server-side-encryption-customer-key", "key"),
        ("x-amz-object-lock-mode", "COMPLIANCE"),
        ("x-amz-bucket-object-lock-enabled", "true"),
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
        ("x-amz-bucket-object-lock-enabled", "false"),
        ("x-amz-bucket-namespace", "global"),
        ("x-amz-request-payer", "requester"),
        ("x-amz-date", "x"),
    ],
)
def test_what_holds_anyway_is_accepted(name: str, value: str) -> None:
    refuse_unbuilt({name: value})


def test_a_header_is_treated_in_one_way() -> None:
    counts = [len(each) for each in (REFUSED, HEEDED, FIXED, IGNORED)]
    assert len(REFUSED | HEEDED | FIXED.keys() | IGNORED.keys()) == sum(counts)
    assert all(name == name.lower() for name in (*REFUSED, *FIXED, *IGNORED))
