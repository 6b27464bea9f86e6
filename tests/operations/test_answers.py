"""What answers have in common."""

from typing import Any

import pytest

from mys3d.errors import S3Error
from mys3d.model.names import UserId
from mys3d.operations import answers

ANN = UserId("a" * 64)


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


async def test_an_owner_has_an_id_of_64_hex_digits_and_a_name(client: Any) -> None:
    view = client.services.ports.registry.view()
    owner = answers.owner_element(view, UserId(client.access_key))
    assert len(bytes.fromhex(owner["ID"])) == 32
    assert owner["DisplayName"] == "root"
    assert answers.owner_element(view, UserId("AL"))["ID"] != owner["ID"]
    assert answers.owner_element(view, ANN) == {"ID": ANN, "DisplayName": "ann"}
