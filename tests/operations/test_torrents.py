"""Torrents through dispatch."""

from dataclasses import replace
from typing import Any


async def test_no_object_has_a_torrent(bucket: Any) -> None:
    await bucket("PUT", "/photos/k", b"data")
    for url, status, code in (
        ("/photos/k?torrent", 404, "NoSuchKey"),
        ("/none/k?torrent", 404, "NoSuchBucket"),
        (f"/photos/{'k' * 1025}?torrent", 400, "KeyTooLongError"),
    ):
        found = await bucket("GET", url)
        assert (found.status, found.code) == (status, code)


async def test_a_stranger_does_not_learn_it(bucket: Any) -> None:
    found = await replace(bucket, access_key="ANN")("GET", "/photos/k?torrent")
    assert (found.status, found.code) == (403, "AccessDenied")
