"""What a client says of an object comes back word for word."""

from typing import Any

import pytest

from mys3d.errors import S3Error
from mys3d.model.objects import Content
from mys3d.operations.describing import Described, content_of, storage_class_of


def test_everything_said_is_kept() -> None:
    said = Described(
        "b", "k", "text/css", "no-store", "inline", "gzip, aws-chunked", "de", "never", "/other", "STANDARD_IA", "t=1",
        (("m", "1"),),
    )  # fmt: skip
    headers = (
        ("cache-control", "no-store"),
        ("content-disposition", "inline"),
        ("content-encoding", "gzip"),
        ("content-language", "de"),
        ("expires", "never"),
        ("x-amz-website-redirect-location", "/other"),
    )
    assert content_of(said) == Content("text/css", headers, (("m", "1"),), "STANDARD_IA", (("t", "1"),))


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"storage_class": ""}, "InvalidStorageClass"),
        ({"storage_class": "GLACIER"}, "InvalidStorageClass"),
        ({"tagging": "a=1&a=2"}, "InvalidTag"),
        ({"metadata": (("m", "x" * 2048),)}, "MetadataTooLarge"),
    ],
)
def test_what_may_not_be_said_is_refused(said: dict[str, Any], code: str) -> None:
    with pytest.raises(S3Error) as refused:
        content_of(Described("b", "k", **said))
    assert refused.value.code == code


def test_two_kilobytes_of_metadata_may_be_said() -> None:
    assert content_of(Described("b", "k", metadata=(("m", "x" * 2047),))).metadata
    assert storage_class_of(Described("b", "k")) == "STANDARD"
