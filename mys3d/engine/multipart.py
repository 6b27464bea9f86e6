"""The parts of an upload become an object.        Floor: engine. Called by: operations.

Law: what is completed is decided from one consistent look at an upload, and holds only while no part changed since;
otherwise everything is looked at and decided again.
"""

from collections.abc import Callable
from dataclasses import dataclass

from mys3d import limits
from mys3d.engine.copy import Place
from mys3d.errors import Reason, Rejected, Unavailable
from mys3d.model.names import UploadId
from mys3d.model.uploads import Part, Upload
from mys3d.ports import Ports
from mys3d.registry import queries
from mys3d.registry.commands import CompleteUpload
from mys3d.registry.outcomes import VersionPut
from mys3d.registry.records import Completed
from mys3d.registry.transaction import Reader


@dataclass(frozen=True, slots=True)
class Seen:
    """An upload as one snapshot has it: open with its parts by number, completed, or neither."""

    upload: Upload | None
    parts: dict[int, Part]
    completed: Completed | None


Decide = Callable[[Seen], CompleteUpload | Completed]


async def complete(ports: Ports, place: Place, upload: UploadId, decide: Decide) -> VersionPut:
    """Complete an upload as `decide` says, which raises when it cannot be, or returns an earlier answer.

    Raises Rejected, Unavailable, OutcomeUnknown, and what `decide` raises.
    """

    def look(reader: Reader) -> Seen:
        found = queries.upload(reader, place.bucket, place.key, upload)
        if found is None:
            return Seen(None, {}, queries.completed(reader, upload))
        return Seen(found, dict(queries.uploaded_parts(reader, upload, 0, limits.parts_max)), None)

    await ports.registry.barrier()
    for _ in range(limits.commit_retries_max + 1):
        decided = decide(await ports.registry.scan(look))
        if isinstance(decided, Completed):
            return decided.made
        try:
            applied = await ports.registry.propose(decided)
        except Rejected as refusal:
            # NO_SUCH_UPLOAD: it may have been completed a moment ago, by the same request sent twice.
            if refusal.reason not in (Reason.UPLOAD_CHANGED, Reason.NO_SUCH_UPLOAD):
                raise
            continue
        assert isinstance(applied.detail, VersionPut), f"a version was put, found {applied.detail}"
        return applied.detail
    raise Unavailable(f"upload {upload} changed {limits.commit_retries_max + 1} times while it was completed")
