"""Uploads in parts as clients drive them: through one node in, through another one out."""

import hashlib
import io
import json
import os
import threading
from pathlib import Path
from typing import Any

from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError

from tests.system.test_aws_cli import aws

MIB = 1 << 20
PARTS = TransferConfig(multipart_threshold=5 * MIB, multipart_chunksize=5 * MIB, max_concurrency=4)


def test_boto3_uploads_in_parts_and_every_range_comes_back(shared_cluster: Any, bucket: str) -> None:
    data = os.urandom(23 * MIB + 7)
    first, second = shared_cluster.client("n1"), shared_cluster.client("n2")
    first.upload_fileobj(io.BytesIO(data), bucket, "big", Config=PARTS)
    found = second.head_object(Bucket=bucket, Key="big", ChecksumMode="ENABLED")
    assert (found["ContentLength"], found["ETag"][-3:]) == (len(data), '-5"')
    assert (found["ChecksumType"], found["ChecksumCRC32"][-2:]) == ("COMPOSITE", "-5")
    for start, stop in ((0, len(data)), (5 * MIB - 1, 5 * MIB + 1), (9 * MIB, 21 * MIB), (len(data) - 1, len(data))):
        got = second.get_object(Bucket=bucket, Key="big", Range=f"bytes={start}-{stop - 1}")["Body"].read()
        assert hashlib.md5(got).digest() == hashlib.md5(data[start:stop]).digest()
    second.copy({"Bucket": bucket, "Key": "big"}, bucket, "copy", Config=PARTS)  # by UploadPartCopy
    first.delete_object(Bucket=bucket, Key="big")
    assert first.get_object(Bucket=bucket, Key="copy")["Body"].read() == data


def test_aws_cli_copies_a_large_file_in_and_out(shared_cluster: Any, tmp_path: Path) -> None:
    source = tmp_path / "source.bin"
    source.write_bytes(os.urandom(50 * MIB))
    aws(shared_cluster, "s3", "mb", "s3://cli-parts")
    aws(shared_cluster, "s3", "cp", str(source), "s3://cli-parts/source.bin")
    head = json.loads(aws(shared_cluster, "s3api", "head-object", "--bucket", "cli-parts", "--key", "source.bin"))
    assert head["ETag"].endswith('-7"')  # aws cli cuts at 8 MiB
    aws(shared_cluster, "s3", "cp", "s3://cli-parts/source.bin", str(tmp_path / "back.bin"))
    assert (tmp_path / "back.bin").read_bytes() == source.read_bytes()


def test_of_racing_completes_and_aborts_through_all_nodes_one_is_true(shared_cluster: Any, bucket: str) -> None:
    clients = [shared_cluster.client(name) for name in ("n1", "n2", "n3")]
    for attempt in range(10):
        key = f"race-{attempt}"
        upload = clients[0].create_multipart_upload(Bucket=bucket, Key=key)["UploadId"]
        asked = {"Bucket": bucket, "Key": key, "UploadId": upload}
        part = clients[1].upload_part(**asked, PartNumber=1, Body=b"x")["ETag"]
        listed = {"Parts": [{"PartNumber": 1, "ETag": part}]}
        outcomes: list[str] = []

        def run(call: Any, extra: dict[str, Any], told: list[str] = outcomes, asked: dict[str, str] = asked) -> None:
            try:
                told.append(call(**asked, **extra).get("ETag", "aborted"))
            except ClientError as error:
                told.append(error.response["Error"]["Code"])

        threads = [
            threading.Thread(target=run, args=(clients[0].complete_multipart_upload, {"MultipartUpload": listed})),
            threading.Thread(target=run, args=(clients[2].complete_multipart_upload, {"MultipartUpload": listed})),
            threading.Thread(target=run, args=(clients[1].abort_multipart_upload, {})),
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        done = [told for told in outcomes if told.endswith('-1"')]
        is_there = "Contents" in clients[2].list_objects_v2(Bucket=bucket, Prefix=key)
        assert (len(done), outcomes.count("NoSuchUpload"), outcomes.count("aborted")) in ((2, 1, 0), (0, 2, 1))
        assert is_there == bool(done)
