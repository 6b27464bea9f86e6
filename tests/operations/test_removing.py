"""DeleteObject and DeleteObjects through dispatch."""

from typing import Any

import pytest

from mys3d.errors import OutcomeUnknown, Unavailable
from mys3d.model.buckets import Versioning
from mys3d.registry.commands import DeleteObjects, SetVersioning


def listed(*keys: str, quiet: bool = False) -> bytes:
    objects = "".join([f"<Object><Key>{key}</Key></Object>" for key in keys])
    return f"<Delete>{objects}{'<Quiet>true</Quiet>' if quiet else ''}</Delete>".encode()


def names(rows: Any) -> list[str]:
    return [row["Key"] for row in (rows if isinstance(rows, list) else [rows])]


async def test_a_removed_object_is_gone_and_removing_it_again_is_no_error(bucket: Any) -> None:
    await bucket("PUT", "/photos/k", b"x")
    for _ in range(2):
        gone = await bucket("DELETE", "/photos/k")
        assert (gone.status, gone.body) == (204, b"")
    assert (await bucket("GET", "/photos/k")).status == 404


async def test_a_removal_may_have_a_condition(bucket: Any) -> None:
    etag = (await bucket("PUT", "/photos/k", b"x")).headers["etag"]
    refused = await bucket("DELETE", "/photos/k", headers={"If-Match": '"other"'})
    assert (refused.status, refused.code, refused.xml["Condition"]) == (412, "PreconditionFailed", "If-Match")
    assert (await bucket("DELETE", "/photos/k", headers={"If-Match": etag})).status == 204


@pytest.mark.parametrize(
    ("name", "wrong", "right"),
    [
        ("x-amz-if-match-size", "5", "1"),
        ("x-amz-if-match-last-modified-time", "Thu, 01 Jan 2015 00:00:00 GMT", "header"),
        ("x-amz-if-match-last-modified-time", "1970-01-01T00:00:00Z", "list"),
        ("x-amz-if-match-last-modified-time", "Thu, 01 Jan 1970 00:00:00 GMT", "list"),
    ],
)
async def test_a_removal_may_ask_for_a_size_or_a_time(bucket: Any, name: str, wrong: str, right: str) -> None:
    await bucket("PUT", "/photos/k", b"x")
    told = {
        "header": (await bucket("HEAD", "/photos/k")).headers["last-modified"],
        "list": (await bucket("GET", "/photos?list-type=2")).xml["Contents"]["LastModified"],
    }
    right = told.get(right, right)
    refused = await bucket("DELETE", "/photos/k", headers={name: wrong})
    assert (refused.status, refused.code, refused.xml["Condition"]) == (412, "PreconditionFailed", name)
    assert (await bucket("GET", "/photos/k")).status == 200
    assert (await bucket("DELETE", "/photos/k", headers={name: right})).status == 204
    assert (await bucket("GET", "/photos/k")).status == 404
    assert (await bucket("DELETE", "/photos/k", headers={name: wrong})).status == 204


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("x-amz-if-match-size", "-1"),
        ("x-amz-if-match-size", "1" * 19),
        ("x-amz-if-match-last-modified-time", "yesterday"),
        ("If-Match", " "),
    ],
)
async def test_a_condition_that_means_nothing_removes_nothing(bucket: Any, name: str, value: str) -> None:
    await bucket("PUT", "/photos/k", b"x")
    assert (await bucket("DELETE", "/photos/k", headers={name: value})).code == "InvalidArgument"
    assert (await bucket("GET", "/photos/k")).status == 200


async def test_removing_from_no_bucket_is_an_error(client: Any) -> None:
    assert (await client("DELETE", "/none/k")).code == "NoSuchBucket"
    assert (await client("POST", "/none?delete", listed("k"))).code == "NoSuchBucket"


async def test_many_keys_are_removed_by_one_request(bucket: Any) -> None:
    for key in ("a", "b", "%20c%20"):
        await bucket("PUT", f"/photos/{key}", b"x")
    found = await bucket("POST", "/photos?delete", listed("a", " c ", "never was"))
    assert (found.status, names(found.xml["Deleted"])) == (200, ["a", " c ", "never was"])
    assert names((await bucket("GET", "/photos?list-type=2")).xml["Contents"]) == ["b"]


async def test_white_space_around_a_key_is_part_of_it(bucket: Any) -> None:
    await bucket("PUT", "/photos/k", b"x")
    await bucket("POST", "/photos?delete", listed(" k "))
    assert (await bucket("GET", "/photos/k")).status == 200


async def test_a_quiet_request_hears_of_errors_only(bucket: Any) -> None:
    found = await bucket("POST", "/photos?delete", listed("a", "k" * 1025, quiet=True))
    assert "Deleted" not in found.xml
    assert found.xml["Error"]["Code"] == "KeyTooLongError"


