"""A bucket that keeps versions, through dispatch."""

from typing import Any

import pytest

ENABLED = b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"
SUSPENDED = b"<VersioningConfiguration><Status>Suspended</Status></VersioningConfiguration>"
WRONG = "b" + "A" * 31


@pytest.fixture
async def enabled(bucket: Any) -> Any:
    """A client of a bucket that keeps versions."""
    assert (await bucket("PUT", "/photos?versioning", ENABLED)).status == 200
    return bucket


async def put(client: Any, body: bytes, key: str = "k") -> str:
    return str((await client("PUT", f"/photos/{key}", body)).headers["x-amz-version-id"])


async def test_a_bucket_tells_its_status_once_it_has_one(bucket: Any) -> None:
    assert (await bucket("GET", "/photos?versioning")).xml == {"@xmlns": "http://s3.amazonaws.com/doc/2006-03-01/"}
    for document, status in ((SUSPENDED, "Suspended"), (ENABLED, "Enabled"), (ENABLED, "Enabled")):
        assert (await bucket("PUT", "/photos?versioning", document)).status == 200
        assert (await bucket("GET", "/photos?versioning")).xml["Status"] == status


@pytest.mark.parametrize(
    ("inside", "code"),
    [
        ("", "MalformedXML"),
        ("<Status>enabled</Status>", "MalformedXML"),
        ("<Status>Enabled</Status><MfaDelete>maybe</MfaDelete>", "MalformedXML"),
        ("<Status>Enabled</Status><MfaDelete>Enabled</MfaDelete>", "NotImplemented"),
    ],
)
async def test_a_status_that_cannot_be_obeyed_is_refused(bucket: Any, inside: str, code: str) -> None:
    document = f"<VersioningConfiguration>{inside}</VersioningConfiguration>".encode()
    assert (await bucket("PUT", "/photos?versioning", document)).code == code
    assert "Status" not in (await bucket("GET", "/photos?versioning")).xml


async def test_a_status_needs_a_document_and_a_bucket(client: Any) -> None:
    assert (await client("PUT", "/none?versioning", ENABLED)).code == "NoSuchBucket"
    assert (await client("GET", "/none?versioning")).code == "NoSuchBucket"
    await client("PUT", "/photos")
    assert (await client("PUT", "/photos?versioning")).code == "MissingRequestBodyError"


async def test_a_second_factor_that_is_said_to_be_off_is_no_hindrance(bucket: Any) -> None:
    inside = b"<MfaDelete>Disabled</MfaDelete><Status>Enabled</Status>"
    document = b"<VersioningConfiguration>" + inside + b"</VersioningConfiguration>"
    assert (await bucket("PUT", "/photos?versioning", document)).status == 200


async def test_every_version_is_read_by_its_id(enabled: Any) -> None:
    first, second = await put(enabled, b"one"), await put(enabled, b"two")
    for version, body in ((first, b"one"), (second, b"two")):
        for method in ("GET", "HEAD"):
            found = await enabled(method, f"/photos/k?versionId={version}")
            assert (found.status, found.headers["x-amz-version-id"]) == (200, version)
            assert found.length == len(body)
    found = await enabled("GET", "/photos/k")
    assert (found.body, found.headers["x-amz-version-id"]) == (b"two", second)
    unchanged = await enabled("GET", "/photos/k", headers={"If-None-Match": found.headers["etag"]})
    assert (unchanged.status, unchanged.headers["x-amz-version-id"]) == (304, second)


async def test_the_version_of_before_is_called_null(bucket: Any) -> None:
    stored = await bucket("PUT", "/photos/k", b"old")
    assert "x-amz-version-id" not in stored.headers
    assert "x-amz-version-id" not in (await bucket("GET", "/photos/k")).headers
    await bucket("PUT", "/photos?versioning", ENABLED)
    assert (await bucket("HEAD", "/photos/k")).headers["x-amz-version-id"] == "null"
    await put(bucket, b"new")
    assert (await bucket("GET", "/photos/k?versionId=null")).body == b"old"


async def test_a_suspended_bucket_replaces_the_null_version_and_names_none_that_it_made(enabled: Any) -> None:
    kept = await put(enabled, b"kept")
    await enabled("PUT", "/photos?versioning", SUSPENDED)
    for body in (b"one", b"two"):
        assert "x-amz-version-id" not in (await enabled("PUT", "/photos/k", body)).headers
    found = await enabled("GET", "/photos/k")
    assert (found.body, found.headers["x-amz-version-id"]) == (b"two", "null")
    assert (await enabled("GET", f"/photos/k?versionId={kept}")).body == b"kept"


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_a_removed_key_says_that_a_marker_hides_it(enabled: Any, method: str) -> None:
    await put(enabled, b"one")
    gone = await enabled("DELETE", "/photos/k")
    marker = gone.headers["x-amz-version-id"]
    assert (gone.status, gone.headers["x-amz-delete-marker"]) == (204, "true")
    found = await enabled(method, "/photos/k")
    assert (found.status, found.headers["x-amz-delete-marker"]) == (404, "true")
    assert found.headers["x-amz-version-id"] == marker
    named = await enabled(method, f"/photos/k?versionId={marker}")
    assert (named.status, named.headers["x-amz-delete-marker"], named.headers["allow"]) == (405, "true", "DELETE")
    assert (named.headers["x-amz-version-id"], "last-modified" in named.headers) == (marker, True)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_a_key_that_never_was_says_that_no_marker_hides_it(enabled: Any, method: str) -> None:
    found = await enabled(method, "/photos/never")
    assert (found.status, found.headers["x-amz-delete-marker"]) == (404, "false")


