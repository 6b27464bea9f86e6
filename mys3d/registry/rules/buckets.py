"""Rules of buckets.        Floor: registry (pure)."""

import msgspec

from mys3d.errors import Reason, Rejected
from mys3d.model.buckets import Bucket
from mys3d.model.names import BucketId
from mys3d.registry import cors_tables, tables, upload_tables, user_tables
from mys3d.registry.amendments import SetCors
from mys3d.registry.codec import FORMAT
from mys3d.registry.commands import CreateBucket, DeleteBucket, SetVersioning
from mys3d.registry.moment import Moment
from mys3d.registry.outcomes import Applied, BucketMade, Outcome
from mys3d.registry.transaction import Transaction


def create(tx: Transaction, at: Moment, command: CreateBucket) -> Outcome:
    existing = tables.bucket(tx, command.name)
    if existing is not None:
        is_own = existing.owner == command.owner
        return Rejected(Reason.BUCKET_OWNED_BY_YOU if is_own else Reason.BUCKET_EXISTS, command.name)
    if command.is_users and user_tables.user(tx, command.owner) is None:
        return Rejected(Reason.NO_SUCH_USER, command.owner)
    bucket = Bucket(
        FORMAT,
        BucketId(at.index),
        command.name,
        command.owner,
        at.now,
        command.configuration,
        grants=command.grants,
        ownership=command.ownership,
    )
    tables.put_bucket(tx, bucket)
    if command.is_users:
        user_tables.put_bucket_name(tx, command.owner, bucket.name)
    return Applied(at.index, BucketMade(bucket.id))


def delete(tx: Transaction, at: Moment, command: DeleteBucket) -> Outcome:
    found = tables.bucket(tx, command.name)
    if found is None or found.id != command.bucket:
        return Rejected(Reason.NO_SUCH_BUCKET, command.name)
    if not tables.is_empty(tx, command.bucket):
        return Rejected(Reason.BUCKET_NOT_EMPTY, command.name)
    if upload_tables.has_uploads(tx, command.bucket):  # S3 API: only directory buckets refuse to go for them
        upload_tables.put_orphans(tx, command.bucket)
    tables.drop_bucket(tx, command.bucket, command.name)
    cors_tables.drop_cors(tx, command.bucket)
    user_tables.drop_bucket_name(tx, found.owner, command.name)
    return Applied(at.index)


def set_versioning(tx: Transaction, at: Moment, command: SetVersioning) -> Outcome:
    bucket = tables.bucket_by_id(tx, command.bucket)
    if bucket is None:
        return Rejected(Reason.NO_SUCH_BUCKET, str(command.bucket))
    tables.put_bucket(tx, msgspec.structs.replace(bucket, versioning=command.versioning))
    return Applied(at.index)


def set_cors(tx: Transaction, at: Moment, command: SetCors) -> Outcome:
    if not tables.has_bucket(tx, command.bucket):
        return Rejected(Reason.NO_SUCH_BUCKET, str(command.bucket))
    if command.rules:
        cors_tables.put_cors(tx, command.bucket, command.rules)
    else:
        cors_tables.drop_cors(tx, command.bucket)
    return Applied(at.index)
