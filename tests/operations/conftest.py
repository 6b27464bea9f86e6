"""A store of one node over fakes, and a client that signs as boto3 does."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import pytest
import trio
import xmltodict
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from mys3d import limits
from mys3d.blobs.memory import MemoryBlobs
from mys3d.consensus.memory import MemoryCluster
from mys3d.engine.budget import BufferBudget
from mys3d.engine.vault import Vault
from mys3d.model.members import Addresses
from mys3d.model.names import AccessKey, Instant, NodeId, UserId
from mys3d.operations.dispatch import dispatch
from mys3d.operations.services import Services
from mys3d.peers.memory import MemoryNetwork, MemoryPeers
from mys3d.ports import Ports
from mys3d.registry.commands import InitialiseCluster, PutCredential
from mys3d.registry.levels import LEVEL
from mys3d.registry.user_commands import CreateKey, CreateUser
from mys3d.s3.message import Request, Response

NODE = NodeId("1" * 32)
NOW = Instant(1445412480_000)
ACCESS_KEY = AccessKey("AKIAIOSFODNN7EXAMPLE")
SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
URL = "http://localhost:9000"


class StandingClock:
    """A clock that stands on NOW."""

    def now(self) -> Instant:
        return NOW

    def monotonic(self) -> float:
        return trio.current_time()


class CountingEntropy:
    """Tokens that differ."""

    def __init__(self) -> None:
        self._count = 0

    def token(self, size: int) -> bytes:
        self._count += 1
        return hashlib.shake_128(str(self._count).encode()).digest(size)


class Body:
    """The body of a request in pieces; an exception among them is raised in its place."""

    def __init__(self, *pieces: bytes | Exception) -> None:
        self._pieces = [piece for piece in pieces if piece != b""]
        self.was_read = False

    async def read(self) -> bytes:
        self.was_read = True
        piece = self._pieces.pop(0) if self._pieces else b""
        if isinstance(piece, Exception):
            raise piece
        return piece


@dataclass
class Answer:
    """A response as a client sees it."""

    status: int
    headers: dict[str, str]
    body: bytes
    length: int | None

    @property
    def xml(self) -> Any:
        """What is below the root element."""
        (tree,) = xmltodict.parse(self.body, strip_whitespace=False).values()
        return tree

    @property
    def code(self) -> str:
        return str(self.xml["Code"])

    @property
    def message(self) -> str:
        return str(self.xml["Message"])


async def read_answer(response: Response) -> Answer:
    body = response.body
    data = body if isinstance(body, bytes) else b"".join([bytes(piece) async for piece in body])
    headers = {name.decode(): value.decode() for name, value in response.headers}
    assert len(headers) == len(response.headers), "a header was told twice"
    return Answer(response.status, headers, data, response.length)


@dataclass
class Client:
    """Sends signed requests to one node."""

    services: Services
    blobs: MemoryBlobs
    access_key: str = ACCESS_KEY
    secret: str = SECRET
    region: str = "us-east-1"
    requests_count: int = field(default=0)

    def signed(self, method: str, url: str, body: bytes = b"", headers: dict[str, str] | None = None) -> Request:
        given = {"Host": "localhost:9000", "Content-Length": str(len(body)), **(headers or {})}
        request = AWSRequest(method, URL + url, headers=given, data=body)
        request.context["client_config"] = None
        if "x-amz-content-sha256" in given:  # botocore would replace it by the hash of the body
            request.context["payload_signing_enabled"] = True
        signer = _Signer(Credentials(self.access_key, self.secret), "s3", self.region)
        signer.add_auth(request)
        path, _, query = url.partition("?")
        raw = tuple((name.lower().encode(), value.encode()) for name, value in request.headers.items())
        self.requests_count += 1
        return Request(method, path.encode(), query.encode(), raw, "http", "127.0.0.1", f"{self.requests_count:016X}")

    async def send(self, request: Request, *pieces: bytes | Exception) -> Answer:
        return await read_answer(await dispatch(self.services, request, Body(*pieces)))

    async def __call__(self, method: str, url: str, body: bytes = b"", headers: dict[str, str] | None = None) -> Answer:
        return await self.send(self.signed(method, url, body, headers), body)


class _Signer(S3SigV4Auth):
    def payload(self, request: AWSRequest) -> str:
        """Sign the header that the test gave, if it gave one."""
        given = request.headers.get("x-amz-content-sha256")
        return str(given) if given else str(super().payload(request))

    def _modify_request_before_signing(self, request: AWSRequest) -> None:
        payload = self.payload(request)
        if "Authorization" in request.headers:
            del request.headers["Authorization"]
        self._set_necessary_date_headers(request)
        if "x-amz-content-sha256" in request.headers:
            del request.headers["x-amz-content-sha256"]
        request.headers["x-amz-content-sha256"] = payload


@pytest.fixture
async def client(nursery: trio.Nursery, monkeypatch: pytest.MonkeyPatch) -> Client:
    """A client of a fresh store of one node, at NOW."""
    sign_at_now(monkeypatch)
    return await open_store(nursery)


def sign_at_now(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have botocore sign at NOW."""
    today = datetime.fromtimestamp(NOW / 1000, UTC).replace(tzinfo=None)
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda remove_tzinfo=True: today)


