"""ListObjectsV2 and ListObjects through dispatch."""

from typing import Any
from urllib.parse import quote, unquote

import pytest


@pytest.fixture
async def filled(bucket: Any) -> Any:
    """A client of a bucket with ten keys in five folders."""
    for number in range(10):
        await bucket("PUT", f"/photos/d{number % 5}/f{number}", b"x" * number)
    return bucket


def each(rows: Any, name: str) -> list[str]:
    return [row[name] for row in (rows if isinstance(rows, list) else [rows])]


ALL = sorted(f"d{number % 5}/f{number}" for number in range(10))


async def test_a_list_has_every_key_in_order(filled: Any) -> None:
    found = (await filled("GET", "/photos?list-type=2")).xml
    assert each(found["Contents"], "Key") == ALL
    assert (found["Name"], found["KeyCount"], found["IsTruncated"], found["MaxKeys"]) == (
        "photos",
        "10",
        "false",
        "1000",
    )
    first = found["Contents"][0]
    assert first["ETag"] == '"d41d8cd98f00b204e9800998ecf8427e"'
    assert (first["Size"], first["StorageClass"], first["ChecksumAlgorithm"]) == ("0", "STANDARD", "CRC64NVME")
    assert first["LastModified"].endswith(".000Z")
    assert "Owner" not in first


async def test_pages_join_to_the_whole_list(filled: Any) -> None:
    keys: list[str] = []
    token = ""
    for _ in range(4):
        found = (await filled("GET", f"/photos?list-type=2&max-keys=3{token}")).xml
        keys += each(found["Contents"], "Key")
        if found["IsTruncated"] == "false":
            break
        token = f"&continuation-token={found['NextContinuationToken']}"
    assert keys == ALL
    assert "NextContinuationToken" not in found
    assert found["ContinuationToken"] == token.partition("=")[2]


async def test_a_delimiter_folds_keys_and_pages_of_folders_join(filled: Any) -> None:
    folded = (await filled("GET", "/photos?list-type=2&delimiter=%2F")).xml
    assert each(folded["CommonPrefixes"], "Prefix") == [f"d{number}/" for number in range(5)]
    assert folded["KeyCount"] == "5"
    assert "Contents" not in folded
    first = (await filled("GET", "/photos?list-type=2&delimiter=%2F&max-keys=2")).xml
    token = first["NextContinuationToken"]
    second = (await filled("GET", f"/photos?list-type=2&delimiter=%2F&max-keys=9&continuation-token={token}")).xml
    assert each(second["CommonPrefixes"], "Prefix") == ["d2/", "d3/", "d4/"]


async def test_a_prefix_and_a_start_narrow_the_list(filled: Any) -> None:
    found = (await filled("GET", "/photos?list-type=2&prefix=d3%2F")).xml
    assert (each(found["Contents"], "Key"), found["Prefix"]) == (["d3/f3", "d3/f8"], "d3/")
    later = (await filled("GET", "/photos?list-type=2&start-after=d4%2Ff4")).xml
    assert (each(later["Contents"], "Key"), later["StartAfter"]) == (["d4/f9"], "d4/f4")


async def test_a_page_of_nothing_is_not_truncated(filled: Any) -> None:
    found = (await filled("GET", "/photos?list-type=2&max-keys=0")).xml
    assert (found["KeyCount"], found["IsTruncated"], found["MaxKeys"]) == ("0", "false", "0")


async def test_no_page_has_more_than_a_thousand_keys(filled: Any) -> None:
    assert (await filled("GET", "/photos?list-type=2&max-keys=5000")).xml["MaxKeys"] == "1000"


async def test_an_owner_is_told_when_asked_for(filled: Any) -> None:
    found = (await filled("GET", "/photos?list-type=2&fetch-owner=true")).xml
    assert found["Contents"][0]["Owner"]["DisplayName"] == "root"


async def test_keys_are_url_encoded_when_asked_for(bucket: Any) -> None:
    await bucket("PUT", "/photos/a%20b%2Bc/%01%C3%A9", b"x")
    found = (
        await bucket("GET", "/photos?list-type=2&encoding-type=url&prefix=a%20b&delimiter=%2F&start-after=a%20")
    ).xml
    assert found["CommonPrefixes"]["Prefix"] == "a%20b%2Bc/"
    assert (found["Prefix"], found["StartAfter"], found["EncodingType"]) == ("a%20b", "a%20", "url")
    assert (await bucket("GET", "/photos?list-type=2&encoding-type=url")).xml["Contents"][
        "Key"
    ] == "a%20b%2Bc/%01%C3%A9"


