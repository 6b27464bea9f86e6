"""Versions and delete markers as values."""

from mys3d.model.body import InlineBlobs
from mys3d.model.names import Instant, VersionId
from mys3d.model.objects import Content, Version, marker


def test_a_marker_is_a_version_without_bytes():
    made = marker(1, VersionId(7), True, Instant(5))
    assert made.is_marker
    assert (made.id, made.is_null, made.modified_at, made.size, made.etag) == (7, True, 5, 0, "")


def test_an_empty_object_is_no_marker():
    assert not Version(1, VersionId(7), True, Instant(5), 0, "e", InlineBlobs(()), Content("")).is_marker
