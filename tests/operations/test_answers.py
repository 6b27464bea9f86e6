"""What answers have in common."""

import pytest

from mys3d.errors import S3Error
from mys3d.model.names import AccessKey
from mys3d.operations import answers


@pytest.mark.parametrize("value", ["a\r\nset-cookie: x", "a\nb", "a\rb", "a\x00b", "\x7f"])
def test_a_value_cannot_start_another_header(value: str) -> None:
    with pytest.raises(S3Error) as refused:
        answers.header("cache-control", value)
    assert refused.value.code == "InvalidArgument"
    with pytest.raises(S3Error):
        answers.metadata_header("a", value)


def test_metadata_beyond_ascii_is_shown_as_rfc_2047_says() -> None:
    assert answers.metadata_header("a", "blue") == (b"x-amz-meta-a", b"blue")
    assert answers.metadata_header("a", "é") == (b"x-amz-meta-a", b"=?UTF-8?B?w6k=?=")


def test_an_owner_has_an_id_of_64_hex_digits_and_a_name() -> None:
    owner = answers.owner_of(AccessKey("AK"), "root")
    assert len(bytes.fromhex(owner["ID"])) == 32
    assert owner["DisplayName"] == "root"
    assert answers.owner_of(AccessKey("AL"), "root") != owner
