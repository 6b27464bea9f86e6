"""Puts in place what a workload needs, and takes away what it left.        Floor: bench. Called by: workloads, run.

Law: either everything is as it has to be, or Unavailable says what the target answered instead.
"""

import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final
from xml.sax.saxutils import unescape

from mys3d.bench.answer import Answer
from mys3d.bench.body import Bodies, BodyMode, Envelope
from mys3d.bench.caller import PAGE_KEYS_COUNT, Caller
from mys3d.bench.connection import Connection, Request
from mys3d.bench.load import Bounds, Result, run
from mys3d.bench.target import Target, unanswered
from mys3d.errors import Unavailable

PREFIX: Final = "bench/"  # of all keys that the bench writes
SALT: Final = b"prepared"
_SECONDS: Final = 300.0
_CONCURRENCY: Final = 16
_START_SECONDS: Final = 15.0
_START_PAUSE_SECONDS: Final = 0.5


def make_bucket(target: Target) -> None:
    """Create the bucket unless it is there; a server that has just been started is given time. Raises Unavailable."""
    deadline = time.monotonic() + _START_SECONDS
    while True:
        result = _ask(target, [_caller(target).bucket()])
        if not set(result.errors) - {"status 409"}:  # 409: it exists
            return
        if not any(error.startswith("status 5") for error in result.errors) or time.monotonic() > deadline:
            raise Unavailable(f"target {target.name} made no bucket {target.bucket}: {_told(result)}")
        time.sleep(_START_PAUSE_SECONDS)


def software_of(target: Target) -> str:
    """What a target calls itself in its answers; empty when it does not."""
    answers: list[Answer] = []
    request = _caller(target).page(PREFIX)
    request.ended = answers.append
    _ask(target, [request])
    return answers[0].header(b"server") if answers else ""


def upload(target: Target, objects: list[tuple[str, int, int]]) -> None:
    """Upload objects, each a key, a size and the number of its body. Raises Unavailable."""
    caller = _caller(target)
    bodies = {size: Bodies(size, SALT) for _, size, _ in objects}
    envelopes = {size: Envelope(bodies[size], BodyMode.UNSIGNED) for size in bodies}
    puts = (caller.put(key, envelopes[size], bodies[size].numbered(number)) for key, size, number in objects)
    result = _ask(target, puts, _CONCURRENCY)
    done = len(result.latencies["put"])
    if done != len(objects):
        raise Unavailable(f"target {target.name} took {done} of {len(objects)} objects: {_told(result)}")


def upload_keys(target: Target, keys: Sequence[str], size: int) -> None:
    """Upload objects of one size, each with the body of its place among `keys`. Raises Unavailable."""
    upload(target, [(key, size, number) for number, key in enumerate(keys)])


def sweep(target: Target, prefix: str = PREFIX) -> int:
    """Delete all keys under a prefix; return how many. Raises Unavailable."""
    count, after = 0, ""
    while True:
        keys = list_page(target, prefix, after)
        caller = _caller(target)
        result = _ask(target, [caller.delete(key) for key in keys], _CONCURRENCY)
        if set(result.errors) - {"status 404"}:
            raise Unavailable(f"target {target.name} did not delete what the bench wrote: {_told(result)}")
        count += len(keys)
        if len(keys) < PAGE_KEYS_COUNT:
            return count
        after = keys[-1]


def clean(targets: Iterable[Target], tells: Callable[[str], None]) -> None:
    """Sweep all targets. One that cannot be swept is told: figures are no worse for it."""
    for target in targets:
        try:
            sweep(target)
        except Unavailable as error:
            tells(f"objects of the bench are left behind: {error}")


def list_page(target: Target, prefix: str, after: str = "") -> list[str]:
    """The keys under a prefix, behind `after`; a full page at most. Raises Unavailable."""
    pages: list[bytes] = []
    request = _caller(target).page(prefix, after)
    request.ended = lambda answer: pages.append(answer.body)
    request.keeps_body = True
    result = _ask(target, [request])
    if result.errors:
        raise Unavailable(f"target {target.name} does not list {prefix}: {_told(result)}")
    return keys_of(pages[0])


def keys_of(page: bytes) -> list[str]:
    """The keys of a list document."""
    return [unescape(key.decode()) for key in re.findall(rb"<Key>(.*?)</Key>", page)]


def _caller(target: Target) -> Caller:
    return Caller(target, target.endpoints[0])


def _ask(target: Target, requests: Iterable[Request], concurrency: int = 1) -> Result:
    """Send requests to the first endpoint."""
    source: Iterator[Request] = iter(requests)
    connections = [Connection(target.endpoints[:1], source, target.tls) for _ in range(concurrency)]
    try:
        return run(connections, Bounds(_SECONDS))
    except OSError as error:
        raise unanswered(target, target.endpoints[0], error) from error


def _told(result: Result) -> str:
    return ", ".join(f"{count} times {what}" for what, count in result.errors.items()) or "not in time"
