"""GET, PUT, DELETE and HEAD as MinIO's warp mixes them: 45, 15, 10, 30 %.        Floor: bench. Called by: catalogue.

Law: no request can meet an object that another one on its way is deleting, so that every error is the server's.
Source: warp, `mixed`: its defaults of --get-distrib, --put-distrib, --delete-distrib and --stat-distrib.
"""

import random
from collections import Counter
from collections.abc import Iterator
from typing import Final

from mys3d.bench.answer import Answer
from mys3d.bench.body import Bodies, Envelope
from mys3d.bench.caller import Caller
from mys3d.bench.connection import Request
from mys3d.bench.objects import CHECK_EVERY
from mys3d.bench.prepare import PREFIX, SALT, upload_keys
from mys3d.bench.target import Target
from mys3d.bench.workload import Load, Phase, spread

SHARES: Final = {"get": 45, "put": 15, "delete": 10, "head": 30}
_TRIES: Final = 8  # to find an object that nobody is reading
_MARGIN: Final = 32  # objects beyond one for each connection below which nothing is deleted


class Pool:
    """The objects that exist, and which of them are being read."""

    def __init__(self, numbers: range, seed: int) -> None:
        self._numbers = list(numbers)
        self._next = numbers.stop
        self._readers: Counter[int] = Counter()
        self._random = random.Random(seed)

    def __len__(self) -> int:
        return len(self._numbers)

    def lend(self) -> int:
        """Choose an object to read; `give_back` must follow."""
        number = self._random.choice(self._numbers)
        self._readers[number] += 1
        return number

    def give_back(self, number: int) -> None:
        self._readers[number] -= 1
        if not self._readers[number]:
            del self._readers[number]

    def take(self) -> int | None:
        """Choose an object to delete, one that nobody is reading. None: none was found."""
        for _ in range(_TRIES):
            at = self._random.randrange(len(self._numbers))
            number = self._numbers[at]
            if number not in self._readers:
                self._numbers[at] = self._numbers[-1]
                self._numbers.pop()
                return number
        return None

    def new(self) -> int:
        self._next += 1
        return self._next - 1

    def add(self, number: int) -> None:
        self._numbers.append(number)

    def deck(self) -> list[str]:
        """A hundred words in the right proportions, shuffled."""
        words = [word for word, share in SHARES.items() for _ in range(share)]
        self._random.shuffle(words)
        return words


class Mixed:
    """A mix over objects that come and go."""

    def __init__(self, target: Target, load: Load, seed: int = 1) -> None:
        self._target, self._load = target, load
        self._bodies = Bodies(load.size, SALT)
        self._envelope = Envelope(self._bodies, load.body)
        self._pool = Pool(range(load.objects_count), seed)
        self._gets_count = 0

    def prepare(self) -> None:
        keys = [self._key(number) for number in range(self._load.objects_count)]
        upload_keys(self._target, keys, self._load.size)

    def phases(self, concurrency: int) -> Iterator[Phase]:
        floor = concurrency + _MARGIN
        yield Phase("mixed", spread(self._target, concurrency, lambda endpoint: self._requests(endpoint, floor)))

    def _key(self, number: int) -> str:
        return f"{PREFIX}mixed/{number}-{self._load.size}"

    def _requests(self, endpoint: str, floor: int) -> Iterator[Request]:
        caller = Caller(self._target, endpoint)
        while True:
            for word in self._pool.deck():
                yield self._request(caller, word, floor)

    def _request(self, caller: Caller, word: str, floor: int) -> Request:
        if word == "put":
            return self._put(caller)
        if word == "delete":
            number = self._pool.take() if len(self._pool) > floor else None
            return self._put(caller) if number is None else caller.delete(self._key(number))
        number = self._pool.lend()
        request = self._get(caller, number) if word == "get" else caller.head(self._key(number))
        request.ended = lambda _: self._pool.give_back(number)
        return request

    def _get(self, caller: Caller, number: int) -> Request:
        self._gets_count += 1
        check = None if self._gets_count % CHECK_EVERY else (lambda body: bool(body == self._bodies.bytes_of(number)))
        return caller.get(self._key(number), self._load.size, check)

    def _put(self, caller: Caller) -> Request:
        number = self._pool.new()
        request = caller.put(self._key(number), self._envelope, self._bodies.numbered(number))

        def ended(answer: Answer) -> None:
            if 200 <= answer.status < 300:
                self._pool.add(number)

        request.ended = ended
        return request
