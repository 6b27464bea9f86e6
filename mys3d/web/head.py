"""The head of one HTTP/1.1 request: bytes in, a checked record out.        Floor: web (pure). Called by: connection.

Law: a head that two parsers could read in two ways is refused, so nothing can be smuggled past a proxy in front of us.
llhttp (httptools) checks names, values, obs-fold and bare line feeds; what it lets pass is checked here.
Source: RFC 9112 sections 2.2, 3, 5, 6; RFC 9110 sections 7.2, 7.8, 10.1.1.
"""

import re
from dataclasses import dataclass
from typing import Final

import httptools

from mys3d import limits

END: Final = b"\r\n\r\n"

_REQUEST_LINE: Final = re.compile(rb"([A-Z-]{1,20}) ([\x21\x22\x24-\x7e]+) HTTP/1\.([01])\r\n")  # no "#" in a target
_ABSOLUTE: Final = re.compile(rb"https?://([^/?]+)(.*)", re.IGNORECASE)
_HOST: Final = re.compile(  # names as RFC 1035 has them, but for "_" and "~"; or an address; either with a port
    rb"(?:(?:[A-Za-z0-9_~-]{1,63}\.)*[A-Za-z0-9_~-]{0,63}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{0,5})?"
)
_DIGITS: Final = re.compile(rb"[0-9]{1,18}")


