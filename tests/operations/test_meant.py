"""Which version a request means; what clients see of it is in test_versioning.py."""

import msgspec
import pytest

from mys3d.errors import S3Error
from mys3d.model.buckets import Bucket, BucketConfiguration, Versioning
from mys3d.model.names import NULL_VERSION, BucketId, BucketName, Instant, ObjectKey, UserId, VersionId
from mys3d.model.objects import marker
from mys3d.operations.meant import source_meant, version_headers, version_meant
from mys3d.registry import stack, tables
from mys3d.registry.memory import MemoryRows
from mys3d.registry.transaction import Overlay

KEY = ObjectKey("k")
PLAIN = Bucket(1, BucketId(2), BucketName("photos"), UserId("u"), Instant(0), BucketConfiguration())
KEPT = msgspec.structs.replace(PLAIN, versioning=Versioning.ENABLED)


def test_a_hidden_key_and_its_marker_say_so() -> None:
    rows = Overlay(MemoryRows())
    stack.hide(rows, PLAIN.id, KEY, marker(1, VersionId(7), True, Instant(0)))
    with pytest.raises(S3Error, match="NoSuchKey") as hidden:
        version_meant(rows, KEPT, KEY, None)
    assert dict(hidden.value.headers) == {"x-amz-delete-marker": "true", "x-amz-version-id": "null"}
    with pytest.raises(S3Error, match="MethodNotAllowed") as named:
        version_meant(rows, KEPT, KEY, NULL_VERSION)
    assert dict(named.value.headers)["last-modified"] == "Thu, 01 Jan 1970 00:00:00 GMT"
    with pytest.raises(S3Error, match="NoSuchVersion"):
        version_meant(rows, KEPT, KEY, VersionId(7))


def test_a_version_has_a_name_where_versions_are_kept() -> None:
    rows = Overlay(MemoryRows())
    tables.put_live(rows, PLAIN.id, KEY, marker(1, VersionId(7), True, Instant(0)))
    version = version_meant(rows, PLAIN, KEY, None)
    assert version_headers(PLAIN, version) == []
    assert version_headers(KEPT, version) == [(b"x-amz-version-id", b"null")]


def test_a_marker_is_no_source_of_a_copy() -> None:
    rows = Overlay(MemoryRows())
    stack.hide(rows, PLAIN.id, KEY, marker(1, VersionId(7), True, Instant(0)))
    with pytest.raises(S3Error, match="InvalidRequest"):
        source_meant(rows, KEPT, KEY, NULL_VERSION)
    with pytest.raises(S3Error, match="NoSuchVersion"):
        source_meant(rows, KEPT, KEY, VersionId(7))
