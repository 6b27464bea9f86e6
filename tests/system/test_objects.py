"""What boto3 stores through one node, every node gives back."""

import hashlib
import random
from typing import Any

import pytest
from botocore.exceptions import ClientError

MIB = 1 << 20
SIZES = [0, 1, 64 << 10, 4 * MIB - 1, 4 * MIB, 4 * MIB + 1, 64 * MIB]
KEYS = [
    "a b+c/é%2F~(x)",
    "//",
    "/",
    "folder/",
    ".",
    "..",
    "../../etc/passwd",
    "a//b",
    "k" * 1024,
    "é" * 512,
    "\u0001control",
    "newline\nkey",
    "emoji-🪣",
    "%2F",
    "%252F",
    "?acl",
    "#x&y=z",
]


def body_of(size: int, seed: int) -> bytes:
    return random.Random(seed).randbytes(size)


@pytest.mark.parametrize("size", SIZES)
def test_a_body_is_the_same_through_every_node(shared_cluster: Any, bucket: str, size: int) -> None:
    body = body_of(size, size)
    put = shared_cluster.client("n1").put_object(Bucket=bucket, Key="body", Body=body)
    assert put["ETag"] == f'"{hashlib.md5(body).hexdigest()}"'
    for name in shared_cluster.names:
        answer = shared_cluster.client(name).get_object(Bucket=bucket, Key="body")
        assert answer["ContentLength"] == size
        assert answer["Body"].read() == body


@pytest.mark.parametrize("key", KEYS)
def test_a_key_is_kept_to_the_byte(shared_cluster: Any, bucket: str, key: str) -> None:
    client = shared_cluster.client("n2")
    client.put_object(Bucket=bucket, Key=key, Body=key.encode())
    client.put_object(Bucket=bucket, Key="neighbour", Body=b"stays")
    reader = shared_cluster.client("n3")
    assert reader.get_object(Bucket=bucket, Key=key)["Body"].read() == key.encode()
    assert reader.head_object(Bucket=bucket, Key=key)["ContentLength"] == len(key.encode())
    listed = [entry["Key"] for entry in reader.list_objects_v2(Bucket=bucket)["Contents"]]
    assert listed == sorted([key, "neighbour"], key=str.encode)
    reader.delete_object(Bucket=bucket, Key=key)
    assert [entry["Key"] for entry in client.list_objects_v2(Bucket=bucket)["Contents"]] == ["neighbour"]


def test_a_write_is_read_at_once_through_another_node(shared_cluster: Any, bucket: str) -> None:
    clients = [shared_cluster.client(name) for name in shared_cluster.names]
    for round_number in range(30):
        writer, reader = clients[round_number % 3], clients[(round_number + 1) % 3]
        key = f"k{round_number:03}"
        writer.put_object(Bucket=bucket, Key=key, Body=str(round_number).encode())
        assert reader.get_object(Bucket=bucket, Key=key)["Body"].read() == str(round_number).encode()
        listed = reader.list_objects_v2(Bucket=bucket)
        assert [entry["Key"] for entry in listed["Contents"]] == [f"k{n:03}" for n in range(round_number + 1)]


def test_an_overwrite_is_seen_by_every_node(shared_cluster: Any, bucket: str) -> None:
    clients = [shared_cluster.client(name) for name in shared_cluster.names]
    for round_number in range(12):
        clients[round_number % 3].put_object(Bucket=bucket, Key="same", Body=b"%d" % round_number)
        for client in clients:
            assert client.get_object(Bucket=bucket, Key="same")["Body"].read() == b"%d" % round_number


@pytest.mark.parametrize(
    ("wanted", "start", "stop"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=1-", 1, 5 * MIB),
        ("bytes=-5", 5 * MIB - 5, 5 * MIB),
        (f"bytes={4 * MIB - 2}-{4 * MIB + 1}", 4 * MIB - 2, 4 * MIB + 2),
        ("bytes=65535-65536", 65535, 65537),
        (f"bytes=10-{9 * MIB}", 10, 5 * MIB),
    ],
)
def test_a_range_is_exactly_those_bytes(shared_cluster: Any, bucket: str, wanted: str, start: int, stop: int) -> None:
    body = body_of(5 * MIB, 5)
    shared_cluster.client("n1").put_object(Bucket=bucket, Key="range", Body=body)
    for name in shared_cluster.names:
        answer = shared_cluster.client(name).get_object(Bucket=bucket, Key="range", Range=wanted)
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 206
        assert answer["ContentRange"] == f"bytes {start}-{stop - 1}/{len(body)}"
        assert answer["Body"].read() == body[start:stop]


def test_a_range_outside_the_object_is_refused(shared_cluster: Any, bucket: str) -> None:
    client = shared_cluster.client()
    client.put_object(Bucket=bucket, Key="small", Body=b"12345")
    with pytest.raises(ClientError) as refused:
        client.get_object(Bucket=bucket, Key="small", Range="bytes=5-9")
    assert refused.value.response["Error"]["Code"] == "InvalidRange"


