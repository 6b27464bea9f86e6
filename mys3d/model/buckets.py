"""Buckets and how they were asked for.        Floor: model (pure). Called by: registry, s3, operations."""

import msgspec

from mys3d.model.names import BucketId, BucketName, Instant, UserId


class BucketConfiguration(msgspec.Struct, frozen=True, array_like=True):
    """CreateBucketConfiguration as the client sent it; its tags may be replaced. Source: S3 API, CreateBucket."""

    location_constraint: str = ""  # empty: the default region us-east-1
    location_name: str = ""
    location_type: str = ""
    data_redundancy: str = ""
    bucket_type: str = ""
    tags: tuple[tuple[str, str], ...] = ()  # by key


class Bucket(msgspec.Struct, frozen=True, array_like=True):
    """The row of one bucket."""

    format: int
    id: BucketId
    name: BucketName
    owner: UserId
    created_at: Instant
    configuration: BucketConfiguration
