"""Completing an upload: what is decided holds for the parts as they were seen."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import msgspec
import pytest
import trio

from mys3d import limits
from mys3d.engine import multipart
from mys3d.engine.copy import Place
from mys3d.engine.multipart import Seen
from mys3d.errors import Reason, Rejected, Unavailable
from mys3d.model.body import InlineBlobs
from mys3d.model.names import BodyId, ObjectKey, UploadId, UserId
from mys3d.model.objects import Content
from mys3d.model.uploads import runs_of
from mys3d.registry import queries
from mys3d.registry.commands import CompleteUpload, Precondition
from mys3d.registry.records import Completed
from mys3d.registry.upload_commands import AbortUpload, CreateUpload, PutPart

MakeGrid = Callable[[int], Awaitable[Any]]


class Driven:
    """An upload of one node, and how often a decision was asked for."""

    def __init__(self, grid: Any, upload: UploadId) -> None:
        self.grid = grid
        self.upload = upload
        self.registry = grid[0].ports.registry
        self.place = Place(grid.bucket, ObjectKey("k"))
        self.asked: list[Seen] = []

    async def put(self, number: int, text: bytes) -> None:
        blob = await self.grid.hold(text, [0])
        view = self.registry.view()
        layout, gc_epoch = queries.layout(view).epoch, queries.gc_epoch(view)
        await self.registry.propose(
            PutPart(
                self.grid.bucket,
                ObjectKey("k"),
                self.upload,
                number,
                len(text),
                text.hex(),
                InlineBlobs((blob,)),
                (),
                layout,
                gc_epoch,
            )
        )

    def decide(self, seen: Seen) -> CompleteUpload | Completed:
        self.asked.append(seen)
        if seen.upload is None:
            if seen.completed is None:
                raise Rejected(Reason.NO_SUCH_UPLOAD)
            return seen.completed
        sizes = [(number, part.size) for number, part in sorted(seen.parts.items())]
        size = sum(size for _, size in sizes)
        return CompleteUpload(
            self.place.bucket, self.place.key, self.upload, seen.upload.revision, runs_of(sizes), size, "e-1", ()
        )

    async def complete(self, decide: multipart.Decide | None = None, node: int = 0) -> Any:
        return await multipart.complete(self.grid[node].ports, self.place, self.upload, decide or self.decide)


@pytest.fixture
def driven(make_grid: MakeGrid) -> Callable[[], Awaitable[Driven]]:
    async def make() -> Driven:
        grid = await make_grid(2)
        command = CreateUpload(
            grid.bucket, ObjectKey("k"), b"t" * 16, UserId("me"), Content("x"), "", is_composite=False
        )
        begun = (await grid[0].ports.registry.propose(command)).detail
        found = Driven(grid, begun.upload)
        await found.put(1, b"one")
        return found

    return make


async def test_the_parts_are_seen_and_completed(driven: Any) -> None:
    upload = await driven()
    made = await upload.complete()
    version = queries.live(upload.registry.view(), upload.grid.bucket, ObjectKey("k"))
    assert (version.id, version.size) == (made.version, 3)
    assert {number: part.size for number, part in upload.asked[0].parts.items()} == {1: 3}


async def test_a_part_that_comes_between_is_seen_before_anything_is_decided_again(driven: Any) -> None:
    upload = await driven()

    class Late:
        """A registry where another client puts a part just before the first proposal."""

        def __getattr__(self, name: str) -> Any:
            return getattr(upload.registry, name)

        async def propose(self, command: Any) -> Any:
            if len(upload.asked) == 1:
                await upload.put(2, b"two!")
            return await upload.registry.propose(command)

    ports = replace(upload.grid[0].ports, registry=Late())
    await multipart.complete(ports, upload.place, upload.upload, upload.decide)
    assert [sorted(seen.parts) for seen in upload.asked] == [[1], [1, 2]]
    assert queries.live(upload.registry.view(), upload.grid.bucket, ObjectKey("k")).size == 7


async def test_an_upload_that_never_rests_is_given_up(driven: Any) -> None:
    upload = await driven()

    def stale(seen: Seen) -> CompleteUpload:
        found = upload.decide(seen)
        return msgspec.structs.replace(found, revision=99)

    with pytest.raises(Unavailable, match="changed 5 times"):
        await upload.complete(stale)
    assert len(upload.asked) == limits.commit_retries_max + 1


async def test_the_same_complete_through_two_nodes_is_decided_once_and_answered_twice(driven: Any) -> None:
    upload = await driven()
    made: list[Any] = []

    async def one(node: int) -> None:
        made.append(await upload.complete(node=node))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(one, 0)
        nursery.start_soon(one, 1)
    assert made[0] == made[1]


async def test_of_a_complete_and_an_abort_one_wins(driven: Any) -> None:
    upload = await driven()
    await upload.registry.propose(AbortUpload(upload.grid.bucket, ObjectKey("k"), upload.upload))
    with pytest.raises(Rejected, match="no-such-upload"):
        await upload.complete()
    assert queries.dead_body(upload.registry.view(), BodyId(upload.upload)) is not None


async def test_another_refusal_is_told(driven: Any) -> None:
    upload = await driven()

    def conditional(seen: Seen) -> CompleteUpload:
        return msgspec.structs.replace(upload.decide(seen), precondition=Precondition(if_match="x"))

    with pytest.raises(Rejected, match="no-such-key"):
        await upload.complete(conditional)
