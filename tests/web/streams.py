"""Byte streams that a client might send: requests that are good, and what chance makes of them."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

TOKENS: Final = [
    b"\r\n", b"\r\n\r\n", b"\n", b"\r", b" ", b"\t", b":", b"\0", b"\x0b", b"\x7f", b"\xff", b"%", b"%00", b"/", b"//",
    b"?", b"&", b"=", b"#", b";", b",", b'"', b"0", b"1", b"-1", b"ffffffffffffffff", b"0\r\n\r\n", b"5\r\nhello\r\n",
    b"HTTP/1.0", b"HTTP/1.1", b"HTTP/2.0", b"GET ", b"PUT ", b"HEAD ", b"POST ", b"DELETE ", b"OPTIONS ", b"CONNECT ",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"http://localhost:9000", b"Host: localhost:9000\r\n", b"Host: other\r\n",
    b"Content-Length: 5\r\n", b"Content-Length: 0\r\n", b"Content-Length : 5\r\n", b"Content-Length: 99999999\r\n",
    b"Transfer-Encoding: chunked\r\n", b"Transfer-Encoding: xchunked\r\n", b"Transfer-Encoding: gzip, chunked\r\n",
    b"Expect: 100-continue\r\n", b"Connection: close\r\n", b"Connection: keep-alive\r\n", b"Connection: Upgrade\r\n",
    b"Upgrade: websocket\r\n", b"Upgrade: h2c\r\n", b"Range: bytes=0-1\r\n", b"If-None-Match: *\r\n", b" folded\r\n",
    b"Origin: http://x\r\n", b"X-Amz-Content-Sha256: UNSIGNED-PAYLOAD\r\n", b"Content-Type: multipart/form-data\r\n",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Said:
    """What one client sends, cut into packets, and what it does then."""

    pieces: tuple[bytes, ...]
    pauses: tuple[float, ...]  # before each piece, in seconds
    ending: str  # "listen", "leave", "wait" or "peek"

    @property
    def data(self) -> bytes:
        return b"".join(self.pieces)


def said(chance: random.Random, good: Sequence[bytes]) -> Said:
    """Return what chance makes of some of the requests that are `good`."""
    data = _data(chance, good)
    cuts = sorted(chance.randrange(len(data) + 1) for _ in range(chance.choice((0, 0, 0, 1, 1, 2, 5))))
    pieces = tuple(data[start:stop] for start, stop in zip([0, *cuts], [*cuts, len(data)], strict=True))
    pauses = tuple(chance.choice((0, 0, 0, 0.01, 1)) if chance.random() < 0.98 else 35.0 for _ in pieces)
    ending = chance.choices(("listen", "leave", "wait", "peek"), (80, 8, 4, 8))[0]
    return Said(pieces, pauses, ending)


def _data(chance: random.Random, good: Sequence[bytes]) -> bytes:
    kind = chance.random()
    if kind < 0.05:
        return chance.randbytes(chance.randrange(1, 300))
    if kind < 0.15:
        return b"".join(chance.choice(TOKENS) for _ in range(chance.randrange(1, 20)))
    data = b"".join(chance.choice(good) for _ in range(chance.choice((1, 1, 1, 2, 2, 3, 4))))
    for _ in range(chance.choice((0, 1, 1, 1, 2, 3))):
        data = mutated(chance, data)
    return data


def mutated(chance: random.Random, data: bytes) -> bytes:
    """Change one thing."""
    start = _place(chance, data)
    stop = min(len(data), start + chance.choice((1, 1, 2, 4, 16, 100)))
    match chance.randrange(8):
        case 0:  # another byte
            return data[:start] + bytes([chance.randrange(256)]) + data[start + 1 :]
        case 1:  # one bit
            byte = data[start] ^ (1 << chance.randrange(8)) if start < len(data) else 0
            return data[:start] + bytes([byte]) + data[start + 1 :]
        case 2:  # something less
            return data[:start] + data[stop:]
        case 3:  # something twice, or often
            return data[:start] + data[start:stop] * chance.choice((2, 2, 3, 50)) + data[stop:]
        case 4:  # the end is missing
            return data[:start]
        case 5:  # two things in the other order
            middle = (start + stop) // 2
            return data[:start] + data[middle:stop] + data[start:middle] + data[stop:]
        case 6:  # a line twice, or in another place
            lines = data.split(b"\r\n")
            lines.insert(chance.randrange(len(lines) + 1), chance.choice(lines))
            return b"\r\n".join(lines)
        case _:  # a word more, or in the place of something
            return data[:start] + chance.choice(TOKENS) + data[start if chance.random() < 0.6 else stop :]


def _place(chance: random.Random, data: bytes) -> int:
    """Anywhere, but more often where lines begin and end."""
    if chance.random() < 0.4:
        ends = [at for at in range(len(data)) if data[at] == 0x0A]
        if ends:
            return chance.choice(ends) + chance.choice((-1, 0, 1))
    return chance.randrange(len(data) + 1)
