"""Who is at the other end: the first two frames of a lane.        Floor: driver. Called by: lane, server.

Law: TLS proves the node id; Hello and Welcome must repeat it, with our cluster id and our format. A mismatch refuses.
"""

import ssl

import msgspec

from mys3d import limits
from mys3d.buffers import Buffers
from mys3d.model.names import NodeId
from mys3d.peers import channel, frames, messages, pki, plain
from mys3d.peers.connection import Connection, Pipe
from mys3d.peers.frames import Frame, Kind
from mys3d.peers.identity import Identity
from mys3d.peers.messages import Hello, Refused, Welcome
from mys3d.ports import Buffer

GREETING_BYTES_MAX = 4 * limits.KIB


def frame_bytes_max(lane: str) -> int:
    return limits.control_frame_bytes_max if lane == messages.CONTROL else limits.bulk_frame_bytes_max


async def dial(
    me: Identity, node: NodeId, address: str, lane: str, context: ssl.SSLContext, buffers: Buffers, secret: bytes = b""
) -> tuple[Connection, Welcome]:
    """Connect a lane to `node`, whose large frames are put into `buffers`; `secret` is ours of a plain lane.

    Raises OSError (nobody there, broken, refused), ValueError (not our protocol).
    """
    stream = await channel.connect(address, context, pki.host_of(node))
    try:
        connection = Connection(stream, GREETING_BYTES_MAX)
        hello = Hello(messages.FORMAT, me.cluster_id, me.node, me.incarnation, lane, secret)
        await stream.send(frames.encode(Kind.HELLO, 0, messages.encode(hello)))
        frame = await one_frame(connection)
        if frame.kind == Kind.REFUSED:
            raise OSError(f"node {node} refuses: {messages.decode(frame.payload, Refused).message}")
        check_format(expect(frame, Kind.WELCOME).payload)
        welcome = messages.decode(frame.payload, Welcome)
        _check(welcome, me, node)
        if lane == messages.PLAIN:
            connection = await plain.dialled(stream, secret, welcome.secret)
        connection.admit(frame_bytes_max(lane), buffers)
        return connection, welcome
    except BaseException:
        stream.close()
        raise


def read_hello(frame: Frame, me: Identity, node: NodeId, has_plain: bool = False) -> Hello:
    """Check the greeting of a peer whose certificate names `node`. Raises ValueError with the reason to refuse."""
    check_format(expect(frame, Kind.HELLO).payload)
    hello = messages.decode(frame.payload, Hello)
    _check(hello, me, node)
    if hello.lane == messages.PLAIN and not has_plain:
        raise ValueError("this node takes no bulk that is not encrypted")
    if hello.lane not in (messages.CONTROL, messages.BULK, messages.PLAIN):
        raise ValueError(f"a lane is control or bulk, found {hello.lane!r}")
    return hello


async def refuse(stream: Pipe, reason: Refused) -> None:
    """Say why, before the connection is closed."""
    await stream.send(frames.encode(Kind.REFUSED, 0, messages.encode(reason)))


async def one_frame(connection: Connection) -> Frame:
    """The next frame, of a peer that must wait for our answer before it sends another. Raises OSError, ValueError."""
    found = await connection.receive()
    if len(found) != 1:
        raise ValueError(f"one frame was expected, found {len(found)}")
    return found[0]


def expect(frame: Frame, kind: Kind) -> Frame:
    """Raises ValueError unless the frame is of this kind."""
    if frame.kind != kind:
        raise ValueError(f"a frame of kind {kind.name} was expected, found kind {frame.kind}")
    return frame


class _Numbered(msgspec.Struct, frozen=True):
    format: int


def check_format(payload: Buffer) -> None:
    """Look at the format number before anything else, which may differ in another format. Raises ValueError."""
    found = messages.decode(payload, _Numbered).format
    if found != messages.FORMAT:
        raise ValueError(f"format {messages.FORMAT} was expected, found {found}: run the same version of mys3d")


def _check(greeting: Hello | Welcome, me: Identity, node: NodeId) -> None:
    if greeting.cluster_id != me.cluster_id:
        raise ValueError(f"cluster {me.cluster_id.hex()} was expected, found {greeting.cluster_id.hex()}")
    if greeting.node != node:
        raise ValueError(f"node {node} was expected, found {greeting.node}")
