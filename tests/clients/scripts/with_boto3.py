"""boto3 with its own defaults."""

import io
import ssl
import urllib.request

import boto3
from told import BUCKET, ENDPOINT, FOLDER, LARGE, ODD, SMALL, TRUSTED, run, step

s3 = boto3.client("s3", endpoint_url=ENDPOINT, verify=TRUSTED)


def fetched(url, method="GET", data=None, **headers):
    context = ssl.create_default_context(cafile=TRUSTED) if TRUSTED else None
    request = urllib.request.Request(url, data, headers, method=method)
    with urllib.request.urlopen(request, context=context) as answer:
        return answer.read()


@step
def create_bucket():
    s3.create_bucket(Bucket=BUCKET)
    assert BUCKET in [found["Name"] for found in s3.list_buckets()["Buckets"]]


@step
def put_get_head():
    s3.put_object(Bucket=BUCKET, Key=ODD, Body=SMALL, Metadata={"m": "1"}, ContentType="text/css")
    found = s3.get_object(Bucket=BUCKET, Key=ODD)
    assert (found["Body"].read(), found["Metadata"], found["ContentType"]) == (SMALL, {"m": "1"}, "text/css")
    assert s3.head_object(Bucket=BUCKET, Key=ODD)["ContentLength"] == len(SMALL)


@step
def ranges():
    found = s3.get_object(Bucket=BUCKET, Key=ODD, Range="bytes=2-4")
    assert (found["Body"].read(), found["ContentRange"]) == (SMALL[2:5], f"bytes 2-4/{len(SMALL)}")


@step
def upload_in_parts():
    s3.upload_fileobj(io.BytesIO(LARGE), BUCKET, "large")
    back = io.BytesIO()
    s3.download_fileobj(BUCKET, "large", back)
    assert back.getvalue() == LARGE


@step
def upload_of_a_file():
    (FOLDER / "up").write_bytes(SMALL)
    s3.upload_file(str(FOLDER / "up"), BUCKET, "file")
    s3.download_file(BUCKET, "file", str(FOLDER / "down"))
    assert (FOLDER / "down").read_bytes() == SMALL


@step
def lists():
    for number in range(5):
        s3.put_object(Bucket=BUCKET, Key=f"list/{number}/x", Body=b"")
    pages = s3.get_paginator("list_objects_v2").paginate(
        Bucket=BUCKET, Prefix="list/", Delimiter="/", PaginationConfig={"PageSize": 2}
    )
    assert [found["Prefix"] for page in pages for found in page["CommonPrefixes"]] == [f"list/{n}/" for n in range(5)]
    assert ODD in [found["Key"] for found in s3.list_objects(Bucket=BUCKET)["Contents"]]


@step
def copy():
    s3.copy_object(Bucket=BUCKET, Key="copy", CopySource={"Bucket": BUCKET, "Key": ODD})
    assert s3.get_object(Bucket=BUCKET, Key="copy")["Metadata"] == {"m": "1"}


@step
def copy_in_parts():
    s3.copy({"Bucket": BUCKET, "Key": "large"}, BUCKET, "large2")
    assert s3.head_object(Bucket=BUCKET, Key="large2")["ContentLength"] == len(LARGE)


@step
def tags():
    wanted = [{"Key": "a", "Value": "1"}]
    s3.put_object_tagging(Bucket=BUCKET, Key=ODD, Tagging={"TagSet": wanted})
    assert s3.get_object_tagging(Bucket=BUCKET, Key=ODD)["TagSet"] == wanted
    s3.put_bucket_tagging(Bucket=BUCKET, Tagging={"TagSet": wanted})
    assert s3.get_bucket_tagging(Bucket=BUCKET)["TagSet"] == wanted


@step
def attributes():
    found = s3.get_object_attributes(Bucket=BUCKET, Key=ODD, ObjectAttributes=["ETag", "ObjectSize", "Checksum"])
    assert found["ObjectSize"] == len(SMALL)


@step
def checksums():
    for algorithm in ("CRC32", "CRC32C", "SHA1", "SHA256"):
        try:
            s3.put_object(Bucket=BUCKET, Key=algorithm, Body=SMALL, ChecksumAlgorithm=algorithm)
        except Exception as error:
            if "crt" not in str(error).lower():
                raise
            continue  # boto3 computes this one with a library that does not come with it
        found = s3.get_object(Bucket=BUCKET, Key=algorithm, ChecksumMode="ENABLED")
        assert found[f"Checksum{algorithm}"]
        assert found["Body"].read() == SMALL


@step
def conditions():
    try:
        s3.put_object(Bucket=BUCKET, Key=ODD, Body=b"other", IfNoneMatch="*")
    except s3.exceptions.ClientError as error:
        assert error.response["Error"]["Code"] == "PreconditionFailed"
    else:
        raise AssertionError("it was overwritten")


@step
def links():
    link = s3.generate_presigned_url("get_object", {"Bucket": BUCKET, "Key": ODD})
    assert fetched(link) == SMALL
    # The type is named, because urllib sends one with every body and the signature covers it.
    link = s3.generate_presigned_url("put_object", {"Bucket": BUCKET, "Key": "linked", "ContentType": "text/css"})
    fetched(link, "PUT", SMALL, **{"Content-Type": "text/css"})
    assert s3.get_object(Bucket=BUCKET, Key="linked")["Body"].read() == SMALL


@step
def versions():
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    first = s3.put_object(Bucket=BUCKET, Key="v", Body=b"1")["VersionId"]
    s3.put_object(Bucket=BUCKET, Key="v", Body=b"2")
    assert s3.get_object(Bucket=BUCKET, Key="v", VersionId=first)["Body"].read() == b"1"
    s3.delete_object(Bucket=BUCKET, Key="v")
    assert len(s3.list_object_versions(Bucket=BUCKET, Prefix="v")["Versions"]) == 2


@step
def delete_everything():
    bucket = boto3.resource("s3", endpoint_url=ENDPOINT, verify=TRUSTED).Bucket(BUCKET)
    try:
        bucket.object_versions.delete()
    except s3.exceptions.ClientError:
        bucket.objects.delete()
    s3.delete_bucket(Bucket=BUCKET)


run(boto3.__version__)
