"""put, get, head, delete and list: one kind of request each.        Floor: bench. Called by: catalogue.

Law: uploads go round a few keys, so that a run of any length leaves little behind; no two have equal bodies.
"""

import itertools
import time
from collections.abc import Callable, Iterator
from typing import Final

from mys3d.bench.body import Bodies, BodyMode, Envelope
from mys3d.bench.caller import PAGE_KEYS_COUNT, Caller
from mys3d.bench.connection import Request
from mys3d.bench.prepare import PREFIX, SALT, upload_keys
from mys3d.bench.sign import Form
from mys3d.bench.target import Target
from mys3d.bench.workload import Load, Phase, spread

PUT_KEYS_COUNT: Final = 512  # for each endpoint
CHECK_EVERY: Final = 100  # 1 % of downloaded bodies are compared byte for byte
_DELETED_MIN: Final = 200
_DELETED_MAX: Final = 50_000


class Put:
    """Uploads."""

    def __init__(self, target: Target, load: Load) -> None:
        self._target, self._load = target, load
        self._bodies = Bodies(load.size)
        self._envelope = Envelope(self._bodies, load.body)

    def prepare(self) -> None:
        """Nothing is needed."""

    def phases(self, concurrency: int) -> Iterator[Phase]:
        yield Phase("put", spread(self._target, concurrency, self._requests))

    def _requests(self, endpoint: str) -> Iterator[Request]:
        caller = Caller(self._target, endpoint)
        number = self._target.endpoints.index(endpoint)
        keys = [f"{PREFIX}put/{number}/{at}-{self._load.size}" for at in range(PUT_KEYS_COUNT)]
        if self._load.body is BodyMode.SIGNED:
            forms = [caller.put_form(key, self._envelope) for key in keys]
            return map(self._signed, itertools.cycle(forms))
        payload = self._envelope.payload([])
        heads = [caller.put_head(key, self._envelope, payload) for key in keys]
        return map(self._request, itertools.cycle(heads))

    def _request(self, head: bytes) -> Request:
        pieces = self._envelope.wrapped(head, self._bodies.fresh())
        return Request(pieces, "put", sent_bytes=self._envelope.length)

    def _signed(self, form: Form) -> Request:
        body = self._bodies.fresh()
        pieces = self._envelope.wrapped(form.head(self._envelope.payload(body)), body)
        return Request(pieces, "put", sent_bytes=self._envelope.length)


class Get:
    """Downloads of a few objects in turn, 1 % of them compared."""

    def __init__(self, target: Target, load: Load) -> None:
        self._target, self._load = target, load
        self._bodies = Bodies(load.size, SALT)
        self._keys = _read_keys(load)

    def prepare(self) -> None:
        upload_keys(self._target, self._keys, self._load.size)

    def phases(self, concurrency: int) -> Iterator[Phase]:
        yield Phase("get", spread(self._target, concurrency, self._requests))

    def _requests(self, endpoint: str) -> Iterator[Request]:
        caller = Caller(self._target, endpoint)
        plain = [caller.get(key, self._load.size) for key in self._keys]
        return self._checked(caller, itertools.cycle(enumerate(plain)))

    def _checked(self, caller: Caller, plain: Iterator[tuple[int, Request]]) -> Iterator[Request]:
        for count, (number, request) in enumerate(plain):
            if count % CHECK_EVERY:
                yield request
            else:
                yield caller.get(self._keys[number], self._load.size, self._is_body(number))

    def _is_body(self, number: int) -> Callable[[bytes], bool]:
        return lambda body: body == self._bodies.bytes_of(number)  # made only now: large bodies need much room


class Head:
    """HEAD of a few objects in turn."""

    def __init__(self, target: Target, load: Load) -> None:
        self._target, self._load = target, load
        self._keys = _read_keys(load)

    def prepare(self) -> None:
        upload_keys(self._target, self._keys, self._load.size)

    def phases(self, concurrency: int) -> Iterator[Phase]:
        yield Phase("head", spread(self._target, concurrency, self._requests))

    def _requests(self, endpoint: str) -> Iterator[Request]:
        caller = Caller(self._target, endpoint)
        return itertools.cycle([caller.head(key) for key in self._keys])


class Delete:
    """Deletes of objects that were put in place just before, by the pace of the slice before."""

    def __init__(self, target: Target, load: Load) -> None:
        self._target, self._load = target, load
        self._count = load.objects_count

    def prepare(self) -> None:
        """Each phase has objects of its own."""

    def phases(self, concurrency: int) -> Iterator[Phase]:
        keys = [f"{PREFIX}delete/{number}-{self._load.size}" for number in range(self._count)]
        upload_keys(self._target, keys, self._load.size)
        left = iter(keys)
        started = time.perf_counter()
        yield Phase("delete", spread(self._target, concurrency, lambda endpoint: self._requests(endpoint, left)))
        seconds = time.perf_counter() - started
        done = self._count - sum(1 for _ in left)
        self._count = min(_DELETED_MAX, max(_DELETED_MIN, int(done / seconds * self._load.slice_seconds)))

    def _requests(self, endpoint: str, left: Iterator[str]) -> Iterator[Request]:
        caller = Caller(self._target, endpoint)
        return map(caller.delete, left)


class Listing:
    """Full pages of a thousand keys, 1 % of them counted."""

    def __init__(self, target: Target, load: Load) -> None:
        self._target = target
        self._prefix = f"{PREFIX}list/"

    def prepare(self) -> None:
        upload_keys(self._target, [f"{self._prefix}{number:06d}-8" for number in range(PAGE_KEYS_COUNT)], 8)

    def phases(self, concurrency: int) -> Iterator[Phase]:
        yield Phase("list", spread(self._target, concurrency, self._requests))

    def _requests(self, endpoint: str) -> Iterator[Request]:
        caller = Caller(self._target, endpoint)
        plain = caller.page(self._prefix)
        return itertools.cycle([caller.page(self._prefix, check=_is_full), *[plain] * (CHECK_EVERY - 1)])


def _read_keys(load: Load) -> list[str]:
    """The objects that downloads and HEAD go round."""
    return [f"{PREFIX}get/{number}-{load.size}" for number in range(load.objects_count)]


def _is_full(body: bytes) -> bool:
    return body.count(b"<Key>") == PAGE_KEYS_COUNT
