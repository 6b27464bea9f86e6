"""Whom a header names."""

import pytest

from mys3d.errors import S3Error
from mys3d.s3.grantees import Grantee, Kind, of_header


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('id="abc"', [Grantee(Kind.ID, "abc")]),
        ("id=abc", [Grantee(Kind.ID, "abc")]),
        ('id="a", emailAddress="b@c.d" ,uri=http://x/y', [
            Grantee(Kind.ID, "a"), Grantee(Kind.EMAIL, "b@c.d"), Grantee(Kind.GROUP, "http://x/y"),
        ]),
        ('ID = "a,b"', [Grantee(Kind.ID, "a,b")]),
        ('id=""', [Grantee(Kind.ID, "")]),
    ],
)  # fmt: skip
def test_a_header_lists_grantees(text: str, found: list[Grantee]) -> None:
    assert of_header("x-amz-grant-read", text) == found


@pytest.mark.parametrize("text", ["", "abc", "name=abc", 'id="a', 'id="a" id="b"', "id=a,", "id=a,,id=b", 'id=a"b'])
def test_what_names_nobody_clearly_is_refused(text: str) -> None:
    with pytest.raises(S3Error) as refused:
        of_header("x-amz-grant-read", text)
    assert refused.value.code == "InvalidArgument"
    assert refused.value.fields == {"ArgumentName": "x-amz-grant-read", "ArgumentValue": text}