@pytest.mark.parametrize(
    ("entry", "code"),
    [
        ("<Key/>", "InvalidArgument"),
        ("<Key>k</Key><VersionId>1</VersionId>", "InvalidArgument"),
        ("<Key>k</Key><ETag>x</ETag>", "PreconditionFailed"),
        ("<Key>k</Key><Size>2</Size>", "PreconditionFailed"),
        ("<Key>k</Key><Size>9999999999999999999</Size>", "PreconditionFailed"),
        ("<Key>k</Key><LastModifiedTime>2015-10-21T07:28:01Z</LastModifiedTime>", "PreconditionFailed"),
        ("<Key>k</Key><LastModifiedTime>now</LastModifiedTime>", "InvalidArgument"),
        ("<Key>k</Key><ETag> </ETag>", "InvalidArgument"),
        (f"<Key>k</Key><ETag>{'e' * 300}</ETag>", "InvalidArgument"),
    ],
)
async def test_an_entry_that_cannot_be_obeyed_is_answered_on_its_own(bucket: Any, entry: str, code: str) -> None:
    await bucket("PUT", "/photos/k", b"x")
    await bucket("PUT", "/photos/j", b"x")
    body = f"<Delete><Object>{entry}</Object><Object><Key>j</Key><VersionId>null</VersionId></Object></Delete>".encode()
    found = await bucket("POST", "/photos?delete", body)
    assert (found.xml["Error"]["Code"], found.xml["Deleted"]["Key"]) == (code, "j")
    assert (await bucket("GET", "/photos/k")).status == 200


@pytest.mark.parametrize("body", [b"", b"<Delete/>", b"text", b"<Delete><Object/></Delete>", b"<!DOCTYPE d><Delete/>"])
async def test_what_is_no_list_of_keys_is_refused(bucket: Any, body: bytes) -> None:
    found = await bucket("POST", "/photos?delete", body)
    assert (found.status, found.code) == (400, "MalformedXML" if body else "MissingRequestBodyError")


async def test_a_request_names_at_most_a_thousand_keys(bucket: Any) -> None:
    keys = [f"k{number}" for number in range(1000)]
    assert len((await bucket("POST", "/photos?delete", listed(*keys))).xml["Deleted"]) == 1000
    assert (await bucket("POST", "/photos?delete", listed("one more", *keys))).code == "MalformedXML"


@pytest.mark.parametrize(
    ("failure", "code"), [(Unavailable("no leader"), "SlowDown"), (OutcomeUnknown(b"o" * 16), "ServiceUnavailable")]
)
async def test_keys_whose_command_failed_are_not_called_deleted(
    bucket: Any, with_ports: Any, failure: Exception, code: str
) -> None:
    registry = bucket.services.ports.registry

    class Failing:
        """A registry whose second command fails."""

        def __init__(self) -> None:
            self.count = 0

        def __getattr__(self, name: str) -> Any:
            return getattr(registry, name)

        async def propose(self, command: DeleteObjects) -> Any:
            self.count += 1
            if self.count == 2:
                raise failure
            return await registry.propose(command)

    keys = [f"{number:03}" + "k" * 1000 for number in range(150)]
    found = (await with_ports(bucket, registry=Failing())("POST", "/photos?delete", listed(*keys))).xml
    assert {row["Code"] for row in found["Error"]} == {code}
    assert sorted(names(found["Deleted"]) + names(found["Error"])) == keys
    assert names(found["Deleted"])[0] == keys[0]


async def test_conditions_that_hold_let_single_keys_go(bucket: Any) -> None:
    for key in ("a", "b", "c", "d"):
        await bucket("PUT", f"/photos/{key}", b"x")
    told = (await bucket("HEAD", "/photos/c")).headers
    asked = [
        f"<Key>a</Key><ETag>{told['etag']}</ETag>",
        "<Key>b</Key><Size>1</Size>",
        f"<Key>c</Key><LastModifiedTime>{told['last-modified']}</LastModifiedTime>",
        "<Key>d</Key><ETag>*</ETag><VersionId/>",
        "<Key>never was</Key><ETag>x</ETag>",
    ]
    body = "".join([f"<Object>{entry}</Object>" for entry in asked])
    found = await bucket("POST", "/photos?delete", f"<Delete>{body}</Delete>".encode())
    assert names(found.xml["Deleted"]) == ["a", "b", "c", "d", "never was"]
    assert "Error" not in found.xml


async def test_keys_of_a_bucket_that_keeps_versions_since_a_moment_ago_are_not_called_deleted(
    bucket: Any, with_ports: Any
) -> None:
    """The node cut the list for a bucket without versions; by the time it is applied, fewer keys fit a command."""
    registry = bucket.services.ports.registry

    class Late:
        """Another client is faster."""

        def __getattr__(self, name: str) -> Any:
            return getattr(registry, name)

        async def propose(self, command: DeleteObjects) -> Any:
            await registry.propose(SetVersioning(command.bucket, Versioning.ENABLED))
            return await registry.propose(command)

    found = await with_ports(bucket, registry=Late())("POST", "/photos?delete", listed(*map(str, range(200))))
    assert {row["Code"] for row in found.xml["Error"]} == {"SlowDown"}
