"""Rules of buckets.        Floor: registry (pure)."""

from mys3d.errors import Reason, Rejected
from mys3d.model.buckets import Bucket
from mys3d.model.names import BucketId
from mys3d.registry import tables
from mys3d.registry.codec import FORMAT
from mys3d.registry.commands import CreateBucket, DeleteBucket
from mys3d.registry.moment import Moment
from mys3d.registry.outcomes import Applied, BucketMade, Outcome
from mys3d.registry.transaction import Transaction


def create(tx: Transaction, at: Moment, command: CreateBucket) -> Outcome:
    existing = tables.bucket(tx, command.name)
    if existing is not None:
        is_own = existing.owner == command.owner
        return Rejected(Reason.BUCKET_OWNED_BY_YOU if is_own else Reason.BUCKET_EXISTS, command.name)
    bucket = Bucket(FORMAT, BucketId(at.index), command.name, command.owner, at.now, command.configuration)
    tables.put_bucket(tx, bucket)
    return Applied(at.index, BucketMade(bucket.id))


def delete(tx: Transaction, at: Moment, command: DeleteBucket) -> Outcome:
    if tables.bucket_name(tx, command.bucket) != command.name:
        return Rejected(Reason.NO_SUCH_BUCKET, command.name)
    if not tables.is_empty(tx, command.bucket):
        return Rejected(Reason.BUCKET_NOT_EMPTY, command.name)
    tables.drop_bucket(tx, command.bucket, command.name)
    return Applied(at.index)
