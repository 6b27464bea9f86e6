"""The requests whose cost is looked at while the registry grows: one object written or read, one page of a list."""

import base64
import hashlib
import itertools
import random
from collections.abc import Iterator, Sequence
from typing import Final

from bench.scale_fill import key_of
from mys3d.bench.body import Bodies, BodyMode, Envelope
from mys3d.bench.caller import PAGE_KEYS_COUNT, Caller
from mys3d.bench.connection import Connection, Request
from mys3d.bench.sign import Signer
from mys3d.bench.target import Target
from mys3d.bench.workload import Phase, spread

OPERATIONS: Final = ("get", "put", "list")
_CHECK_EVERY: Final = 100
_REQUESTS_MADE: Final = 4_096  # before the clock starts; then they go round
_PAGES_MADE: Final = 1_024
_LIST_STREAMS: Final = 1  # its latency is that of one client


class Anywhere:
    """One operation on objects drawn evenly from all that were filled in."""

    def __init__(self, operation: str, target: Target, objects: int, length: int) -> None:
        self.operation: Final = operation
        self._target, self._objects, self._length = target, objects, length
        self._chance = random.Random(objects)

    def prepare(self) -> None:
        """Everything is there."""

    def phases(self, concurrency: int) -> Iterator[Phase]:
        source = {"get": self._gets, "put": self._puts, "list": self._pages}[self.operation]
        streams = _LIST_STREAMS if self.operation == "list" else concurrency
        yield Phase(self.operation, spread(self._target, streams, source))

    def _gets(self, endpoint: str) -> Iterator[Request]:
        caller = Caller(self._target, endpoint)
        return itertools.cycle([self._get(caller, key_of(number), at) for at, number in enumerate(self._drawn())])

    def _get(self, caller: Caller, key: str, at: int) -> Request:
        """One in a hundred is compared, with what was filled in or written since."""
        is_checked = at % _CHECK_EVERY == 0
        return caller.get(key, self._length, (lambda body: len(body) == self._length) if is_checked else None)

    def _puts(self, endpoint: str) -> Iterator[Request]:
        caller, bodies = Caller(self._target, endpoint), Bodies(self._length)
        envelope = Envelope(bodies, BodyMode.UNSIGNED)
        heads = [caller.put_head(key_of(number), envelope, envelope.payload([])) for number in self._drawn()]
        for head in itertools.cycle(heads):
            yield Request(envelope.wrapped(head, bodies.fresh()), "put", sent_bytes=self._length)

    def _pages(self, endpoint: str) -> Iterator[Request]:
        """Full pages from anywhere; of a bucket that has just one, that one."""
        caller = Caller(self._target, endpoint)
        keys = sorted(key_of(number) for number in range(min(self._objects, 100 * PAGE_KEYS_COUNT)))
        behind = keys[: max(1, len(keys) - 2 * PAGE_KEYS_COUNT)] if self._objects > 2 * PAGE_KEYS_COUNT else [""]
        plain = [caller.page("scale/", self._chance.choice(behind)) for _ in range(_PAGES_MADE)]
        plain[0].check = _is_full
        return itertools.cycle(plain)

    def _drawn(self) -> list[int]:
        return [self._chance.randrange(self._objects) for _ in range(_REQUESTS_MADE)]


class PageBehind:
    """The same page of a list again and again, as many clients begin at the same place."""

    def __init__(self, target: Target, key: str) -> None:
        self._target, self._key = target, key

    def prepare(self) -> None:
        """Everything is there."""

    def phases(self, _concurrency: int) -> Iterator[Phase]:
        yield Phase("list", spread(self._target, _LIST_STREAMS, self._pages))

    def _pages(self, endpoint: str) -> Iterator[Request]:
        caller = Caller(self._target, endpoint)
        return itertools.cycle(
            [caller.page("scale/", self._key, check=_is_full), *[caller.page("scale/", self._key)] * (_CHECK_EVERY - 1)]
        )


def deletes(target: Target, keys: Sequence[str], streams: int) -> list[Connection]:
    """Connections that remove keys, a thousand a request."""
    signer = Signer(target.keys, target.endpoints[0])
    requests = (_delete(signer, target.bucket, keys[at : at + 1000]) for at in range(0, len(keys), 1000))
    return [Connection(target.endpoints[:1], requests) for _ in range(streams)]


def _delete(signer: Signer, bucket: str, keys: Sequence[str]) -> Request:
    objects = "".join([f"<Object><Key>{key}</Key></Object>" for key in keys])
    body = f"<Delete><Quiet>true</Quiet>{objects}</Delete>".encode()
    digest = base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()
    headers = [("content-md5", digest)]
    head = signer.head("POST", f"/{bucket}", query=[("delete", "")], length=len(body), headers=headers)
    return Request((head, body), "delete", check=lambda answer: b"<Error>" not in answer)


def _is_full(body: bytes) -> bool:
    return body.count(b"<Key>") == PAGE_KEYS_COUNT
