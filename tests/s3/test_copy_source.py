"""The source of a copy in words."""

import pytest

from mys3d.errors import S3Error
from mys3d.s3 import copy_source
from mys3d.s3.copy_source import CopySource


@pytest.mark.parametrize(
    ("header", "bucket", "key", "version_id"),
    [
        ("/photos/a.txt", "photos", "a.txt", None),
        ("photos/a.txt", "photos", "a.txt", None),
        ("photos/a/b//c/", "photos", "a/b//c/", None),
        ("%2Fphotos%2Fa%20b%2Bc", "photos", "a b+c", None),
        ("photos/a+b", "photos", "a+b", None),
        ("photos/%C3%A9", "photos", "é", None),
        ("photos/é", "photos", "é", None),
        ("photos/a?versionId=null", "photos", "a", "null"),
        ("photos/a?versionId=3%2F4", "photos", "a", "3/4"),
        ("photos/a?versionId=", "photos", "a", ""),
        ("photos/a%3FversionId=x", "photos", "a?versionId=x", None),
        ("photos/a%3FversionId=x?versionId=y", "photos", "a?versionId=x", "y"),
        ("photos/100%25", "photos", "100%", None),
    ],
)
def test_a_source_is_a_bucket_a_key_and_perhaps_a_version(
    header: str, bucket: str, key: str, version_id: str | None
) -> None:
    assert copy_source.parse(header) == CopySource(bucket, key, version_id)


@pytest.mark.parametrize("header", ["", "/", "photos", "photos/", "/photos/", "//a", "photos/%zz", "photos/%ff"])
def test_what_names_no_object_is_refused(header: str) -> None:
    with pytest.raises(S3Error) as refused:
        copy_source.parse(header)
    assert refused.value.code == "InvalidArgument"
    assert refused.value.fields["ArgumentName"] == "x-amz-copy-source"
