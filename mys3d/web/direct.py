"""Small reads and writes of a plain socket, with nothing in between.        Floor: web. Called by: wire.

Law: the same outcomes and errors as the stream's own calls; waiting, where there is something to wait for, is trio's.
A stream of trio tries to read before it waits, which fails for the next request of a client that waits for its answer,
and gives all other tasks a turn after each call: two thirds of what a small request costs beside its system calls.
"""

import os
from collections.abc import Sequence

import trio

Stream = trio.SocketStream | trio.SSLStream[trio.SocketStream]


async def receive_next(stream: Stream, size: int) -> bytes:
    """Wait for bytes that are not there yet; b"": the client left. Raises trio.BrokenResourceError."""
    if not isinstance(stream, trio.SocketStream):
        return bytes(await stream.receive_some(size))
    while True:
        await trio.lowlevel.wait_readable(stream.socket)
        try:
            return os.read(stream.socket.fileno(), size)  # -1 when it was closed meanwhile, never another's number
        except BlockingIOError:
            continue
        except OSError as error:
            raise trio.BrokenResourceError from error


async def send_small(stream: Stream, data: bytes) -> None:
    """Send what the socket takes at once, as a rule all of it; wait for the rest. Raises trio.BrokenResourceError."""
    sent = give_now(stream, [data])
    if sent < len(data):
        await stream.send_all(memoryview(data)[sent:])


def take_now(stream: Stream, room: memoryview) -> int | None:
    """Put into `room` what the kernel has; 0: the client left. None: nothing yet, or it is not ours to read.

    Raises trio.BrokenResourceError.
    """
    if not isinstance(stream, trio.SocketStream):
        return None
    try:
        return os.readv(stream.socket.fileno(), [room])
    except BlockingIOError:
        return None
    except OSError as error:
        raise trio.BrokenResourceError from error


def give_now(stream: Stream, pieces: Sequence[bytes | memoryview]) -> int:
    """Give the kernel what it takes at once; the way through trio costs 10 us. Returns how many bytes.

    Raises trio.BrokenResourceError.
    """
    if not isinstance(stream, trio.SocketStream):
        return 0
    try:
        return os.writev(stream.socket.fileno(), pieces)
    except BlockingIOError:
        return 0
    except OSError as error:
        raise trio.BrokenResourceError from error