async def test_removing_a_marker_brings_the_object_back(enabled: Any) -> None:
    version = await put(enabled, b"one")
    marker = (await enabled("DELETE", "/photos/k")).headers["x-amz-version-id"]
    undone = await enabled("DELETE", f"/photos/k?versionId={marker}")
    told = undone.headers
    assert (undone.status, told["x-amz-delete-marker"], told["x-amz-version-id"]) == (204, "true", marker)
    assert (await enabled("GET", "/photos/k")).headers["x-amz-version-id"] == version


async def test_removing_a_version_is_for_good_and_again_no_error(enabled: Any) -> None:
    version = await put(enabled, b"one")
    for _ in range(2):
        gone = await enabled("DELETE", f"/photos/k?versionId={version}")
        assert (gone.status, gone.headers["x-amz-version-id"]) == (204, version)
        assert "x-amz-delete-marker" not in gone.headers
    found = await enabled("GET", f"/photos/k?versionId={version}")
    assert (found.status, found.code, found.xml["VersionId"]) == (404, "NoSuchVersion", version)


async def test_a_suspended_bucket_makes_null_markers(enabled: Any) -> None:
    await enabled("PUT", "/photos?versioning", SUSPENDED)
    await enabled("PUT", "/photos/k", b"one")
    gone = await enabled("DELETE", "/photos/k")
    assert (gone.headers["x-amz-delete-marker"], gone.headers["x-amz-version-id"]) == ("true", "null")
    assert (await enabled("GET", "/photos/k?versionId=null")).status == 405


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE"])
@pytest.mark.parametrize("version", ["", "1", WRONG, "nul"])
async def test_what_is_no_version_id_is_refused(enabled: Any, method: str, version: str) -> None:
    await put(enabled, b"one")
    found = await enabled(method, f"/photos/k?versionId={version}")
    assert found.status == 400
    assert method == "HEAD" or found.code == "InvalidArgument"
    assert (await enabled("GET", "/photos/k")).status == 200


async def test_conditions_of_a_put_are_asked_of_the_visible_version(enabled: Any) -> None:
    fresh = {"If-None-Match": "*"}
    first = await enabled("PUT", "/photos/k", b"one", fresh)
    assert (await enabled("PUT", "/photos/k", b"two", fresh)).code == "PreconditionFailed"
    etag = first.headers["etag"]
    assert (await enabled("PUT", "/photos/k", b"two", {"If-None-Match": etag})).code == "PreconditionFailed"
    assert (await enabled("PUT", "/photos/k", b"two", {"If-None-Match": '"other"'})).status == 200
    assert (await enabled("PUT", "/photos/k", b"three", {"If-Match": etag})).code == "PreconditionFailed"
    await enabled("DELETE", "/photos/k")
    assert (await enabled("PUT", "/photos/k", b"four", {"If-Match": "*"})).code == "NoSuchKey"
    assert (await enabled("PUT", "/photos/k", b"four", fresh)).status == 200


async def test_a_bucket_with_only_a_marker_is_not_empty(enabled: Any) -> None:
    marker = (await enabled("DELETE", "/photos/k")).headers["x-amz-version-id"]
    assert (await enabled("DELETE", "/photos")).code == "BucketNotEmpty"
    await enabled("DELETE", f"/photos/k?versionId={marker}")
    assert (await enabled("DELETE", "/photos")).status == 204


def entries(*wanted: tuple[str, str]) -> bytes:
    objects = [f"<Object><Key>{key}</Key>{version}</Object>" for key, version in wanted]
    return f"<Delete>{''.join(objects)}</Delete>".encode()


async def test_many_keys_get_their_markers_and_many_versions_go(enabled: Any) -> None:
    version = await put(enabled, b"one")
    made = (await enabled("POST", "/photos?delete", entries(("k", "")))).xml["Deleted"]
    marker = made["DeleteMarkerVersionId"]
    assert made == {"Key": "k", "DeleteMarker": "true", "DeleteMarkerVersionId": marker}
    both = [("k", f"<VersionId>{each}</VersionId>") for each in (version, marker)]
    for _ in range(2):
        gone = (await enabled("POST", "/photos?delete", entries(*both))).xml["Deleted"]
        assert [row["VersionId"] for row in gone] == [version, marker]
    assert (await enabled("DELETE", "/photos")).status == 204


async def test_a_removed_marker_is_told_as_one(enabled: Any) -> None:
    marker = (await enabled("DELETE", "/photos/k")).headers["x-amz-version-id"]
    asked = entries(("k", f"<VersionId>{marker}</VersionId>"))
    gone = (await enabled("POST", "/photos?delete", asked)).xml["Deleted"]
    assert gone == {"Key": "k", "VersionId": marker, "DeleteMarker": "true", "DeleteMarkerVersionId": marker}


async def test_a_version_whose_condition_fails_is_named_in_its_error(enabled: Any) -> None:
    version = await put(enabled, b"one")
    asked = entries(("k", f"<VersionId>{version}</VersionId><Size>9</Size>"))
    refused = (await enabled("POST", "/photos?delete", asked)).xml["Error"]
    assert (refused["Key"], refused["VersionId"], refused["Code"]) == ("k", version, "PreconditionFailed")


async def test_a_version_of_another_bucket_is_no_version_here(enabled: Any) -> None:
    version = await put(enabled, b"one")
    await enabled("PUT", "/others")
    assert (await enabled("GET", f"/others/k?versionId={version}")).code == "NoSuchVersion"
    assert (await enabled("GET", f"/photos/other?versionId={version}")).code == "NoSuchVersion"
