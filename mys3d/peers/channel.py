"""One TLS connection as bytes in and bytes out.        Floor: driver. Called by: connection, handshake, join.

Law: TLS 1.3 or nothing. The socket never blocks: OpenSSL reads and writes it directly, and trio only waits for it to be
ready. That halves the CPU of trio.SSLStream (20 against 46 us for a small message, both ends), whose buffers, locks and
checkpoints are needed for transports that are not sockets. Every failure is an OSError.
"""

import contextlib
import socket
import ssl
from collections.abc import Iterator, Sequence
from typing import Final

import trio

from mys3d import limits
from mys3d.ports import Buffer

_RECORD_BYTES: Final = 16 * limits.KIB  # RFC 8446 section 5.1; one read returns at most one record
_PROBES_COUNT: Final = 3
_PROBE_SECONDS: Final = 2
_SILENCE_MS: Final = int(limits.push_deadline_seconds * 1000)


class Channel:
    """A connected TLS socket after its handshake. One task may receive while another sends."""

    def __init__(self, sock: ssl.SSLSocket) -> None:
        self._sock: Final = sock
        self._buffer: Final = memoryview(bytearray(limits.peer_batch_bytes))

    @property
    def certificate(self) -> bytes | None:
        """The peer's verified certificate, DER. None: it showed none."""
        return self._sock.getpeercert(binary_form=True)

    async def receive(self) -> memoryview:
        """Return what has arrived, at least a byte; empty: the peer closed. Valid until the next call."""
        return self._buffer[: await self.receive_into(self._buffer)]

    async def receive_into(self, room: memoryview) -> int:
        """Put what has arrived into `room`, at least a byte; return how many. 0: the peer closed."""
        room = room[: limits.peer_batch_bytes]
        while True:
            if not self._sock.pending():
                await ready(self._sock, for_reading=True)
            filled = 0
            with contextlib.suppress(ssl.SSLWantReadError):  # a part of a record: the rest comes
                while filled < len(room):
                    taken = self._sock.recv_into(room[filled:])
                    filled += taken
                    if taken < _RECORD_BYTES:
                        return filled
            if filled:
                return filled

    async def send(self, *pieces: Buffer) -> None:
        """Send all of `pieces`. When it fails or is cancelled the channel is of no more use."""
        for piece in joined(pieces):
            await self._send(piece)

    async def _send(self, data: Buffer) -> None:
        view = memoryview(data)
        while view:
            piece = view[: limits.peer_batch_bytes]
            try:
                view = view[self._sock.send(piece) :]
            except ssl.SSLWantWriteError:
                await ready(self._sock, for_reading=False)
            except ssl.SSLWantReadError:
                await ready(self._sock, for_reading=True)
            else:
                if view:
                    await trio.lowlevel.checkpoint()  # other connections have their turn

    async def bare(self) -> socket.socket:
        """End TLS on both sides and return the socket beneath, which this channel does not own any more.

        The other side must do the same at this point. OpenSSL reads no byte beyond the end of TLS: what comes behind it
        is in the socket. Raises OSError; the caller bounds the wait.
        """
        while True:
            try:
                self._sock.unwrap()
                return socket.socket(fileno=self._sock.detach())
            except ssl.SSLWantReadError:
                await ready(self._sock, for_reading=True)
            except ssl.SSLWantWriteError:
                await ready(self._sock, for_reading=False)

    def close(self) -> None:
        """Let go of the socket; whoever waits on it gets an OSError."""
        if self._sock.fileno() >= 0:
            trio.lowlevel.notify_closing(self._sock)
            self._sock.close()


def joined(pieces: Sequence[Buffer]) -> Iterator[Buffer]:
    """The same bytes with small pieces copied together: each piece costs a record of TLS and a system call."""
    small: list[Buffer] = []
    for piece in pieces:
        if len(piece) < _RECORD_BYTES:
            small.append(piece)
            continue
        if small:
            yield b"".join(small)
            small.clear()
        yield piece
    if small:
        yield small[0] if len(small) == 1 else b"".join(small)


async def connect(address: str, context: ssl.SSLContext, host: str | None) -> Channel:
    """Dial `host:port` and check the certificate for the name `host`. Raises OSError; the caller bounds the wait."""
    name, port = split_address(address)
    stream = await trio.open_tcp_stream(name, port)
    return await _shake(stream, context, host, is_server=False)


async def accept(stream: trio.SocketStream, context: ssl.SSLContext) -> Channel:
    """Take over an accepted connection. Raises OSError; the caller bounds the wait."""
    return await _shake(stream, context, None, is_server=True)


def split_address(address: str) -> tuple[str, int]:
    """`host:port`, an IPv6 host in brackets. Raises OSError: no such address can be dialled."""
    host, _, port = address.rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:
        raise OSError(f"an address is host:port, found {address!r}")
    return host.removeprefix("[").removesuffix("]"), int(port)


async def _shake(stream: trio.SocketStream, context: ssl.SSLContext, host: str | None, is_server: bool) -> Channel:
    sock = _wrap(stream, context, host, is_server)
    try:
        while True:
            try:
                sock.do_handshake()
                return Channel(sock)
            except ssl.SSLWantReadError:
                await ready(sock, for_reading=True)
            except ssl.SSLWantWriteError:
                await ready(sock, for_reading=False)
    except BaseException:
        sock.close()
        raise


def _wrap(stream: trio.SocketStream, context: ssl.SSLContext, host: str | None, is_server: bool) -> ssl.SSLSocket:
    plain = socket.socket(fileno=stream.socket.detach())
    try:
        plain.setblocking(False)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in (
            ("TCP_KEEPIDLE", _PROBE_SECONDS),
            ("TCP_KEEPINTVL", _PROBE_SECONDS),
            ("TCP_KEEPCNT", _PROBES_COUNT),
            ("TCP_USER_TIMEOUT", _SILENCE_MS),
        ):
            if hasattr(socket, name):  # Linux has all of them
                plain.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
        return context.wrap_socket(plain, is_server, do_handshake_on_connect=False, server_hostname=host)
    except BaseException:
        plain.close()
        raise


async def ready(sock: socket.socket, *, for_reading: bool) -> None:
    """Wait for a socket. Raises OSError: it was closed on this side."""
    try:
        if for_reading:
            await trio.lowlevel.wait_readable(sock)
        else:
            await trio.lowlevel.wait_writable(sock)
    except trio.ClosedResourceError as error:
        raise OSError("the connection was closed on this side") from error
