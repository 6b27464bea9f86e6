"""Copies name a body once more, and ask again when the source changes under them."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from mys3d import limits
from mys3d.engine.copy import Description, Place, copy_object, rename_object
from mys3d.errors import Reason, Rejected, S3Error, Unavailable
from mys3d.model.body import InlineBlobs
from mys3d.model.buckets import Versioning
from mys3d.model.names import NULL_VERSION, GcEpoch, ObjectKey, VersionId
from mys3d.model.objects import Checksum, Content, Version
from mys3d.registry import queries
from mys3d.registry.commands import DeleteObject, Precondition, PutObject, SetVersioning

MakeGrid = Callable[[int], Awaitable[Any]]
OTHER = Content("text/css")


@pytest.fixture
async def grid(make_grid: MakeGrid) -> Any:
    found = await make_grid(1)
    epoch = queries.layout(found[0].ports.registry.view()).epoch
    found.epoch = epoch
    blob = await found.hold(b"data", [0])
    await found[0].ports.registry.propose(command(found, "a", blob))
    return found


def command(grid: Any, key: str, blob: Any, etag: str = "e") -> PutObject:
    body = InlineBlobs((blob,))
    return PutObject(
        grid.bucket, ObjectKey(key), blob.length, etag, body, Content("text/plain"), (), grid.epoch, GcEpoch(99)
    )


def place(grid: Any, key: str) -> Place:
    return Place(grid.bucket, ObjectKey(key))


async def same(_: Version) -> Description:
    return Description()


async def otherwise(_: Version) -> Description:
    return Description(OTHER, (Checksum("CRC32", b"abcd"),))


def live(grid: Any, key: str) -> Version | None:
    return queries.live(grid[0].ports.registry.view(), grid.bucket, ObjectKey(key))


async def test_a_copy_has_the_body_and_content_of_its_source(grid: Any) -> None:
    source, _ = await copy_object(grid[0].ports, place(grid, "a"), place(grid, "b"), same)
    copied = live(grid, "b")
    assert copied is not None
    assert (copied.body, copied.etag, copied.size, copied.content) == (
        source.body,
        source.etag,
        source.size,
        source.content,
    )
    assert copied.id > source.id


async def test_a_copy_may_say_something_else_of_its_bytes(grid: Any) -> None:
    await copy_object(grid[0].ports, place(grid, "a"), place(grid, "a"), otherwise)
    copied = live(grid, "a")
    assert copied is not None
    assert (copied.content, copied.size, copied.checksums) == (OTHER, 4, (Checksum("CRC32", b"abcd"),))


async def test_a_missing_source_is_told(grid: Any) -> None:
    with pytest.raises(Rejected) as refused:
        await copy_object(grid[0].ports, place(grid, "nothing"), place(grid, "b"), same)
    assert refused.value.reason is Reason.SOURCE_CHANGED


async def test_a_source_that_the_client_does_not_want_is_not_copied(grid: Any) -> None:
    async def refuse(_: Version) -> Description:
        raise S3Error("PreconditionFailed")

    with pytest.raises(S3Error):
        await copy_object(grid[0].ports, place(grid, "a"), place(grid, "b"), refuse)
    assert live(grid, "b") is None


async def test_a_condition_on_the_target_is_decided_by_the_rules(grid: Any) -> None:
    await copy_object(grid[0].ports, place(grid, "a"), place(grid, "b"), same)
    with pytest.raises(Rejected) as refused:
        await copy_object(grid[0].ports, place(grid, "a"), place(grid, "b"), same, Precondition(if_none_match="*"))
    assert refused.value.reason is Reason.PRECONDITION_FAILED


class Meddling:
    """A registry in which something happens between the look at a source and the copy."""

    def __init__(self, registry: Any, meddle: Callable[[], Awaitable[Any]], times: int) -> None:
        self._registry, self._meddle, self.left = registry, meddle, times

    def __getattr__(self, name: str) -> Any:
        return getattr(self._registry, name)

    async def propose(self, command: Any) -> Any:
        if self.left:
            self.left -= 1
            await self._meddle()
        return await self._registry.propose(command)


def meddled(grid: Any, times: int, meddle: Callable[[], Awaitable[Any]]) -> Any:
    return replace(grid[0].ports, registry=Meddling(grid[0].ports.registry, meddle, times))


async def test_a_source_that_changes_meanwhile_is_looked_at_again(grid: Any) -> None:
    newer = await grid.hold(b"newer", [0])

    async def overwrite() -> None:
        await grid[0].ports.registry.propose(command(grid, "a", newer))

    seen: list[int] = []

    async def see(version: Version) -> Description:
        seen.append(version.size)
        return Description()

    await copy_object(meddled(grid, 1, overwrite), place(grid, "a"), place(grid, "b"), see)
    assert seen == [4, 5]
    copied = live(grid, "b")
    assert copied is not None
    assert copied.size == 5


async def test_a_source_that_is_deleted_meanwhile_is_told(grid: Any) -> None:
    async def remove() -> None:
        await grid[0].ports.registry.propose(DeleteObject(grid.bucket, ObjectKey("a")))

    with pytest.raises(Rejected) as refused:
        await copy_object(meddled(grid, 1, remove), place(grid, "a"), place(grid, "b"), same)
    assert refused.value.reason is Reason.SOURCE_CHANGED


async def test_a_source_that_never_rests_is_given_up(grid: Any) -> None:
    blob = await grid.hold(b"again", [0])

    async def overwrite() -> None:
        await grid[0].ports.registry.propose(command(grid, "a", blob))

    with pytest.raises(Unavailable, match="changed"):
        await copy_object(
            meddled(grid, limits.commit_retries_max + 1, overwrite), place(grid, "a"), place(grid, "b"), same
        )


def anything(_source: Version, _replaced: Version | None) -> None:
    return None


async def test_a_renamed_object_has_one_key(grid: Any) -> None:
    before = live(grid, "a")
    await rename_object(grid[0].ports, place(grid, "a"), place(grid, "b"), anything)
    after = live(grid, "b")
    assert live(grid, "a") is None
    assert before is not None
    assert after is not None
    assert (after.body, after.modified_at) == (before.body, before.modified_at)


async def test_both_keys_of_a_rename_are_looked_at_again_when_they_change(grid: Any) -> None:
    blob = await grid.hold(b"newer", [0])

    async def put() -> None:
        await grid[0].ports.registry.propose(command(grid, "b", blob))

    seen: list[tuple[int, int]] = []
    await rename_object(
        meddled(grid, 1, put),
        place(grid, "a"),
        place(grid, "b"),
        lambda source, replaced: seen.append((source.size, -1 if replaced is None else replaced.size)),
    )
    assert seen == [(4, -1), (4, 5)]
    assert live(grid, "a") is None


async def test_a_source_that_is_missing_is_not_renamed(grid: Any) -> None:
    with pytest.raises(Rejected) as refused:
        await rename_object(grid[0].ports, place(grid, "nothing"), place(grid, "b"), anything)
    assert refused.value.reason is Reason.SOURCE_CHANGED


async def test_keys_that_never_rest_are_not_renamed(grid: Any) -> None:
    blob = await grid.hold(b"again", [0])

    async def overwrite() -> None:
        await grid[0].ports.registry.propose(command(grid, "a", blob))

    with pytest.raises(Unavailable, match="changed"):
        await rename_object(
            meddled(grid, limits.commit_retries_max + 1, overwrite), place(grid, "a"), place(grid, "b"), anything
        )
    assert live(grid, "b") is None


async def test_a_version_that_is_not_visible_is_copied_when_it_is_named(grid: Any) -> None:
    registry = grid[0].ports.registry
    await registry.propose(SetVersioning(grid.bucket, Versioning.ENABLED))
    blob = await grid.hold(b"newer", [0])
    newer = (await registry.propose(command(grid, "a", blob, etag="newer"))).detail.version
    source, _ = await copy_object(grid[0].ports, place(grid, "a"), place(grid, "b"), same, version=NULL_VERSION)
    assert (source.is_null, live(grid, "b").etag) == (True, "e")
    await copy_object(grid[0].ports, place(grid, "a"), place(grid, "b"), same, version=newer)
    assert live(grid, "b").etag == "newer"
    marker = (await registry.propose(DeleteObject(grid.bucket, ObjectKey("a")))).detail.marker
    for version in (marker, VersionId(10**6)):
        with pytest.raises(Rejected, match="there is no source"):
            await copy_object(grid[0].ports, place(grid, "a"), place(grid, "b"), same, version=version)
    with pytest.raises(Rejected, match="there is no source"):
        await copy_object(grid[0].ports, place(grid, "a"), place(grid, "b"), same)