@pytest.mark.parametrize(("prefix", "told"), [("%0A", "\n"), ("a%20b", "a b"), ("a%2520", "a%20"), ("%01", "%01")])
async def test_the_first_list_tells_the_prefix_as_it_was_asked(bucket: Any, prefix: str, told: str) -> None:
    found = (await bucket("GET", f"/photos?encoding-type=url&prefix={prefix}&delimiter=%0A&marker=%0A")).xml
    assert (found["Prefix"], found["Delimiter"], found["Marker"]) == (told, "%0A", "%0A")


async def test_markup_in_a_key_stays_text(bucket: Any) -> None:
    await bucket("PUT", "/photos/%3C%2FKey%3E%26%22%0D", b"x")
    assert (await bucket("GET", "/photos?list-type=2")).xml["Contents"]["Key"] == '</Key>&"\r'


async def test_a_prefix_that_no_key_has_is_an_empty_list(filled: Any) -> None:
    found = (await filled("GET", "/photos?list-type=2&prefix=none")).xml
    assert (found["KeyCount"], "Contents" in found) == ("0", False)


@pytest.mark.parametrize(
    "query", ["max-keys=-1", "max-keys=x", "encoding-type=xml", "continuation-token=made%20up", "fetch-owner=maybe"]
)
async def test_what_cannot_be_listed_is_refused(filled: Any, query: str) -> None:
    found = await filled("GET", f"/photos?list-type=2&{query}")
    assert (found.status, found.code) == (400, "InvalidArgument")


async def test_the_older_list_pages_by_markers(filled: Any) -> None:
    first = (await filled("GET", "/photos?max-keys=4")).xml
    assert (each(first["Contents"], "Key"), first["IsTruncated"], first["Marker"]) == (ALL[:4], "true", None)
    assert "NextMarker" not in first
    assert first["Contents"][0]["Owner"]["DisplayName"] == "root"
    rest = (await filled("GET", "/photos?marker=d1%2Ff6")).xml
    assert each(rest["Contents"], "Key") == ALL[4:]


async def test_the_older_list_says_where_folders_go_on(filled: Any) -> None:
    first = (await filled("GET", "/photos?max-keys=2&delimiter=%2F")).xml
    assert first["NextMarker"] == "d1/"
    rest = (await filled("GET", "/photos?delimiter=%2F&marker=d1%2F")).xml
    assert each(rest["CommonPrefixes"], "Prefix") == ["d2/", "d3/", "d4/"]


async def test_an_empty_token_starts_at_the_first_key(filled: Any) -> None:
    found = (await filled("GET", "/photos?list-type=2&continuation-token=")).xml
    assert (each(found["Contents"], "Key"), found["ContinuationToken"]) == (ALL, None)


async def test_a_token_counts_more_than_a_start(filled: Any) -> None:
    first = (await filled("GET", "/photos?list-type=2&start-after=d1%2Ff1&max-keys=1")).xml
    token = first["NextContinuationToken"]
    rest = (await filled("GET", f"/photos?list-type=2&start-after=d1%2Ff1&continuation-token={token}")).xml
    assert (each(rest["Contents"], "Key"), rest["StartAfter"]) == (ALL[4:], "d1/f1")


@pytest.mark.parametrize("delimiter", ["f", "1/", "\n", "%C3%A9", "%00"])
async def test_any_text_may_be_a_delimiter(filled: Any, delimiter: str) -> None:
    found = (
        await filled("GET", f"/photos?list-type=2&encoding-type=url&delimiter={quote(unquote(delimiter), safe='')}")
    ).xml
    folded = {key[: key.find(unquote(delimiter)) + len(unquote(delimiter))] for key in ALL if unquote(delimiter) in key}
    assert int(found["KeyCount"]) == len(folded) + sum(unquote(delimiter) not in key for key in ALL)
    assert unquote(found["Delimiter"]) == unquote(delimiter)


@pytest.mark.parametrize("query", ["max-keys=2147483648", "max-keys=9999999999", "max-keys="])
async def test_a_page_is_of_a_number_that_s3_takes(filled: Any, query: str) -> None:
    for kind in ("list-type=2&", ""):
        assert (await filled("GET", f"/photos?{kind}{query}")).code == "InvalidArgument"


async def test_a_list_shows_the_visible_versions_only(filled: Any) -> None:
    status = b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"
    await filled("PUT", "/photos?versioning", status)
    await filled("PUT", "/photos/d0/f0", b"a newer one")
    await filled("DELETE", "/photos/d0/f5")
    found = (await filled("GET", "/photos?list-type=2&prefix=d0%2F")).xml
    assert (found["Contents"]["Key"], found["Contents"]["Size"], found["KeyCount"]) == ("d0/f0", "11", "1")
