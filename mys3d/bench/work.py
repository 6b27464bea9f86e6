"""The requests of each kind of run, made before the clock starts.        Floor: bench.

Law: no two uploads carry equal bytes, because a store that names bytes by their digest would write them once; the
signature does not cover the body (UNSIGNED-PAYLOAD), so that a fresh body needs no signing while the clock runs.
"""

import itertools
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from mys3d.bench import sign
from mys3d.bench.cpu import Cluster
from mys3d.bench.load import Connection, Request, run

KEYS_COUNT: Final = 512  # per endpoint: uploads go round these keys
LISTED_KEYS_COUNT: Final = 1000  # one full page
CHECK_EVERY: Final = 100  # 1 % of downloaded bodies are compared byte for byte
PREPARE_SECONDS: Final = 120.0
_COUNTER_BYTES: Final = 8


class CannotPrepare(Exception):
    """What a run needs could not be put in place."""


@dataclass(frozen=True, slots=True)
class Target:
    """One cluster, one bucket, and the keys to sign with."""

    cluster: Cluster
    bucket: str

    def head(self, method: str, host: str, path: str, **fields: object) -> bytes:
        keys = sign.Keys(self.cluster.access_key, self.cluster.secret_key, self.cluster.region)
        return sign.head(keys, method, host, f"/{self.bucket}{path}", **fields)  # type: ignore[arg-type]  # same names


def make_bucket(target: Target) -> None:
    """Create the bucket unless it is there. Raises CannotPrepare."""
    host = target.cluster.endpoints[0]
    result = run(
        [Connection(host, iter([Request((target.head("PUT", host, "", length=0),))]))], seconds=30, requests_max=1
    )
    if result.errors_count and set(result.errors) != {"status 409"}:  # 409: it exists
        raise CannotPrepare(f"bucket {target.bucket}: {dict(result.errors)}")


def puts(target: Target, host: str, size: int) -> Iterator[Request]:
    """Uploads without end: keys in turn, every body another."""
    heads = [target.head("PUT", host, f"/put/{size}/{host}/{number}", length=size) for number in range(KEYS_COUNT)]
    salt, tail = os.urandom(_COUNTER_BYTES), os.urandom(max(0, size - 2 * _COUNTER_BYTES))
    for number, head in enumerate(itertools.cycle(heads)):
        unique = (number.to_bytes(_COUNTER_BYTES, "big") + salt)[:size]
        yield Request((head, unique, tail), sent_bytes=size)


def gets(target: Target, host: str, size: int, objects_count: int) -> Iterator[Request]:
    """Downloads without end of what `prepare_objects` uploaded, 1 % of them compared."""
    requests = [
        (target.head("GET", host, f"/get/{size}/{number}"), body_of(number, size)) for number in range(objects_count)
    ]
    for count, (head, body) in enumerate(itertools.cycle(requests)):
        check = body.__eq__ if count % CHECK_EVERY == 0 else None
        yield Request((head,), answer_bytes=size, check=check)


def lists(target: Target, host: str) -> Iterator[Request]:
    """Listings without end of one full page, 1 % of them counted."""
    query = [("list-type", "2"), ("max-keys", str(LISTED_KEYS_COUNT)), ("prefix", "list/")]
    head = target.head("GET", host, "", query=query)
    for count in itertools.count():
        check = _is_full_page if count % CHECK_EVERY == 0 else None
        yield Request((head,), check=check)


def prepare_objects(target: Target, size: int, count: int) -> None:
    """Upload what `gets` downloads. Raises CannotPrepare."""
    _upload(target, [(f"/get/{size}/{number}", body_of(number, size)) for number in range(count)])


def prepare_listing(target: Target) -> None:
    """Upload what `lists` lists. Raises CannotPrepare."""
    _upload(target, [(f"/list/{number:06d}", b"listed") for number in range(LISTED_KEYS_COUNT)])


def body_of(number: int, size: int) -> bytes:
    """The body of a prepared object: the same in every run, another for every number."""
    unit = b"object %010d of the benchmark\n" % number
    return (unit * (size // len(unit) + 1))[:size]


def _upload(target: Target, objects: list[tuple[str, bytes]]) -> None:
    host = target.cluster.endpoints[0]
    requests = iter([Request((target.head("PUT", host, path, length=len(body)), body)) for path, body in objects])
    connections = [Connection(host, requests) for _ in range(8)]
    result = run(connections, seconds=PREPARE_SECONDS, requests_max=len(objects))
    if result.errors_count or len(result.latencies) != len(objects):
        raise CannotPrepare(f"uploaded {len(result.latencies)} of {len(objects)} objects: {dict(result.errors)}")


def _is_full_page(body: bytes) -> bool:
    return body.count(b"<Key>") == LISTED_KEYS_COUNT
