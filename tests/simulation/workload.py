"""Clients that write unique bodies and read them back through any node.        Floor: tests. Called by: world.

Law: a body is sent once and never again, so whoever reads it knows which PUT wrote it; but its blobs are often those of
other bodies, put and deleted before. Requests are the product's own operations, behind its router and its signatures:
what a client is told is what S3 would say.
"""

import re
from collections.abc import Awaitable, Callable, Sequence
from random import Random
from typing import TYPE_CHECKING

import trio
from msgspec.structs import replace

from mys3d import limits
from mys3d.errors import Damaged, OutcomeUnknown, Rejected, S3Error, Unavailable
from mys3d.model.names import AccessKey
from mys3d.operations.call import Call
from mys3d.operations.listings import ListObjectsV2, list_objects_v2
from mys3d.operations.objects import GetObject, HeadObject, get_object, head_object
from mys3d.operations.payload import Payload
from mys3d.operations.removing import DeleteObject, delete_object
from mys3d.operations.services import Services
from mys3d.operations.storing import PutObject, put_object
from mys3d.policy.decide import Principal
from mys3d.s3.promises import NOTHING
from tests.simulation.history import Asked
from tests.simulation.node import ACCESS_KEY, BUCKET, SimulatedNode

if TYPE_CHECKING:
    from tests.simulation.world import World

KEYS = tuple(f"key-{number:02d}" for number in range(16))
PLAIN_KEYS = KEYS[:6]  # never deleted and without conditions
HOT_KEYS = (KEYS[0], KEYS[6])  # one of each sort
PAUSE_SECONDS = 0.15  # mean between two requests of one client
REQUEST_SECONDS = 15.0  # then a client gives up and does not know
PIECE_BYTES = 6_000
ROOT = Principal(AccessKey(ACCESS_KEY), "root", True)
ROW = re.compile(rb"<Contents><Key>([^<]*)</Key>.*?<ETag>&quot;(\w+)&quot;</ETag>.*?<Size>(\d+)</Size>")

CONDITION_FAILED = ("PreconditionFailed", "precondition-failed", "NoSuchKey", "no-such-key")

Request = Callable[[Services], Awaitable[None]]


class Bytes:
    """A body that arrives in pieces, and may break off."""

    def __init__(self, data: bytes, breaks_at: int | None = None) -> None:
        self._data = data
        self._left = breaks_at

    async def read(self) -> bytes:
        await trio.lowlevel.checkpoint()
        if self._left is not None:
            self._left -= PIECE_BYTES
            if self._left <= 0:
                raise S3Error("IncompleteBody")
        data, self._data = self._data[:PIECE_BYTES], self._data[PIECE_BYTES:]
        return data


def call_of(services: Services, body: bytes = b"", breaks_at: int | None = None) -> Call:
    return Call(
        services, ROOT, "s3:Anything", Payload(Bytes(body, breaks_at), replace(NOTHING, length=len(body))), origin=""
    )


class Bodies:
    """Makes bodies: whole blobs that others share, and a tail of their own."""

    def __init__(self, dice: Random, blocks_count: int) -> None:
        self._dice = dice
        self._blocks = [dice.randbytes(limits.blob_bytes_max) for _ in range(blocks_count)]

    def make(self, label: str) -> bytes:
        blocks = self._dice.choice((0, 0, 0, 1, 1, 2, 3, 7))
        tail = self._dice.randbytes(self._dice.choice((0, 0, 100, 4_000)))
        return b"".join(self._dice.choices(self._blocks, k=blocks)) + label.encode() + b" " + tail


