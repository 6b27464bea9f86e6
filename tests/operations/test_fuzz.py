"""Strange requests of a signer: every one is answered, none by a fault of ours."""

import random
from typing import Any

import pytest

from mys3d.s3 import uri

WORDS = ["", "0", "-1", "1", "true", "*", "null", '"', "a,b", "%", "é", "\x7f", "x" * 3000, "bytes=0-", "&<>", "../.."]
QUERIES = [
    "list-type=2", "delete", "location", "prefix", "delimiter", "max-keys", "marker", "start-after", "encoding-type",
    "continuation-token", "versionId", "partNumber", "response-content-type", "fetch-owner", "max-buckets", "acl",
]  # fmt: skip
HEADERS = [
    "Range", "If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since", "Content-MD5", "Content-Type",
    "Content-Encoding", "x-amz-meta-a", "x-amz-checksum-crc32", "x-amz-checksum-mode", "x-amz-storage-class", "Expires",
    "x-amz-sdk-checksum-algorithm", "x-amz-trailer", "x-amz-decoded-content-length", "x-amz-acl", "x-amz-copy-source",
]  # fmt: skip
PATHS = ["/", "/photos", "/photos/", "/photos/k", "/photos//", "/none/k", "/photos/%00", "/photos/" + "k" * 1025, "/A"]
BODIES = [
    b"",
    b"x",
    b"5\r\nhello\r\n0\r\n\r\n",
    b"<Delete/>",
    b"<Delete><Object><Key>k</Key></Object></Delete>",
    b"\xff",
]
CONTENTS = ["UNSIGNED-PAYLOAD", "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "x", None]


def strange(client: Any, chance: random.Random) -> tuple[Any, bytes]:
    pairs = [
        f"{name}={uri.encode(chance.choice(WORDS).encode())}" for name in chance.sample(QUERIES, chance.randrange(4))
    ]
    url = chance.choice(PATHS) + ("?" + "&".join([pair.removesuffix("=") for pair in pairs]) if pairs else "")
    headers = {name: chance.choice(WORDS).replace("é", "e") for name in chance.sample(HEADERS, chance.randrange(4))}
    content = chance.choice(CONTENTS)
    if content is not None:
        headers["x-amz-content-sha256"] = content
    body = chance.choice(BODIES)
    return client.signed(chance.choice(["GET", "HEAD", "PUT", "POST", "DELETE"]), url, body, headers), body


@pytest.mark.parametrize("seed", range(10))
async def test_a_strange_request_is_answered_and_never_by_a_fault_of_ours(bucket: Any, seed: int) -> None:
    chance = random.Random(seed)
    statuses = set()
    for _ in range(150):
        request, body = strange(bucket, chance)
        size = chance.choice([1, 2, 1000])
        answer = await bucket.send(request, *[body[at : at + size] for at in range(0, len(body), size)])
        assert answer.status < 500 or answer.status == 501, (request, answer)
        statuses.add(answer.status)
    assert {200, 400, 404} <= statuses