class BadHead(Exception):
    """The head is refused with the S3 error `code`; the connection has to be closed, for its framing is unknown."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(slots=True)
class Head:
    """A request head. Names are lower-case, values are raw bytes without surrounding blanks, duplicates in order."""

    method: str
    raw_path: bytes
    raw_query: bytes
    http_version: str  # "1.0" or "1.1"
    headers: list[tuple[bytes, bytes]]
    length: int | None  # of the body, in bytes. None: the body is chunked
    expects_continue: bool
    keeps_alive: bool


class _Collector:
    """What httptools reports about the header lines."""

    __slots__ = ("connection", "expect", "headers", "hosts", "lengths", "transfer", "upgrade")

    def __init__(self) -> None:
        self.headers: list[tuple[bytes, bytes]] = []
        self.hosts: list[bytes] = []
        self.lengths: list[bytes] = []
        self.transfer: list[bytes] = []
        self.connection = b""
        self.expect = b""
        self.upgrade = b""

    def on_header(self, name: bytes, value: bytes) -> None:
        name = name.lower()
        value = value.strip(b" \t")
        self.headers.append((name, value))
        if name == b"host":
            self.hosts.append(value)
        elif name == b"content-length":
            self.lengths.append(value)
        elif name == b"connection":
            self.connection += b"," + value.lower()
        elif name == b"transfer-encoding":
            self.transfer.append(value)
        elif name == b"expect":
            self.expect += value.lower()
        elif name == b"upgrade":
            self.upgrade += value.lower()


def check_beginning(data: bytes, checked: int = 0) -> None:
    """Refuse an incomplete head early that can never become a good one, instead of waiting for its deadline.

    Its first `checked` bytes were found good already: a head that arrives byte by byte costs no more than another.
    """
    if len(data) > limits.head_bytes_max:
        raise BadHead("MaxMessageLengthExceeded", f"A request head has at most {limits.head_bytes_max} bytes.")
    if data.count(b"\n", checked) != data.count(b"\r\n", max(0, checked - 1)):
        raise BadHead("BadRequest", "A line of the request head ends without CR LF.")
    if not data[:1].isalpha() and data[:1] != b"\r":
        raise BadHead("BadRequest", "This is not an HTTP/1.1 request.")


def parse_head(data: bytes) -> Head:
    """Return the head whose bytes, with the empty line at their end, are `data`. Raises BadHead."""
    if len(data) > limits.head_bytes_max:
        raise BadHead("MaxMessageLengthExceeded", f"A request head has at most {limits.head_bytes_max} bytes.")
    line = _REQUEST_LINE.match(data)
    if line is None:
        raise BadHead("BadRequest", "The request line is not that of an HTTP/1.1 request.")
    method, target, minor = line.groups()
    if method in (b"CONNECT", b"PRI"):
        raise BadHead("MethodNotAllowed", "This server is neither a proxy nor speaks HTTP/2 in clear text.")
    found = _headers(data)
    _check_host(found.hosts, minor)
    length = _body_length(found, minor)
    raw_path, _, raw_query = _origin(method, target, found.hosts).partition(b"?")
    if found.upgrade:
        _check_upgrade(found.upgrade)
    return Head(
        method=method.decode(),
        raw_path=raw_path,
        raw_query=raw_query,
        http_version="1.1" if minor == b"1" else "1.0",
        headers=found.headers,
        length=length,
        expects_continue=minor == b"1" and found.expect == b"100-continue",
        keeps_alive=_keeps_alive(found.connection, minor),
    )


def _headers(data: bytes) -> _Collector:
    found = _Collector()
    try:
        httptools.HttpRequestParser(found).feed_data(data)
    except httptools.HttpParserUpgrade:
        pass  # all headers were reported; whether the upgrade may be ignored is decided by the caller
    except httptools.HttpParserError as error:
        raise BadHead("BadRequest", "The request head is malformed.") from error
    if len(found.headers) > limits.headers_count_max:
        raise BadHead("MaxMessageLengthExceeded", f"A request has at most {limits.headers_count_max} headers.")
    return found


def _check_host(hosts: list[bytes], minor: bytes) -> None:
    # RFC 9112 3.2: a server MUST answer 400 to a request that lacks Host, or has more than one, or an invalid one.
    if len(hosts) > 1 or (minor == b"1" and not hosts):
        raise BadHead("BadRequest", f"A request has exactly one Host header, found {len(hosts)}.")
    if hosts and _HOST.fullmatch(hosts[0]) is None:
        raise BadHead("BadRequest", "The Host header is not a host name.")


def _body_length(found: _Collector, minor: bytes) -> int | None:
    if found.transfer:
        # RFC 9112 6.1: such a message "ought to be handled as an error". Lenient readers are how requests are smuggled.
        if found.lengths or minor == b"0":
            raise BadHead("BadRequest", "Transfer-Encoding needs HTTP/1.1 and excludes Content-Length.")
        if len(found.transfer) > 1 or found.transfer[0].lower() != b"chunked":
            raise BadHead("NotImplemented", "The only transfer coding is chunked.")
        return None
    if not found.lengths:
        return 0
    if len(found.lengths) > 1 or _DIGITS.fullmatch(found.lengths[0]) is None:
        raise BadHead("BadRequest", "Content-Length is not one decimal number.")
    return int(found.lengths[0])


def _origin(method: bytes, target: bytes, hosts: list[bytes]) -> bytes:
    """Return the target in origin form; "*" stays as it is."""
    if target[:1] == b"/" or (target == b"*" and method == b"OPTIONS"):
        return target
    absolute = _ABSOLUTE.fullmatch(target)
    if absolute is None:
        raise BadHead("InvalidURI", "The request target is neither a path nor an absolute URL.")
    authority, rest = absolute.groups()
    if not hosts or authority.lower() != hosts[0].lower():
        raise BadHead("BadRequest", "The request target names another host than the Host header.")
    return bytes(rest) if rest[:1] == b"/" else b"/" + rest


def _check_upgrade(protocols: bytes) -> None:
    # RFC 9110 7.8: a server MAY ignore Upgrade. The HTTP client of the JDK offers h2c in every first request.
    if protocols != b"h2c":
        raise BadHead("BadRequest", "This server does not change protocols.")


def _keeps_alive(connection: bytes, minor: bytes) -> bool:
    if not connection:
        return minor == b"1"
    options = {option.strip(b" \t") for option in connection.split(b",")}
    return b"close" not in options and (minor == b"1" or b"keep-alive" in options)