class Client:
    """One client: after a pause, one request about a random key through a random node, for ever."""

    def __init__(self, number: int, world: "World", bodies: Bodies) -> None:
        self._number = number
        self._world = world
        self._dice = world.dice
        self._history = world.history
        self._bodies = bodies
        self._sent_count = 0
        self._seen: dict[str, str] = {}  # key -> entity tag, for conditions

    async def run(self) -> None:
        mix = self._world.profile.mix
        while True:
            await trio.sleep(self._dice.expovariate(1 / PAUSE_SECONDS))
            key, node = self._key(KEYS), self._node()
            kind = self._dice.choices(list(mix), list(mix.values()))[0]
            if node.services is None:
                continue
            if kind in ("get", "head", "list"):
                await self._read(kind, node, key)
            elif kind == "delete":
                await self._delete(node, self._key(KEYS[len(PLAIN_KEYS) :]))
            else:
                await self._put(kind, node, key)

    def _node(self) -> SimulatedNode:
        nodes = self._world.nodes
        return nodes[self._number % len(nodes)] if self._world.profile.is_loyal else self._dice.choice(nodes)

    def _key(self, keys: Sequence[str]) -> str:
        hot_share = self._world.profile.hot_share
        if hot_share and self._dice.random() < hot_share:
            return self._dice.choice([key for key in HOT_KEYS if key in keys])
        return self._dice.choice(keys)

    async def _put(self, kind: str, node: SimulatedNode, key: str) -> None:
        self._sent_count += 1
        label = f"{key}.{self._number}.{self._sent_count}"
        body = self._bodies.make(label)
        etag = self._history.name(body, label)
        breaks_at = self._dice.randrange(len(body)) if kind == "broken" else None
        if kind == "broken" or key in PLAIN_KEYS or (kind == "replace" and key not in self._seen):
            kind = "put"
        conditions = {"create": {"if_none_match": "*"}, "replace": {"if_match": f'"{self._seen.get(key)}"'}}
        expected = self._history.label_of(self._seen[key]) if kind == "replace" else None
        asked = self._history.begin(kind, key, label, trio.current_time(), expected)

        async def put(services: Services) -> None:
            call = call_of(services, body, breaks_at)
            await put_object(call, PutObject(BUCKET, key, **conditions.get(kind, {})))

        await self._ask(node, asked, put)
        if asked.verdict == "done":
            self._seen[key] = etag
            self._world.storm.acknowledged(node)

    async def _delete(self, node: SimulatedNode, key: str) -> None:
        asked = self._history.begin("delete", key, None, trio.current_time())

        async def delete(services: Services) -> None:
            await delete_object(call_of(services), DeleteObject(BUCKET, key))

        await self._ask(node, asked, delete)

    async def _read(self, kind: str, node: SimulatedNode, key: str) -> None:
        async def read(services: Services) -> None:
            if kind == "list":
                await read_list(self._world, services, self._dice.choice((3, 1000)))
            else:
                value = await read_key(self._world, services, key, is_head=kind == "head")
                if value is not None:
                    self._seen[key] = value

        await self._ask(node, None, read)

    async def _ask(self, node: SimulatedNode, asked: Asked | None, request: Request) -> None:
        """Send one request and note what its answer decides."""

        async def send(services: Services) -> None:
            verdict = "done"
            try:
                with trio.fail_after(REQUEST_SECONDS):
                    await request(services)
            except (OutcomeUnknown, trio.TooSlowError):
                return
            except S3Error as error:
                verdict = self._judge(error, asked)
            except (Unavailable, Rejected, Damaged) as error:
                verdict = self._judge(error, asked)
            if asked is not None:
                asked.verdict, asked.ended = verdict, trio.current_time()

        await node.handle(send)

    def _judge(self, error: Exception, asked: Asked | None) -> str:
        """What an error says about the request: its condition did not hold, or nothing happened."""
        text = str(error)
        is_conditional = asked is not None and asked.kind in ("create", "replace")
        if is_conditional and text.startswith(CONDITION_FAILED):
            return "failed"
        if isinstance(error, Rejected) or (isinstance(error, S3Error) and error.code != "IncompleteBody"):
            self._world.problems.append(f"a client was told {error} at {trio.current_time():.3f}")
        return "refused"


async def read_key(world: "World", services: Services, key: str, *, is_head: bool = False) -> str | None:
    """Read as a GET or HEAD does and note what was seen; return the entity tag. Raises Unavailable, Damaged."""
    began = trio.current_time()
    try:
        if is_head:
            answer = await head_object(call_of(services), HeadObject(BUCKET, key))
        else:
            answer = await get_object(call_of(services), GetObject(BUCKET, key))
        body = answer.body if isinstance(answer.body, bytes) else b"".join([bytes(one) async for one in answer.body])
    except S3Error as error:
        if error.code != "NoSuchKey":
            raise
        world.history.saw(key, None, began, trio.current_time())
        return None
    told = dict(answer.headers)[b"etag"].decode().strip('"')
    label = world.history.label_of(told)
    if answer.length is not None and answer.length != world.history.sizes.get(label):
        world.problems.append(f"{key}: {answer.length} bytes are told of {label}")
    if not is_head and world.history.name_of(body) != told:
        world.problems.append(f"{key}: the bytes served are not those of {label}")
    world.history.saw(key, label, began, trio.current_time())
    return told


async def read_list(world: "World", services: Services, keys_max: int) -> None:
    """Read all pages of a list; each page says of each key up to its last one what it is."""
    world.history.lists_count += 1
    after, left = "", list(KEYS)
    while left:
        began = trio.current_time()
        asked = ListObjectsV2(BUCKET, prefix="key-", start_after=after, max_keys=keys_max)
        answer = await list_objects_v2(call_of(services), asked)
        assert isinstance(answer.body, bytes), "a list is one document"
        rows = [(key.decode(), etag.decode(), int(size)) for key, etag, size in ROW.findall(answer.body)]
        keys = [key for key, _, _ in rows]
        if keys != sorted(set(keys)) or len(keys) > keys_max:
            world.problems.append(f"a list told {keys} for {keys_max} keys behind {after!r}")
        is_last = b"<IsTruncated>false" in answer.body
        told = {key: (etag, size) for key, etag, size in rows}
        covered = [key for key in left if is_last or key <= keys[-1]]
        for key in covered:
            etag, size = told.pop(key, (None, 0))
            label = None if etag is None else world.history.label_of(etag)
            if label is not None and world.history.sizes.get(label) != size:
                world.problems.append(f"a list told {size} bytes of {label}")
            world.history.saw(key, label, began, trio.current_time())
        if told:
            world.problems.append(f"a list told keys that do not belong there: {sorted(told)}")
        left = [key for key in left if key not in covered]
        after = keys[-1] if keys else ""


async def read_everything(world: "World", node: SimulatedNode) -> None:
    """Read every key through one node, at the end. What cannot be read is a broken promise."""

    async def read(services: Services) -> None:
        for key in KEYS:
            try:
                await read_key(world, services, key)
            except (Unavailable, Damaged, S3Error) as error:
                world.problems.append(f"{key} through {node.id[:4]}: {error}")
        await read_list(world, services, 1000)

    await node.handle(read)
