"""One request on its way through an operation.        Floor: operations. Called by: dispatch and every operation.

Law: an operation never reads a header or a query by itself: what it needs is a field of its record; what belongs to
every request (caller, body, promises about the body) is here. A bucket is had from here alone, once its caller may; of
`bucket_known`, which decides nothing, only those make use who decide on one of its objects (`meant.object_now`).
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import msgspec
from msgspec.structs import replace

from mys3d.errors import Reason, Rejected, S3Error, Unavailable
from mys3d.model.buckets import Bucket
from mys3d.model.names import BucketName, parse_bucket_name
from mys3d.operations.answers import owner_element
from mys3d.operations.payload import Payload
from mys3d.operations.services import Services
from mys3d.policy.decide import Decision, Principal, decide, rules_over
from mys3d.registry import queries
from mys3d.registry.commands import Command
from mys3d.registry.outcomes import Applied


class Call(msgspec.Struct, frozen=True):
    """What dispatch knows of a request by the time its operation runs."""

    services: Services
    caller: Principal
    action: str  # as policies name it, such as s3:GetObject
    payload: Payload
    origin: str  # scheme and host as the client named them, such as http://s3.example:9000
    expected_owner: str | None = None  # the canonical id that the bucket's owner has to have; None: any
    expected_source_owner: str | None = None  # of the bucket that a copy is made from

    def of_source(self) -> "Call":
        """The same request, as far as it concerns the object that a copy is made from."""
        return replace(self, action="s3:GetObject", expected_owner=self.expected_source_owner)


def bucket_name(text: str) -> BucketName:
    """Raises S3Error InvalidBucketName."""
    try:
        return parse_bucket_name(text)
    except ValueError as error:
        raise S3Error("InvalidBucketName", f"The specified bucket is not valid: {error}", BucketName=text) from error


def bucket_now(call: Call, name: str) -> Bucket:
    """Return the bucket as applied here now. Raises S3Error: NoSuchBucket, AccessDenied (the caller has no right here).

    The row that is used is the one that was decided on: a bucket made anew by somebody else is another row.
    """
    found = bucket_known(call, name)
    if decide(call.caller, call.action, found) is not Decision.ALLOW:
        raise S3Error("AccessDenied")
    return found


def bucket_known(call: Call, name: str) -> Bucket:
    """Return the bucket as applied here now; what the caller may do with it is not decided yet.

    Raises S3Error: NoSuchBucket, AccessDenied (it has not the owner that is expected).
    """
    view = call.services.ports.registry.view()
    found = queries.bucket(view, BucketName(name))
    if found is None:
        raise S3Error("NoSuchBucket", BucketName=name)
    if call.expected_owner is not None and owner_element(view, found.owner)["ID"] != call.expected_owner:
        raise S3Error("AccessDenied")
    return found


async def bucket_of_source(call: Call, name: str) -> Bucket:
    """Return the bucket that a copy is made from: the object decides if it may be. Raises S3Error, Unavailable."""
    return await _for_write(call.of_source(), name, bucket_known)


async def bucket_for_write(call: Call, name: str) -> Bucket:
    """Return the bucket to write to. Raises S3Error: NoSuchBucket, AccessDenied; Unavailable.

    A bucket that is known here may be gone: the command is refused then. One that is not known may have been created
    through another node a moment ago, and what was granted may have been taken back: only after a barrier is either an
    answer.
    """
    return await _for_write(call, name, bucket_now)


async def _for_write(call: Call, name: str, find: Callable[[Call, str], Bucket]) -> Bucket:
    with suppress(S3Error):
        found = find(call, name)
        if rules_over(call.caller, found):
            return found
    await call.services.ports.registry.barrier()
    return find(call, name)


@contextmanager
def writing_to(call: Call, bucket: Bucket) -> Iterator[None]:
    """Around the commands for `bucket`. Raises Unavailable when it was made anew before this node heard of that.

    The refusal was applied here, so the rows are as new as it is. The command is not sent again with the new id: a
    body that began to arrive for the old bucket must not land in the new one. The client's next attempt will.
    """
    try:
        yield
    except Rejected as refusal:
        found = queries.bucket(call.services.ports.registry.view(), bucket.name)
        if refusal.reason is Reason.NO_SUCH_BUCKET and found is not None and found.id != bucket.id:
            raise Unavailable(f"bucket {bucket.name} was made anew; this node knew the old one") from refusal
        raise


async def propose_for(call: Call, bucket: Bucket, command: Command) -> Applied:
    """Propose a command for `bucket`. Raises Rejected, OutcomeUnknown; Unavailable, as `writing_to` too."""
    with writing_to(call, bucket):
        return await call.services.ports.registry.propose(command)
