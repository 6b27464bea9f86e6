"""A body becomes durable blobs, then a visible version or a part.        Floor: engine. Called by: operations.

Law: blobs before commit: the command names only blobs that are durable on their write quorum under the epochs it
carries. A source that raises leaves nothing visible; blobs without a reference are garbage and never an answer.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import trio

from mys3d import limits
from mys3d.engine.budget import BufferBudget
from mys3d.engine.homes import refuse_hopeless
from mys3d.engine.intake import Blob, Intake, Source
from mys3d.engine.reaffirm import reaffirm
from mys3d.engine.staging import Staging, abandon
from mys3d.errors import Reason, Rejected, S3Error, Unavailable
from mys3d.model.body import InlineBlobs, SimpleBody, StagedBody
from mys3d.model.names import Epoch, GcEpoch
from mys3d.ports import Ports
from mys3d.registry.commands import PutObject
from mys3d.registry.outcomes import Applied
from mys3d.registry.upload_commands import PutPart


@dataclass(frozen=True, slots=True)
class StoredBody:
    """A body whose blobs are durable. `hashes` holds the wanted ones, raw bytes by name."""

    body: SimpleBody
    size: int
    md5: bytes
    hashes: dict[str, bytes]
    layout_epoch: Epoch
    gc_epoch: GcEpoch


Finish = Callable[[StoredBody], PutObject | PutPart]


async def put_object(
    ports: Ports, budget: BufferBudget, source: Source, wanted: frozenset[str], finish: Finish
) -> Applied:
    """Store the body of `source` and commit what `finish` makes of it.

    `finish` verifies what the client declared (raising S3Error) and is asked again when epochs had to be renewed.
    Raises S3Error, Rejected, Unavailable, OutcomeUnknown.
    """
    stored = await store_body(ports, budget, source, wanted)
    return await commit_body(ports, stored, finish)


async def store_body(ports: Ports, budget: BufferBudget, source: Source, wanted: frozenset[str]) -> StoredBody:
    """Read `source` to its end and make its blobs durable; stage them when they are many. Raises S3Error, Unavailable.

    Memory holds the names of one extent and some blobs on their way, however long the body is.
    """
    refuse_hopeless(ports)
    intake = Intake(ports, budget, source, wanted)
    staging = Staging(ports)
    try:
        await _push_some(intake)
        while staging.blobs_count or intake.named_count > limits.inline_blobs_max:
            await staging.stage(intake.take_named())
            if intake.is_complete:
                break
            await _push_some(intake)
            if intake.named_count == 0:
                break
    except (S3Error, Unavailable):
        await staging.abandon()
        raise
    finally:
        intake.give_back()
    named = intake.take_named()
    body = staging.body() or InlineBlobs(named.blobs)
    return StoredBody(body, intake.size, intake.md5(), intake.wanted(), named.layout_epoch, named.gc_epoch)


async def commit_body(ports: Ports, stored: StoredBody, finish: Finish) -> Applied:
    """Propose the version. Epochs that grew too old meanwhile are renewed, a bounded number of times.

    A staged body that was certainly not committed is given up.
    """
    try:
        return await _commit(ports, stored, finish)
    except (S3Error, Rejected, Unavailable) as error:
        if isinstance(stored.body, StagedBody):
            await abandon(ports, stored.body.body)
        if isinstance(error, Rejected) and error.reason is Reason.NO_SUCH_BODY:
            raise Unavailable(f"the staged body was given up before its commit: {error}") from error
        raise


async def _commit(ports: Ports, stored: StoredBody, finish: Finish) -> Applied:
    for _ in range(limits.commit_retries_max + 1):
        try:
            return await ports.registry.propose(finish(stored))
        except Rejected as refusal:
            if refusal.reason not in (Reason.LAYOUT_EPOCH_OLD, Reason.GC_EPOCH_OLD):
                raise
        blobs = stored.body.blobs if isinstance(stored.body, InlineBlobs) else ()
        layout_epoch, gc_epoch = await reaffirm(ports, blobs)
        stored = replace(stored, layout_epoch=layout_epoch, gc_epoch=gc_epoch)
    raise Unavailable(
        f"the layout or the garbage epoch changed {limits.commit_retries_max + 1} times during one commit"
    )


async def _push_some(intake: Intake) -> None:
    """Read and push what one extent holds, or less at the end of the body; return when all of it is durable."""
    first = await intake.next_blob()
    if first is not None and intake.is_complete:
        await intake.push(first)
    elif first is not None:
        await _push_while_reading(intake, first)


async def _push_while_reading(intake: Intake, first: Blob) -> None:
    """Push each blob while the next is read, and keep from collection what was pushed. Raises S3Error, Unavailable."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(intake.keep)
        failure = await _push_each(intake, first)
        nursery.cancel_scope.cancel()
    if failure is not None:
        try:
            raise failure
        finally:
            del failure  # an error and a frame that keep each other keep the blobs of the frame


async def _until_none_is_taken(places: trio.Semaphore) -> None:
    for _ in range(limits.pushes_ahead_max):
        await places.acquire()
    for _ in range(limits.pushes_ahead_max):
        places.release()


async def _push_each(intake: Intake, first: Blob) -> S3Error | Unavailable | None:
    """Push each blob while the next is read, at most `pushes_ahead_max` at a time; return what went wrong first,
    without the frames in which it did: they hold blobs.

    While the budget is tight the next one is read only when nothing of this body is on its way: who holds buffers and
    waits for more keeps others waiting who hold none.
    """
    failure: S3Error | Unavailable | None = None
    async with trio.open_nursery() as nursery:
        ahead = trio.Semaphore(limits.pushes_ahead_max)

        async def push(blob: Blob) -> None:
            nonlocal failure
            try:
                await intake.push(blob)
            except Unavailable as error:
                failure = failure or error.with_traceback(None)
                nursery.cancel_scope.cancel()
            finally:
                ahead.release()

        try:
            blob: Blob | None = first
            while blob is not None:
                await ahead.acquire()
                nursery.start_soon(push, blob)
                is_full = intake.named_count >= limits.extent_blobs_max
                if intake.is_complete or is_full:
                    break
                if intake.is_tight:
                    await _until_none_is_taken(ahead)
                blob = await intake.next_blob()
        except (S3Error, Unavailable) as error:
            failure = error.with_traceback(None)
            nursery.cancel_scope.cancel()
    return failure
