"""RenameObject through dispatch."""

from typing import Any

import pytest

PAST = "Wed, 21 Oct 2009 07:28:00 GMT"
FUTURE = "Wed, 21 Oct 2099 07:28:00 GMT"


@pytest.fixture
async def stored(bucket: Any) -> Any:
    """A client of a bucket with the object `k`."""
    await bucket("PUT", "/photos/k", b"data", {"x-amz-meta-m": "1", "x-amz-tagging": "a=1"})
    return bucket


async def rename(client: Any, source: str = "k", url: str = "/photos/new?renameObject", **headers: str) -> Any:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await client("PUT", url, b"", {"x-amz-rename-source": source, **named})


@pytest.mark.parametrize("source", ["k", "photos/k", "/photos/k", "%2Fphotos%2Fk"])
async def test_an_object_gets_another_key_and_keeps_the_rest(stored: Any, source: str) -> None:
    before = (await stored("HEAD", "/photos/k")).headers
    assert (await rename(stored, source)).status == 200
    after = (await stored("HEAD", "/photos/new")).headers
    for headers in (before, after):
        headers.pop("x-amz-request-id")
    assert after == before
    assert (await stored("GET", "/photos/new")).body == b"data"
    assert (await stored("GET", "/photos/k")).status == 404


async def test_a_rename_replaces_what_is_there(stored: Any) -> None:
    await stored("PUT", "/photos/new", b"other")
    assert (await rename(stored)).status == 200
    assert (await stored("GET", "/photos/new")).body == b"data"


@pytest.mark.parametrize(
    ("headers", "condition"),
    [
        ({"If_None_Match": "*"}, "If-None-Match"),
        ({"If_Match": "x"}, "If-Match"),
        ({"If_Modified_Since": FUTURE}, "If-Modified-Since"),
        ({"If_Unmodified_Since": PAST}, "If-Unmodified-Since"),
        ({"x_amz_rename_source_if_match": "x"}, "x-amz-rename-source-If-Match"),
        ({"x_amz_rename_source_if_none_match": "*"}, "x-amz-rename-source-If-None-Match"),
        ({"x_amz_rename_source_if_modified_since": FUTURE}, "x-amz-rename-source-If-Modified-Since"),
        ({"x_amz_rename_source_if_unmodified_since": PAST}, "x-amz-rename-source-If-Unmodified-Since"),
    ],
)
async def test_a_condition_that_does_not_hold_is_named(stored: Any, headers: dict[str, str], condition: str) -> None:
    await stored("PUT", "/photos/new", b"other")
    found = await rename(stored, **headers)
    assert (found.status, found.code, found.xml["Condition"]) == (412, "PreconditionFailed", condition)
    assert (await stored("GET", "/photos/new")).body == b"other"
    assert (await stored("GET", "/photos/k")).body == b"data"


async def test_conditions_that_hold_let_it_happen(stored: Any) -> None:
    etag = (await stored("HEAD", "/photos/k")).headers["etag"]
    assert (await rename(stored, If_Match="*")).code == "PreconditionFailed", "there is nothing there"
    headers = {"If_None_Match": "*", "x_amz_rename_source_if_match": etag, "If_Unmodified_Since": PAST}
    assert (await rename(stored, **headers)).status == 200


@pytest.mark.parametrize(
    ("source", "url", "code"),
    [
        ("none", "/photos/new?renameObject", "NoSuchKey"),
        ("k", "/none/new?renameObject", "NoSuchBucket"),
        ("k", "/photos/k?renameObject", "InvalidRequest"),
        ("/other/k", "/photos/new?renameObject", "InvalidArgument"),
        ("%zz", "/photos/new?renameObject", "InvalidArgument"),
        ("", "/photos/new?renameObject", "InvalidArgument"),
        ("/photos/", "/photos/new?renameObject", "InvalidArgument"),
        ("k" * 1025, "/photos/new?renameObject", "KeyTooLongError"),
    ],
)
async def test_what_cannot_be_renamed_is_told(stored: Any, source: str, url: str, code: str) -> None:
    assert (await rename(stored, source, url)).code == code
    assert (await stored("GET", "/photos/k")).body == b"data"


async def test_a_source_has_to_be_named(stored: Any) -> None:
    assert (await stored("PUT", "/photos/new?renameObject")).code == "InvalidRequest"


async def test_a_rename_sent_again_harms_nothing(stored: Any) -> None:
    assert (await rename(stored, x_amz_client_token="t")).status == 200
    assert (await rename(stored, x_amz_client_token="t")).code == "NoSuchKey"
    assert (await stored("GET", "/photos/new")).body == b"data"
