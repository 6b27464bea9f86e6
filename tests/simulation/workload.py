"""Clients that put unique bodies and read them back through any node.        Floor: tests. Called by: run.

Law: a body is sent once and never again, so whoever reads it knows which PUT wrote it.
"""

from collections.abc import Callable
from hashlib import md5
from random import Random

import trio

from mys3d.engine.budget import BufferBudget
from mys3d.engine.get import read_body
from mys3d.engine.put import StoredBody, put_object
from mys3d.errors import OutcomeUnknown, Rejected, Unavailable
from mys3d.model.names import BucketId, ObjectKey
from mys3d.model.objects import Content
from mys3d.ports import Ports
from mys3d.registry import queries
from mys3d.registry.commands import PutObject
from tests.simulation.checks import History
from tests.simulation.node import SimulatedNode

KEYS_COUNT = 12
PAUSE_SECONDS = 0.05  # mean between two requests of one client
REQUEST_SECONDS = 15.0  # then a client gives up and does not know


class Bytes:
    """A body source of one piece."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    async def read(self) -> bytes:
        data, self._data = self._data, b""
        return data


def finisher(bucket: BucketId, key: str) -> Callable[[StoredBody], PutObject]:
    def finish(stored: StoredBody) -> PutObject:
        return PutObject(
            bucket, ObjectKey(key), stored.size, stored.md5.hex(), stored.body, Content("text/plain"), (),
            stored.layout_epoch, stored.gc_epoch,
        )  # fmt: skip

    return finish


async def read_key(ports: Ports, bucket: BucketId, key: str) -> bytes | None:
    """Read as a GET does: behind a barrier. Raises Unavailable."""
    await ports.registry.barrier()
    version = queries.live(ports.registry.view(), bucket, ObjectKey(key))
    if version is None or version.body is None:
        return None
    data = b"".join([bytes(piece) async for piece in read_body(ports, version.body, 0, version.size)])
    assert md5(data).hexdigest() == version.etag, f"{key}: the bytes served have another etag"
    return data


class Client:
    """One client: after a pause, a PUT or a GET of a random key through a random node, for ever."""

    def __init__(
        self,
        number: int,
        dice: Random,
        nodes: list[SimulatedNode],
        bucket: BucketId,
        history: History,
        on_acknowledged: Callable[[SimulatedNode], None],
    ) -> None:
        self._number = number
        self._dice = dice
        self._nodes = nodes
        self._bucket = bucket
        self._history = history
        self._on_acknowledged = on_acknowledged
        self._sent_count = 0

    async def run(self) -> None:
        while True:
            await trio.sleep(self._dice.expovariate(1 / PAUSE_SECONDS))
            key, node = f"key-{self._dice.randrange(KEYS_COUNT)}", self._dice.choice(self._nodes)
            if self._dice.random() < 0.6:
                await self._put(node, key)
            else:
                await self._get(node, key)

    async def _put(self, node: SimulatedNode, key: str) -> None:
        if node.ports is None:
            return
        self._sent_count += 1
        body = f"{key} by client {self._number}, put {self._sent_count} ".encode()
        body += self._dice.randbytes(self._dice.choice((0, 10, 5_000)))
        began = trio.current_time()
        self._history.put_began(key, body)

        async def put(ports: Ports, budget: BufferBudget) -> None:
            with trio.move_on_after(REQUEST_SECONDS) as patience:
                try:
                    await put_object(ports, budget, Bytes(body), frozenset(), finisher(self._bucket, key))
                    self._history.put_done(began, trio.current_time(), key, body)
                except (Unavailable, Rejected):
                    self._history.refused.add(body)
                except OutcomeUnknown:
                    self._history.doubtful_count += 1

            self._history.doubtful_count += patience.cancelled_caught

        if not await node.handle(put):
            self._history.doubtful_count += 1
        elif body not in self._history.refused:
            self._on_acknowledged(node)

    async def _get(self, node: SimulatedNode, key: str) -> None:
        began = trio.current_time()

        async def get(ports: Ports, _budget: BufferBudget) -> None:
            with trio.move_on_after(REQUEST_SECONDS):
                try:
                    body = await read_key(ports, self._bucket, key)
                except Unavailable:
                    return  # a 503 promises nothing
                self._history.reads.append((began, trio.current_time(), key, body))

        await node.handle(get)
