"""Buckets as boto3 sees them, through any node."""

from typing import Any

import pytest
from botocore.exceptions import ClientError


def test_buckets_are_listed_through_every_node(shared_cluster: Any, bucket: str) -> None:
    for name in shared_cluster.names:
        assert bucket in [entry["Name"] for entry in shared_cluster.client(name).list_buckets()["Buckets"]]


def test_the_demo_bucket_is_there_from_the_start(shared_cluster: Any) -> None:
    assert shared_cluster.facts["bucket"] == "demo"
    shared_cluster.client("n3").head_bucket(Bucket="demo")


def test_a_location_from_the_list_is_returned(shared_cluster: Any) -> None:
    client = shared_cluster.client()
    client.create_bucket(Bucket="in-paris", CreateBucketConfiguration={"LocationConstraint": "eu-west-3"})
    assert shared_cluster.client("n2").get_bucket_location(Bucket="in-paris")["LocationConstraint"] == "eu-west-3"
    client.delete_bucket(Bucket="in-paris")


def test_a_location_outside_the_list_is_refused(shared_cluster: Any) -> None:
    with pytest.raises(ClientError) as refused:
        shared_cluster.client().create_bucket(
            Bucket="on-mars", CreateBucketConfiguration={"LocationConstraint": "mars-north-1"}
        )
    assert refused.value.response["Error"]["Code"] == "IllegalLocationConstraintException"


def test_a_bucket_with_objects_is_not_deleted(shared_cluster: Any, bucket: str) -> None:
    client = shared_cluster.client()
    client.put_object(Bucket=bucket, Key="k", Body=b"x")
    with pytest.raises(ClientError) as refused:
        shared_cluster.client("n2").delete_bucket(Bucket=bucket)
    assert refused.value.response["Error"]["Code"] == "BucketNotEmpty"
    client.delete_object(Bucket=bucket, Key="k")
    client.delete_bucket(Bucket=bucket)
    with pytest.raises(ClientError) as missing:
        shared_cluster.client("n3").head_bucket(Bucket=bucket)
    assert missing.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404


def test_listing_pages_and_folds_by_delimiter(shared_cluster: Any, bucket: str) -> None:
    client = shared_cluster.client()
    for number in range(25):
        client.put_object(Bucket=bucket, Key=f"d{number % 5}/f{number:02}", Body=b"x")
    folded = client.list_objects_v2(Bucket=bucket, Delimiter="/")
    assert [entry["Prefix"] for entry in folded["CommonPrefixes"]] == [f"d{n}/" for n in range(5)]
    pages = (
        shared_cluster.client("n2")
        .get_paginator("list_objects_v2")
        .paginate(Bucket=bucket, PaginationConfig={"PageSize": 7})
    )
    keys = [entry["Key"] for page in pages for entry in page["Contents"]]
    assert keys == sorted(f"d{n % 5}/f{n:02}" for n in range(25))