def test_a_wrong_secret_is_refused(shared_cluster: Any) -> None:
    facts = shared_cluster.facts
    client = shared_cluster.client()
    client._request_signer._credentials.secret_key = facts["secret_key"][:-1] + "!"
    with pytest.raises(ClientError) as refused:
        client.list_buckets()
    assert refused.value.response["Error"]["Code"] == "SignatureDoesNotMatch"


def test_the_type_is_the_clients_or_guessed_from_the_key(shared_cluster: Any, bucket: str) -> None:
    client = shared_cluster.client()
    client.put_object(Bucket=bucket, Key="page.html", Body=b"<p>")
    client.put_object(Bucket=bucket, Key="photo.jpg", Body=b"\xff", ContentType="application/x-mine")
    client.put_object(Bucket=bucket, Key="nothing", Body=b"")
    reader = shared_cluster.client("n3")
    assert reader.head_object(Bucket=bucket, Key="page.html")["ContentType"] == "text/html"
    assert reader.head_object(Bucket=bucket, Key="photo.jpg")["ContentType"] == "application/x-mine"
    assert reader.head_object(Bucket=bucket, Key="nothing")["ContentType"] == "binary/octet-stream"


def test_metadata_and_content_headers_come_back(shared_cluster: Any, bucket: str) -> None:
    shared_cluster.client("n1").put_object(
        Bucket=bucket,
        Key="meta",
        Body=b"x",
        Metadata={"colour": "blue", "n": "1"},
        CacheControl="max-age=60",
        ContentDisposition='attachment; filename="x"',
        ContentEncoding="gzip",
        ContentLanguage="fr",
    )
    answer = shared_cluster.client("n2").head_object(Bucket=bucket, Key="meta")
    assert answer["Metadata"] == {"colour": "blue", "n": "1"}
    assert answer["CacheControl"] == "max-age=60"
    assert answer["ContentDisposition"] == 'attachment; filename="x"'
    assert answer["ContentEncoding"] == "gzip"
    assert answer["ContentLanguage"] == "fr"


@pytest.mark.parametrize("algorithm", ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"])
def test_a_checksum_is_verified_and_returned(shared_cluster: Any, bucket: str, algorithm: str) -> None:
    body = body_of(200_000, 3)
    put = shared_cluster.client("n1").put_object(Bucket=bucket, Key="sum", Body=body, ChecksumAlgorithm=algorithm)
    answer = shared_cluster.client("n3").get_object(Bucket=bucket, Key="sum", ChecksumMode="ENABLED")
    assert answer[f"Checksum{algorithm}"] == put[f"Checksum{algorithm}"]
    assert answer["Body"].read() == body


def test_a_wrong_checksum_stores_nothing(shared_cluster: Any, bucket: str) -> None:
    client = shared_cluster.client()
    with pytest.raises(ClientError) as refused:
        client.put_object(Bucket=bucket, Key="bad", Body=b"hello", ChecksumCRC32="AAAAAA==")
    assert refused.value.response["Error"]["Code"] == "BadDigest"
    assert "Contents" not in client.list_objects_v2(Bucket=bucket)


def test_many_objects_are_deleted_in_one_request(shared_cluster: Any, bucket: str) -> None:
    client = shared_cluster.client()
    for number in range(20):
        client.put_object(Bucket=bucket, Key=f"d/{number}", Body=b"x")
    gone = client.delete_objects(
        Bucket=bucket, Delete={"Objects": [{"Key": f"d/{n}"} for n in range(19)] + [{"Key": "never was"}]}
    )
    assert len(gone["Deleted"]) == 20
    listed = shared_cluster.client("n2").list_objects_v2(Bucket=bucket)
    assert [entry["Key"] for entry in listed["Contents"]] == ["d/19"]


def test_a_conditional_put_has_one_winner(shared_cluster: Any, bucket: str) -> None:
    first, second = shared_cluster.client("n1"), shared_cluster.client("n2")
    first.put_object(Bucket=bucket, Key="once", Body=b"1", IfNoneMatch="*")
    with pytest.raises(ClientError) as refused:
        second.put_object(Bucket=bucket, Key="once", Body=b"2", IfNoneMatch="*")
    assert refused.value.response["Error"]["Code"] == "PreconditionFailed"
    assert first.get_object(Bucket=bucket, Key="once")["Body"].read() == b"1"


def test_an_operation_that_is_not_built_answers_by_its_name(shared_cluster: Any, bucket: str) -> None:
    with pytest.raises(ClientError) as refused:
        shared_cluster.client().list_bucket_inventory_configurations(Bucket=bucket)
    assert refused.value.response["Error"]["Code"] == "NotImplemented"
    assert "ListBucketInventoryConfigurations" in refused.value.response["Error"]["Message"]
