"""A copy without bytes: one command names the body once more.        Floor: engine. Called by: operations (CopyObject).

Law: the conditions a client sets on the source are asked of the very version that is copied: the command names it, and
when another one became visible meanwhile everything is asked again.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from mys3d import limits
from mys3d.errors import Reason, Rejected, Unavailable
from mys3d.model.names import BucketId, ObjectKey
from mys3d.model.objects import Content, Version
from mys3d.ports import Ports
from mys3d.registry import queries
from mys3d.registry.commands import CopyObject, Precondition
from mys3d.registry.outcomes import Applied

_ALWAYS: Final = Precondition()


@dataclass(frozen=True, slots=True)
class Place:
    """A key in a bucket."""

    bucket: BucketId
    key: ObjectKey


async def copy_object(
    ports: Ports,
    source: Place,
    target: Place,
    accept: Callable[[Version], Content | None],
    precondition: Precondition = _ALWAYS,
) -> tuple[Version, Applied]:
    """Return the version that was copied, and the outcome.

    `accept` raises when the client does not want this version, and returns the content of the copy (None: the same).
    Raises Rejected (NO_SUCH_KEY: there is no source), Unavailable, OutcomeUnknown, and what `accept` raises.
    """
    for _ in range(limits.commit_retries_max + 1):
        await ports.registry.barrier()
        found = queries.live(ports.registry.view(), source.bucket, source.key)
        if found is None:
            raise Rejected(Reason.NO_SUCH_KEY, source.key)
        content = accept(found)
        try:
            return found, await ports.registry.propose(
                CopyObject(target.bucket, target.key, source.bucket, source.key, found.id, content, precondition)
            )
        except Rejected as refusal:
            if refusal.reason is not Reason.SOURCE_CHANGED:
                raise
    raise Unavailable(f"the source of a copy changed {limits.commit_retries_max + 1} times")
