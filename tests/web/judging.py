"""Whether a conversation was one in HTTP/1.1: what we answered, and whether others read the requests as we did.

Source: RFC 9112; RFC 9110 sections 6.6.1, 8.6, 9.3.2, 10.1.1, 15. The other readers are h11, and llhttp over the whole.
"""

import contextlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import h11
import httptools

_STATUS: Final = re.compile(rb"HTTP/1\.1 ([1-5][0-9]{2}) [A-Za-z' -]*")
_FIELD: Final = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+): ([\x21-\x7e\x80-\xff][\t\x20-\x7e\x80-\xff]*)?")


class Malformed(Exception):
    """An answer is not HTTP/1.1, or not one to its request."""


@dataclass
class Heard:
    """One request as the application saw it."""

    method: str
    target: bytes  # the path, "?", and the query
    version: str
    headers: list[tuple[bytes, bytes]]
    body: bytearray = field(default_factory=bytearray)
    is_whole: bool = False  # the application read the body to its end
    is_answered: bool = False

    def header(self, name: bytes) -> bytes:
        return b",".join(value for known, value in self.headers if known == name).lower()


@dataclass(frozen=True, slots=True)
class Answer:
    """One response on the wire."""

    status: int
    headers: dict[bytes, bytes]
    body: bytes


def check_answers(data: bytes, heard: Sequence[Heard], *, is_cut: bool) -> list[Answer]:
    """Read the answers to `heard`, and one refusal behind them at most. `is_cut`: the client did not read all.

    Raises Malformed.
    """
    answers: list[Answer] = []
    with contextlib.suppress(*[_Short] * is_cut):
        for request in heard:
            data = _check_answer(data, request, answers)
            if b"close" in answers[-1].headers.get(b"connection", b""):
                _expect(not data and request is heard[-1], "a connection went on behind its close")
        if data:
            answer, data = _answer(data, Heard("GET", b"", "1.1", []))
            _expect(answer.status >= 400, f"nobody asked for a {answer.status}")
            _expect(answer.headers.get(b"connection") == b"close", "a connection goes on behind a bad head")
            answers.append(answer)
        _expect(not data, f"nobody asked for {data[:100]!r}")
    return answers


class _Short(Malformed):
    """Something is missing at the end."""


def _check_answer(data: bytes, request: Heard, answers: list[Answer]) -> bytes:
    """Read one answer, and what asks for the body before it; return what is behind them."""
    answer, data = _answer(data, request)
    if answer.status == 100:
        expects = request.header(b"expect") == b"100-continue" and request.version == "1.1"
        _expect(expects, "nobody expected a 100")
        answer, data = _answer(data, request)
    _expect(answer.status >= 200, "a second answer before the answer")
    answers.append(answer)
    return data


def _answer(data: bytes, request: Heard) -> tuple[Answer, bytes]:
    head, ended, rest = data.partition(b"\r\n\r\n")
    if not ended:
        raise _Short(f"a head does not end: {head[:200]!r}")
    first, *lines = head.split(b"\r\n")
    status = _STATUS.fullmatch(first)
    _expect(status is not None, f"no status line: {first!r}")
    assert status is not None
    headers: dict[bytes, bytes] = {}
    for line in lines:
        named = _FIELD.fullmatch(line)
        _expect(named is not None, f"no header line: {line!r}")
        assert named is not None
        name = named[1].lower()
        _expect(name not in headers or name in (b"vary", b"set-cookie"), f"twice: {line!r}")
        headers[name] = named[2] or b""
    code = int(status[1])
    _expect(code == 100 or b"date" in headers, f"{code} without a date")
    body, rest = _body(rest, code, headers, request)
    return Answer(code, headers, body), rest


def _body(rest: bytes, status: int, headers: dict[bytes, bytes], request: Heard) -> tuple[bytes, bytes]:
    length, coding = headers.get(b"content-length"), headers.get(b"transfer-encoding")
    _expect(length is None or coding is None, "both a length and a coding")
    if request.method == "HEAD" or status in (204, 304) or status < 200:
        _expect(coding is None and (length is None or status not in (100, 204)), f"{status} with framing")
        return b"", rest
    if length is not None:
        size = int(length)
        if len(rest) < size:
            raise _Short(f"a body of {size} bytes has {len(rest)}")
        return rest[:size], rest[size:]
    if coding is None:
        _expect(b"close" in headers.get(b"connection", b""), "a body without framing on a connection that goes on")
        return rest, b""
    _expect(coding == b"chunked" and request.version == "1.1", f"a coding of {coding!r} for HTTP/{request.version}")
    return _chunks(rest)


