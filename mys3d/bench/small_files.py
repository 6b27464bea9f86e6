"""A tree of small files: written, walked, read and removed.        Floor: bench. Called by: catalogue.

Law: one slice is a whole life of the tree, and each stretch of it is measured by itself, from first file to last.
A tree has as many files as the store writes in half of a slice, going by the tree before.
The sizes are those of source trees and mailboxes, 512 bytes to 64 KiB, each as often as the next: 16 KiB on average.
"""

import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from mys3d.bench.body import Bodies, Envelope
from mys3d.bench.caller import Caller
from mys3d.bench.connection import Request
from mys3d.bench.objects import CHECK_EVERY
from mys3d.bench.prepare import PREFIX
from mys3d.bench.target import Target
from mys3d.bench.workload import Load, Phase, spread

SIZES: Final = tuple(512 << step for step in range(8))
FILES_PER_DIRECTORY: Final = 20
_FIRST_FILES_COUNT: Final = 100
_FILES_MIN: Final = 40


class SmallFiles:
    """One tree, again and again."""

    def __init__(self, target: Target, load: Load) -> None:
        self._target = target
        self._bodies = {size: Bodies(size) for size in SIZES}
        self._envelopes = {size: Envelope(bodies, load.body) for size, bodies in self._bodies.items()}
        self._files_max = load.objects_count
        self._files_count = min(_FIRST_FILES_COUNT, self._files_max)
        self._write_seconds = load.slice_seconds / 2
        self._first = 0  # number of the first body of this life: no two lives have bodies in common

    def prepare(self) -> None:
        """Nothing is needed: a slice begins with an empty tree."""

    def phases(self, concurrency: int) -> Iterator[Phase]:
        count = self._files_count
        files, directories = range(count), range(0, count, FILES_PER_DIRECTORY)
        started = time.perf_counter()
        yield self._phase("write", concurrency, self._put, files)
        seconds = time.perf_counter() - started
        yield self._phase("walk", concurrency, self._list, directories)
        yield self._phase("read", concurrency, self._get, files)
        yield self._phase("remove", concurrency, self._delete, files)
        self._first += count
        self._files_count = min(self._files_max, max(_FILES_MIN, int(count / seconds * self._write_seconds)))

    def _phase(
        self, name: str, concurrency: int, make: Callable[[Caller, int], Request], items: Sequence[int]
    ) -> Phase:
        connections = spread(self._target, concurrency, self._each(make, items))
        return Phase(f"small_files.{name}", connections, is_timed=False)

    def _each(self, make: Callable[[Caller, int], Request], items: Sequence[int]) -> Callable[[str], Iterator[Request]]:
        """The source of each endpoint: together they come to every item once."""
        left = iter(items)
        return lambda endpoint: map(make, itertools.repeat(Caller(self._target, endpoint)), left)

    def _key(self, number: int) -> str:
        return f"{self._directory(number)}{number:06d}-{_size_of(number)}"

    def _directory(self, number: int) -> str:
        directory = number // FILES_PER_DIRECTORY
        return f"{PREFIX}small/{directory % 10}/{directory}/"

    def _put(self, caller: Caller, number: int) -> Request:
        size = _size_of(number)
        return caller.put(self._key(number), self._envelopes[size], self._bodies[size].numbered(self._first + number))

    def _get(self, caller: Caller, number: int) -> Request:
        size, check = _size_of(number), None
        if number % CHECK_EVERY == 0:
            check = self._bodies[size].bytes_of(self._first + number).__eq__
        return caller.get(self._key(number), size, check)

    def _delete(self, caller: Caller, number: int) -> Request:
        return caller.delete(self._key(number))

    def _list(self, caller: Caller, number: int) -> Request:
        """The page of the directory that begins with this file."""
        expected = min(FILES_PER_DIRECTORY, self._files_count - number)
        return caller.page(self._directory(number), "", expected, lambda body: body.count(b"<Key>") == expected)


def _size_of(number: int) -> int:
    return SIZES[number % len(SIZES)]
