"""Uploads in parts: create, the parts one after the other, complete.        Floor: bench. Called by: catalogue.

Law: the row counts whole uploads, from the first byte of the first request to the last of the last answer; every
connection has one upload under way.
"""

import re
import time
from collections.abc import Iterator
from typing import Final

from mys3d.bench.answer import Answer
from mys3d.bench.body import Bodies, Envelope
from mys3d.bench.caller import Caller
from mys3d.bench.connection import Connection, Request
from mys3d.bench.prepare import PREFIX
from mys3d.bench.target import Target
from mys3d.bench.workload import Load, Phase

_KEYS_COUNT: Final = 4  # for each connection: uploads go round them


class Multipart:
    """Whole uploads, one at a time on each connection."""

    def __init__(self, target: Target, load: Load) -> None:
        self._target = target
        lengths = [min(load.part_bytes, load.size - at) for at in range(0, load.size, load.part_bytes)]
        bodies = {length: Bodies(length) for length in set(lengths)}
        envelopes = {length: Envelope(bodies[length], load.body) for length in bodies}
        self._parts = [(bodies[length], envelopes[length]) for length in lengths]

    def prepare(self) -> None:
        """Nothing is needed."""

    def phases(self, concurrency: int) -> Iterator[Phase]:
        endpoints = self._target.endpoints
        chosen = [endpoints[number % len(endpoints)] for number in range(concurrency)]
        tls = self._target.tls
        connections = [Connection((host,), self._requests(host, number), tls) for number, host in enumerate(chosen)]
        yield Phase("multipart", connections, counted="multipart")

    def _requests(self, endpoint: str, number: int) -> Iterator[Request]:
        caller = Caller(self._target, endpoint)
        while True:
            for turn in range(_KEYS_COUNT):
                yield from self._upload(caller, f"{PREFIX}multipart/{number}/{turn}-1")

    def _upload(self, caller: Caller, key: str) -> Iterator[Request]:
        """The requests of one upload, each made when the answer before it has come; a failed one ends it."""
        began = time.perf_counter()
        answers: list[Answer] = []
        yield caller.create_upload(key, answers.append)
        upload_id = _upload_id(answers.pop())
        if upload_id is None:
            return
        etags: list[str] = []
        for number, (bodies, envelope) in enumerate(self._parts, 1):
            yield caller.part(key, upload_id, number, envelope, bodies.fresh(), answers.append)
            part = answers.pop()
            if part.status != 200:
                return
            etags.append(part.header(b"etag"))  # without one the completion will be refused
        yield caller.complete(key, upload_id, etags, began)


def _upload_id(answer: Answer) -> str | None:
    found = re.search(rb"<UploadId>(.*?)</UploadId>", answer.body)
    return found.group(1).decode() if found and answer.status == 200 else None
