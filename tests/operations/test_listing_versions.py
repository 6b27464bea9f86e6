"""ListObjectVersions through dispatch."""

from typing import Any
from urllib.parse import quote

import pytest

ENABLED = b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"


def rows(tree: Any, name: str) -> list[Any]:
    found = tree.get(name, [])
    return found if isinstance(found, list) else [found]


def in_order(tree: Any) -> list[tuple[str, str, str]]:
    """Versions and markers of a page as (key, id, latest or not), in the order of the list: keys, then as they came."""
    found = [(row["Key"], row["VersionId"], row["IsLatest"]) for row in rows(tree, "Version")]
    found += [(row["Key"], row["VersionId"], row["IsLatest"]) for row in rows(tree, "DeleteMarker")]
    return found


@pytest.fixture
async def filled(bucket: Any) -> Any:
    """Three keys, each with a null version below two others; `b` ends with a marker."""
    for key in ("a", "b", "c/d"):
        await bucket("PUT", f"/photos/{key}", b"0")
    await bucket("PUT", "/photos?versioning", ENABLED)
    for body in (b"1", b"22"):
        for key in ("a", "b", "c/d"):
            await bucket("PUT", f"/photos/{key}", body)
    await bucket("DELETE", "/photos/b")
    return bucket


async def test_every_version_is_listed_newest_first_and_the_latest_is_told(filled: Any) -> None:
    found = (await filled("GET", "/photos?versions")).xml
    keys = [(row["Key"], row["IsLatest"], row["Size"]) for row in rows(found, "Version")]
    assert keys == [
        ("a", "true", "2"),
        ("a", "false", "1"),
        ("a", "false", "1"),
        ("b", "false", "2"),
        ("b", "false", "1"),
        ("b", "false", "1"),
        ("c/d", "true", "2"),
        ("c/d", "false", "1"),
        ("c/d", "false", "1"),
    ]
    (marker,) = rows(found, "DeleteMarker")
    assert (marker["Key"], marker["IsLatest"], marker["Owner"]["DisplayName"]) == ("b", "true", "root")
    assert set(marker) == {"Key", "VersionId", "IsLatest", "LastModified", "Owner"}
    first = found["Version"][0]
    assert set(first) == {
        "Key", "VersionId", "IsLatest", "LastModified", "ETag", "Size", "StorageClass", "Owner", "ChecksumAlgorithm",
    }  # fmt: skip
    assert [row["VersionId"] for row in rows(found, "Version")][2::3] == ["null"] * 3
    assert (found["Name"], found["MaxKeys"], found["IsTruncated"], found["KeyMarker"]) == (
        "photos", "1000", "false", None,
    )  # fmt: skip


@pytest.mark.parametrize("limit", [1, 2, 3, 4])
async def test_pages_join_to_the_whole_list(filled: Any, limit: int) -> None:
    whole = (await filled("GET", "/photos?versions")).body
    found: list[tuple[str, str, str]] = []
    query = ""
    for _ in range(11):
        page = (await filled("GET", f"/photos?versions&max-keys={limit}{query}")).xml
        found += in_order(page)
        if page["IsTruncated"] == "false":
            break
        query = f"&key-marker={quote(page['NextKeyMarker'], safe='')}&version-id-marker={page['NextVersionIdMarker']}"
    assert "NextKeyMarker" not in page
    assert len(found) == len(set(found)) == whole.count(b"<VersionId>") == 10


async def test_a_delimiter_folds_versions_and_a_prefix_narrows_them(filled: Any) -> None:
    folded = (await filled("GET", "/photos?versions&delimiter=%2F&prefix=c")).xml
    assert (folded["CommonPrefixes"]["Prefix"], folded["Prefix"], folded["Delimiter"]) == ("c/", "c", "/")
    assert "Version" not in folded
    page = (await filled("GET", "/photos?versions&delimiter=%2F&max-keys=8")).xml
    assert page["IsTruncated"] == "false"
    page = (await filled("GET", "/photos?versions&prefix=c%2F")).xml
    assert {row["Key"] for row in rows(page, "Version")} == {"c/d"}


async def test_a_page_that_ends_with_a_common_prefix_goes_on_behind_it(bucket: Any) -> None:
    for key in ("a/1", "a/2", "b"):
        await bucket("PUT", f"/photos/{key}", b"x")
    page = (await bucket("GET", "/photos?versions&delimiter=%2F&max-keys=1")).xml
    assert (page["CommonPrefixes"]["Prefix"], page["NextKeyMarker"]) == ("a/", "a/")
    assert "NextVersionIdMarker" not in page
    rest = (await bucket("GET", "/photos?versions&delimiter=%2F&key-marker=a%2F")).xml
    assert (rest["Version"]["Key"], "CommonPrefixes" in rest) == ("b", False)


async def test_a_key_marker_alone_stands_behind_all_versions_of_its_key(filled: Any) -> None:
    found = (await filled("GET", "/photos?versions&key-marker=b")).xml
    assert {row["Key"] for row in rows(found, "Version")} == {"c/d"}
    assert (found["KeyMarker"], found["VersionIdMarker"]) == ("b", None)
    within = (await filled("GET", "/photos?versions&key-marker=b&version-id-marker=null")).xml
    assert {row["Key"] for row in rows(within, "Version")} == {"c/d"}


async def test_a_bucket_without_versions_lists_its_objects(bucket: Any) -> None:
    await bucket("PUT", "/photos/k", b"x")
    found = (await bucket("GET", "/photos?versions")).xml["Version"]
    assert (found["Key"], found["VersionId"], found["IsLatest"]) == ("k", "null", "true")


async def test_keys_are_url_encoded_when_asked_for(bucket: Any) -> None:
    await bucket("PUT", "/photos/a%20b%2Bc", b"x")
    query = "/photos?versions&encoding-type=url&key-marker=a%20"
    found = (await bucket("GET", query)).xml
    assert (found["Version"]["Key"], found["KeyMarker"], found["EncodingType"]) == ("a%20b%2Bc", "a%20", "url")


@pytest.mark.parametrize(
    "query",
    [
        "max-keys=x",
        "max-keys=4294967296",
        "encoding-type=xml",
        "version-id-marker=null",
        "key-marker=a&version-id-marker=1",
    ],
)
async def test_what_cannot_be_listed_is_refused(filled: Any, query: str) -> None:
    found = await filled("GET", f"/photos?versions&{query}")
    assert (found.status, found.code) == (400, "InvalidArgument")


async def test_a_page_of_nothing_is_not_truncated(filled: Any) -> None:
    found = (await filled("GET", "/photos?versions&max-keys=0&key-marker=&version-id-marker=")).xml
    assert (found["IsTruncated"], found["MaxKeys"], in_order(found)) == ("false", "0", [])
