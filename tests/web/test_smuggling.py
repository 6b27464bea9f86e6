"""Requests that two parsers could read in two ways: refused, and nothing behind them is ever answered.

Source: RFC 9112 sections 2.2, 3.2, 5.1, 5.2, 6.1, 6.3, 7.1, 11.2; Linhart et al. 2005; Kettle 2019.
"""

import re
from typing import Any

import pytest
import trio

from mys3d import limits
from mys3d.s3.message import BodySource, Request, Response
from mys3d.web.s3_front import S3Front
from tests.web.booth import Booth

SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
PUT = b"PUT /b/k HTTP/1.1\r\nHost: x\r\n%b\r\n\r\n"
LAST_CHUNK = b"0\r\n\r\n"


def lines(*every: bytes) -> bytes:
    return PUT % b"\r\n".join(every)


HEADS = {
    # How long is the body?
    "CL and TE": (lines(b"Content-Length: 5", b"Transfer-Encoding: chunked") + LAST_CHUNK, 400),
    "TE and CL": (lines(b"Transfer-Encoding: chunked", b"Content-Length: 5") + LAST_CHUNK, 400),
    "two CL that differ": (lines(b"Content-Length: 0", b"Content-Length: 37"), 400),
    "two CL that agree": (lines(b"Content-Length: 0", b"Content-Length: 0"), 400),
    "a list of CL": (lines(b"Content-Length: 0, 0"), 400),
    "CL with a plus": (lines(b"Content-Length: +0"), 400),
    "CL with a minus": (lines(b"Content-Length: -1"), 400),
    "CL in hexadecimal": (lines(b"Content-Length: 0x25"), 400),
    "CL that is empty": (lines(b"Content-Length:"), 400),
    "CL with a blank inside": (lines(b"Content-Length: 3 7"), 400),
    "CL with a fraction": (lines(b"Content-Length: 0.0"), 400),
    "CL beyond 64 bits": (lines(b"Content-Length: 18446744073709551653"), 400),
    "CL with a vertical tab": (lines(b"Content-Length: \x0b0"), 400),
    "CL in other digits": (lines("Content-Length: ٠".encode()), 400),
    "TE xchunked": (lines(b"Transfer-Encoding: xchunked") + LAST_CHUNK, 400),
    "TE identity": (lines(b"Transfer-Encoding: identity"), 400),
    "TE gzip, chunked": (lines(b"Transfer-Encoding: gzip, chunked") + LAST_CHUNK, 501),
    "TE chunked, identity": (lines(b"Transfer-Encoding: chunked, identity") + LAST_CHUNK, 400),
    "TE chunked, chunked": (lines(b"Transfer-Encoding: chunked, chunked") + LAST_CHUNK, 400),
    "TE twice": (lines(b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked") + LAST_CHUNK, 400),
    "TE that is empty": (lines(b"Transfer-Encoding:"), 400),
    "TE in quotes": (lines(b'Transfer-Encoding: "chunked"') + LAST_CHUNK, 400),
    "TE with a parameter": (lines(b"Transfer-Encoding: chunked;q=1") + LAST_CHUNK, 400),
    "TE with a vertical tab": (lines(b"Transfer-Encoding: \x0bchunked") + LAST_CHUNK, 400),
    "TE that is folded": (lines(b"Transfer-Encoding:", b" chunked") + LAST_CHUNK, 400),
    "TE in HTTP/1.0": (b"PUT / HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + LAST_CHUNK, 400),
    # Where does a line end, and what is its name?
    "a folded line": (lines(b"X: a", b" Content-Length: 37"), 400),
    "a line folded by a tab": (lines(b"X: a", b"\tContent-Length: 37"), 400),
    "a bare LF behind the request line": (b"PUT /b/k HTTP/1.1\nHost: x\r\n\r\n", 400),
    "a bare LF between headers": (b"PUT /b/k HTTP/1.1\r\nHost: x\nContent-Length: 37\r\n\r\n", 400),
    "a head in bare LF": (b"PUT /b/k HTTP/1.1\nHost: x\nContent-Length: 37\n\n", 400),
    "a bare CR between headers": (b"PUT /b/k HTTP/1.1\r\nHost: x\rContent-Length: 37\r\n\r\n", 400),
    "a bare CR in a value": (lines(b"X: a\rb"), 400),
    "a blank before the colon": (lines(b"Content-Length : 37"), 400),
    "a tab before the colon": (lines(b"Content-Length\t: 37"), 400),
    "a blank before the first name": (b"PUT /b/k HTTP/1.1\r\n Host: x\r\n\r\n", 400),
    "a line without colon": (lines(b"Content-Length 37"), 400),
    "an empty name": (lines(b": 37"), 400),
    "a control character in a name": (lines(b"Content\x0bLength: 37"), 400),
    "NUL in a name": (lines(b"Content-Length\0: 37"), 400),
    "NUL in a value": (lines(b"X: a\0b"), 400),
    "NUL before a length": (lines(b"Content-Length: \x0037"), 400),
    "NUL in the target": (b"PUT /b/\0k HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    # Whose request is it?
    "two hosts": (lines(b"Host: y"), 400),
    "two equal hosts": (lines(b"Host: x"), 400),
    "no host": (b"PUT /b/k HTTP/1.1\r\n\r\n", 400),
    "a host with a path": (b"PUT /b/k HTTP/1.1\r\nHost: x/y\r\n\r\n", 400),
    "a host with a user": (b"PUT /b/k HTTP/1.1\r\nHost: u@x\r\n\r\n", 400),
    "two hosts in one": (b"PUT /b/k HTTP/1.1\r\nHost: x, y\r\n\r\n", 400),
    "an absolute target of another host": (b"PUT http://y/b/k HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    "an absolute target with a user": (b"PUT http://u@x/b/k HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    "an absolute target of another scheme": (b"PUT ftp://x/b/k HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    "a target that is an authority": (b"PUT x:80 HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    "a tunnel": (b"CONNECT x:80 HTTP/1.1\r\nHost: x:80\r\n\r\n", 405),
    "an asterisk": (b"PUT * HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    # Where does the target end, and which version is it?
    "two blanks": (b"PUT  /b/k HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    "a tab": (b"PUT\t/b/k HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    "a blank in the target": (b"PUT /b/ k HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    "a blank behind the version": (b"PUT /b/k HTTP/1.1 \r\nHost: x\r\n\r\n", 400),
    "a blank before the method": (b" PUT /b/k HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    "a fragment": (b"PUT /b/k#f HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    "a target in raw UTF-8": ("PUT /b/é HTTP/1.1\r\nHost: x\r\n\r\n".encode(), 400),
    "a method in small letters": (b"put /b/k HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    "no version": (b"PUT /b/k\r\nHost: x\r\n\r\n", 400),
    "HTTP/1.2": (b"PUT /b/k HTTP/1.2\r\nHost: x\r\n\r\n", 400),
    "HTTP/2.0": (b"PUT /b/k HTTP/2.0\r\nHost: x\r\n\r\n", 400),
    "HTTP/01.1": (b"PUT /b/k HTTP/01.1\r\nHost: x\r\n\r\n", 400),
    "http/1.1": (b"PUT /b/k http/1.1\r\nHost: x\r\n\r\n", 400),
    "two empty lines in front": (b"\r\n\r\n" + lines(b"X: y"), 400),
    "a change to WebSocket": (lines(b"Connection: Upgrade", b"Upgrade: websocket"), 400),
    "a change to h2c, and to more": (lines(b"Connection: Upgrade", b"Upgrade: h2c, websocket"), 400),
}  # fmt: skip

CHUNKED = lines(b"Transfer-Encoding: chunked")
BODIES = {
    "no size": b"\r\nab\r\n",
    "a size beyond 64 bits": b"10000000000000002\r\nab\r\n",
    "a size of 16 digits": b"0000000000000002\r\nab\r\n",
    "a size with a minus": b"-2\r\nab\r\n",
    "a size with a plus": b"+2\r\nab\r\n",
    "a size with 0x": b"0x2\r\nab\r\n",
    "a size with an underscore": b"0_2\r\nab\r\n",
    "a blank before the size": b" 2\r\nab\r\n",
    "a blank behind the size": b"2 \r\nab\r\n",
    "NUL behind the size": b"2\0\r\nab\r\n",
    "a size that ends in LF": b"2\nab\r\n",
    "a size that ends in CR": b"2\rab\r\n",
    "a size that ends in CR CR LF": b"2\r\r\nab\r\n",
    "an extension with a bare LF": b"2;a\nab\r\n",
    "an extension with a bare CR": b"2;a\rb\r\nab\r\n",
    "an extension with NUL": b"2;a\0\r\nab\r\n",
    "an endless extension": b"2;" + b"a" * limits.chunk_line_bytes_max + b"\r\nab\r\n",
    "extensions that outweigh the body": (b"1;" + b"a" * 900 + b"\r\na\r\n") * 40,
    "a chunk longer than its size": b"1\r\nab\r\n",
    "a chunk shorter than its size": b"3\r\nab\r\n",
    "a chunk that ends in LF": b"2\r\nab\n",
    "a chunk without end": b"2\r\nab",
    "a trailer without colon": b"0\r\nContent-Length\r\n\r\n",
    "a trailer that is folded": b"0\r\nX: a\r\n b\r\n\r\n",
    "a trailer with a blank before its colon": b"0\r\nX : a\r\n\r\n",
    "a trailer that ends in LF": b"0\r\nX: a\n\r\n",
    "a trailer with NUL": b"0\r\nX: \0\r\n\r\n",
    "a length as a trailer": b"0\r\nContent-Length: 37\r\n\r\n",
    "a coding as a trailer": b"0\r\ntransfer-encoding: chunked\r\n\r\n",
    "a host as a trailer": b"0\r\nHost: y\r\n\r\n",
    "too many trailers": b"0\r\n" + b"X: a\r\n" * (limits.chunk_trailers_max + 1) + b"\r\n",
    "an end in LF": b"0\r\n\n",
}  # fmt: skip

HARMLESS = {
    "CL spelled with an underscore": lines(b"Content_Length: 37"),
    "TE spelled with an underscore": lines(b"Transfer_Encoding: chunked"),
    "a header that ends in CL": lines(b"X-Content-Length: 37"),
    "an obsolete header": lines(b"TE: chunked", b"Trailer: Content-Length"),
    "CL with leading zeros": lines(b"Content-Length: 000"),
    "CL among blanks": lines(b"Content-Length: \t0\t "),
    "TE in capitals": lines(b"TRANSFER-ENCODING: CHUNKED") + LAST_CHUNK,
    "a size in any case, with extension": CHUNKED + b'00A;n="v"\r\n0123456789\r\n0\r\nX: y\r\n\r\n',
    "an absolute target": b"PUT http://X/b/k HTTP/1.1\r\nHost: x\r\n\r\n",
    "an empty line in front": b"\r\n" + lines(b"X: y"),
    "an offer of h2c": lines(b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAEC"),
}  # fmt: skip


class Seen:
    """An application that reads every body and remembers every path."""

    def __init__(self) -> None:
        self.paths: list[bytes] = []

    async def __call__(self, request: Request, body: BodySource) -> Response:
        self.paths.append(request.raw_path)
        while await body.read():
            continue
        return Response(200)


@pytest.fixture
def seen() -> Seen:
    return Seen()


@pytest.fixture
def booth(nursery: trio.Nursery, seen: Seen) -> Booth:
    async def dispatch(request: Request, body: BodySource) -> Response:
        try:
            return await seen(request, body)
        except Exception as error:  # noqa: BLE001 (as `operations.dispatch` does)
            return Response(400, [], str(error).encode())

    return Booth(nursery, S3Front(dispatch), drain=0.5)


def statuses(answer: bytes) -> list[int]:
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", answer)]


@pytest.mark.parametrize(("data", "status"), HEADS.values(), ids=HEADS)
async def test_a_head_with_two_readings_is_refused_and_nothing_behind_it_is_read(
    booth: Any, seen: Any, data: bytes, status: int, autojump_clock: object
) -> None:
    answer = await booth.talk(data + SMUGGLED)
    assert statuses(answer) == [status]
    assert b"connection: close\r\n" in answer
    assert seen.paths == []


@pytest.mark.parametrize("data", BODIES.values(), ids=BODIES)
async def test_a_body_with_two_readings_is_refused_and_nothing_behind_it_is_read(
    booth: Any, seen: Any, data: bytes, autojump_clock: object
) -> None:
    answer = await booth.talk(CHUNKED + data + LAST_CHUNK + SMUGGLED)
    assert statuses(answer) == [400]
    assert b"connection: close\r\n" in answer
    assert seen.paths == [b"/b/k"]


@pytest.mark.parametrize("data", HARMLESS.values(), ids=HARMLESS)
async def test_what_only_looks_ambiguous_is_one_request(
    booth: Any, seen: Any, data: bytes, autojump_clock: object
) -> None:
    assert statuses(await booth.talk(data + SMUGGLED)) == [200, 200]
    assert seen.paths == [b"/b/k", b"/smuggled"]


@pytest.mark.parametrize("cut", range(1, 60, 7))
async def test_the_readings_do_not_depend_on_where_packets_end(
    booth: Any, seen: Any, cut: int, autojump_clock: object
) -> None:
    for data, status in HEADS.values():
        assert statuses(await booth.talk(data[:cut], data[cut:] + SMUGGLED)) == [status], data
    assert seen.paths == []
