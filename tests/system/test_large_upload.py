"""A large object by 64 parts at once, and back: every byte the same, and the memory of each node bounded.

LARGE_GIB (20) GiB by parts of 10 MiB through one node, read through another, then a twentieth of it by one PUT: run by
`make large-upload`. Prints rates and the highest RSS of each node.
"""

import hashlib
import itertools
import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

import pytest

from mys3d.limits import GIB, MIB

KEY = "large"
PART = 10 * MIB
AT_ONCE = 64
RSS_MIB_MAX = 400e6 / MIB
LOOK_SECONDS = 0.25
OPTIONS = {"max_pool_connections": AT_ONCE, "retries": {"mode": "standard", "max_attempts": 5}}


def rss_mib(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS"))


@contextmanager
def watched(pids: dict[str, int]) -> Iterator[dict[str, float]]:
    """The highest RSS of each process so far, MiB."""
    highest = dict.fromkeys(pids, 0.0)
    halt = threading.Event()

    def look() -> None:
        while not halt.wait(LOOK_SECONDS):
            for name, pid in pids.items():
                highest[name] = max(highest[name], rss_mib(pid))

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        yield highest
    finally:
        halt.set()
        watcher.join()


def part_of(number: int) -> bytes:
    """Bytes that no other part has, cheap to make again."""
    block = Random(number).randbytes(MIB)
    return b"".join(block[:-8] + at.to_bytes(8, "big") for at in range(PART // MIB))


def upload(client: Any, bucket: str, parts_count: int, pool: ThreadPoolExecutor) -> None:
    asked = {"Bucket": bucket, "Key": KEY}
    asked["UploadId"] = client.create_multipart_upload(**asked)["UploadId"]

    def put(number: int) -> dict[str, Any]:
        return {
            "PartNumber": number,
            "ETag": client.upload_part(**asked, PartNumber=number, Body=part_of(number))["ETag"],
        }

    listed = list(pool.map(put, range(1, parts_count + 1)))
    client.complete_multipart_upload(**asked, MultipartUpload={"Parts": listed})


def wrong_parts(client: Any, bucket: str, parts_count: int, pool: ThreadPoolExecutor) -> list[int]:
    """Read the whole object back by ranges."""

    def is_right(number: int) -> bool:
        start = (number - 1) * PART
        got = client.get_object(Bucket=bucket, Key=KEY, Range=f"bytes={start}-{start + PART - 1}")["Body"].read()
        return hashlib.md5(got).digest() == hashlib.md5(part_of(number)).digest()

    numbers = range(1, parts_count + 1)
    return list(itertools.compress(numbers, [not right for right in pool.map(is_right, numbers)]))


@pytest.mark.campaign
def test_a_large_object_goes_in_by_many_parts_at_once_and_comes_back(own_cluster: Any, tmp_path: Path) -> None:
    parts_count = max(AT_ONCE, int(float(os.environ.get("MYS3D_LARGE_GIB") or 20) * GIB) // PART)
    first, second = own_cluster.client("n1", **OPTIONS), own_cluster.client("n2", **OPTIONS)
    first.create_bucket(Bucket="large")
    source = tmp_path / "source.bin"
    with source.open("wb") as file:
        for number in range(1, max(1, parts_count // 20) + 1):
            file.write(part_of(number))
    pids = {name: own_cluster.node(name)["pid"] for name in own_cluster.names}
    with watched(pids) as highest, ThreadPoolExecutor(AT_ONCE) as pool:
        began = time.monotonic()
        upload(first, "large", parts_count, pool)
        uploaded = time.monotonic()
        assert wrong_parts(second, "large", parts_count, pool) == []
        read = time.monotonic()
        with source.open("rb") as file:
            first.put_object(Bucket="large", Key="one", Body=file)
        put = time.monotonic()
    assert second.head_object(Bucket="large", Key=KEY)["ContentLength"] == parts_count * PART
    assert second.head_object(Bucket="large", Key="one")["ContentLength"] == source.stat().st_size
    size, one = parts_count * PART / MIB, source.stat().st_size / MIB
    rates = f"in {size / (uploaded - began):.0f} MiB/s, out {size / (read - uploaded):.0f} MiB/s"
    print(f"\n{size:.0f} MiB by parts: {rates}; {one:.0f} MiB by one PUT: in {one / (put - read):.0f} MiB/s")
    print(f"highest RSS: {', '.join(f'{name} {rss:.0f} MiB' for name, rss in highest.items())}")
    assert max(highest.values()) <= RSS_MIB_MAX