async def open_store(nursery: trio.Nursery) -> Client:
    """A client of a fresh store of one node, whose peers (there are none) live in `nursery`."""
    blobs = MemoryBlobs()
    registry = MemoryCluster().registry(NODE)
    peers = MemoryPeers(MemoryNetwork(nursery), NODE)
    ports = Ports(NODE, registry, blobs, peers, StandingClock(), CountingEntropy())
    vault = Vault(b"k" * 32)
    addresses = Addresses("n1:9000", "n1:9001", "n1:9002")
    await registry.propose(
        InitialiseCluster(b"c" * 16, NODE, "n1", b"i" * 16, addresses, "z1", 10**12, "us-east-1", LEVEL)
    )
    sealed = vault.seal(ACCESS_KEY, SECRET, ports.entropy.token(12))
    await registry.propose(PutCredential(ACCESS_KEY, sealed, "root", is_root=True, replace=False))
    for name in ("ann", "bob"):
        user, access_key = UserId(name[0] * 64), AccessKey(name.upper())
        await registry.propose(CreateUser(user, name, ""))
        await registry.propose(CreateKey(access_key, vault.seal(access_key, SECRET, ports.entropy.token(12)), user))
    return Client(Services(ports, BufferBudget(), vault, "us-east-1", "host"), blobs)


@pytest.fixture
def ann(client: Client) -> Client:
    """A user who is not root."""
    return replace(client, access_key="ANN")


@pytest.fixture
def bob(client: Client) -> Client:
    """Another one."""
    return replace(client, access_key="BOB")


@pytest.fixture
async def bucket(client: Client) -> Callable[..., Any]:
    """A client with the bucket `photos`."""
    assert (await client("PUT", "/photos")).status == 200
    return client


@pytest.fixture
def put_in_parts(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Return what makes the object `p` of parts of any size, each with its SHA-256."""
    monkeypatch.setattr(limits, "part_bytes_min", 1)

    async def put(client: Client, *parts: bytes) -> None:
        algorithm = {"x-amz-checksum-algorithm": "SHA256"}
        upload = (await client("POST", "/photos/p?uploads", headers=algorithm)).xml["UploadId"]
        rows = ""
        for number, part in enumerate(parts, 1):
            stored = (await client("PUT", f"/photos/p?uploadId={upload}&partNumber={number}", part)).headers
            told = f"<PartNumber>{number}</PartNumber><ETag>{stored['etag']}</ETag>"
            rows += f"<Part>{told}<ChecksumSHA256>{stored['x-amz-checksum-sha256']}</ChecksumSHA256></Part>"
        document = f"<CompleteMultipartUpload>{rows}</CompleteMultipartUpload>".encode()
        assert (await client("POST", f"/photos/p?uploadId={upload}", document)).status == 200

    return put


@pytest.fixture
def with_ports() -> Callable[..., Client]:
    """Return the same client over other ports."""

    def change(client: Client, **ports: Any) -> Client:
        return replace(client, services=replace(client.services, ports=replace(client.services.ports, **ports)))

    return change