def _chunks(rest: bytes) -> tuple[bytes, bytes]:
    body = b""
    while True:
        line, ended, rest = rest.partition(b"\r\n")
        if not ended:
            raise _Short("a chunked body does not end")
        _expect(re.fullmatch(rb"[0-9a-f]+", line) is not None, f"no chunk: {line[:100]!r}")
        size = int(line, 16)
        if len(rest) < size + 2:
            raise _Short("a chunk does not end")
        _expect(rest[size : size + 2] == b"\r\n", "a chunk without end")
        body, rest = body + rest[:size], rest[size + 2 :]
        if size == 0:
            return body, rest


def _expect(is_so: bool, what: str) -> None:
    if not is_so:
        raise Malformed(what)


def check_readings(data: bytes, heard: Sequence[Heard]) -> int:
    """Hold what the application saw against what h11 and llhttp read in the same bytes. Raises Malformed.

    Returns how many requests were compared. Behind a request whose body was not read to its end nothing was answered.
    """
    for count, request in enumerate(heard):
        data = data.removeprefix(b"\r\n")  # RFC 9112 2.2: ignored in front of a request line, but not by h11
        found = _read_by_h11(data)
        _expect(found.method == request.method, f"h11 reads {found.method}, we {request.method}")
        _expect(_origin(found.target) == request.target, f"h11 reads {found.target!r}, we {request.target!r}")
        _expect(found.headers == _as_h11(request.headers), f"h11 reads {found.headers}, we {request.headers}")
        _expect(found.body.startswith(request.body), f"h11 reads {bytes(found.body)!r}, we {bytes(request.body)!r}")
        if request is heard[-1] and not request.is_whole:
            return count
        _expect(found.is_whole, f"h11 finds no end of {request}")
        _expect(found.body == request.body or not request.is_whole, f"h11 reads more: {bytes(found.body)!r}")
        if not request.header(b"upgrade"):  # llhttp hands the connection over there
            _expect(_read_by_llhttp(data, request), f"llhttp does not read {request}")
        data = data[len(data) - found.rest :] if found.rest else b""
    return len(heard)


@dataclass
class _Found(Heard):
    rest: int = 0  # bytes behind the request


def _read_by_h11(data: bytes) -> _Found:
    reader = h11.Connection(h11.SERVER, max_incomplete_event_size=1 << 20)
    reader.receive_data(data)
    found: _Found | None = None
    try:
        event = reader.next_event()
        _expect(isinstance(event, h11.Request), f"h11 reads {event!r}")
        assert isinstance(event, h11.Request)
        version = event.http_version.decode()
        found = _Found(event.method.decode(), event.target, version, [(name, value) for name, value in event.headers])
        while True:
            event = reader.next_event()
            if isinstance(event, h11.Data):
                found.body += event.data
            elif isinstance(event, h11.EndOfMessage):
                found.is_whole = True
                found.rest = len(reader.trailing_data[0])
                return found
            else:
                return found
    except h11.RemoteProtocolError as error:
        if found is not None:
            return found  # its body is refused by h11 as well, or was cut off
        raise Malformed(f"h11 does not read {data[:500]!r}: {error}") from error


def _as_h11(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """h11 tells the name of a coding in small letters."""
    return [(name, value.lower() if name == b"transfer-encoding" else value) for name, value in headers]


def _origin(target: bytes) -> bytes:
    """The path, "?", and the query, which is empty when there is none."""
    absolute = re.fullmatch(rb"(?i)https?://[^/?]+(.*)", target, re.DOTALL)
    if absolute is not None:
        target = absolute[1] if absolute[1][:1] == b"/" else b"/" + absolute[1]
    return target if b"?" in target else target + b"?"


class _Listener:
    """What llhttp tells of the first message in some bytes."""

    def __init__(self) -> None:
        self.target = b""
        self.headers: list[tuple[bytes, bytes]] = []
        self.body = bytearray()
        self.count = 0

    def on_url(self, data: bytes) -> None:
        self.target += data if self.count == 0 else b""

    def on_header(self, name: bytes, value: bytes) -> None:
        if self.count == 0:
            self.headers.append((name.lower(), value.strip(b" \t")))

    def on_body(self, data: bytes) -> None:
        if self.count == 0:
            self.body += data

    def on_message_complete(self) -> None:
        self.count += 1


def _read_by_llhttp(data: bytes, request: Heard) -> bool:
    listener: Any = _Listener()
    parser = httptools.HttpRequestParser(listener)
    with contextlib.suppress(httptools.HttpParserError, httptools.HttpParserUpgrade):  # of a message behind the first
        parser.feed_data(data)
    trailers = len(listener.headers) - len(request.headers)
    return (
        listener.count > 0
        and _origin(listener.target) == request.target
        and (listener.body == request.body or not request.is_whole)
        and listener.headers[: len(request.headers)] == request.headers
        and (trailers == 0 or b"chunked" in request.header(b"transfer-encoding"))
    )
