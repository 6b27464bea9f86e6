"""The head parser: what it reads, and what it refuses to guess."""

import random

import pytest

from mys3d import limits
from mys3d.web.head import BadHead, check_beginning, parse_head


def head_of(*lines: str, target: str = "/b/k", method: str = "GET", host: str = "Host: x") -> bytes:
    every = [f"{method} {target} HTTP/1.1", *([host] if host else []), *lines]
    return "\r\n".join(every).encode("latin-1") + b"\r\n\r\n"


def code_of(data: bytes) -> str:
    with pytest.raises(BadHead) as caught:
        parse_head(data)
    return caught.value.code


@pytest.mark.parametrize(
    "path", ["/b/%2F", "/b//a", "//b/a", "/b/%FF", "/b/.", "/b/../c", "/b/a+b", "/b/k/", "/b/~('!*)"]
)
def test_a_path_is_kept_as_it_arrived(path: str) -> None:
    assert parse_head(head_of(target=path + "?x=%2F&y")).raw_path == path.encode()


def test_the_query_is_everything_behind_the_first_question_mark() -> None:
    head = parse_head(head_of(target="/b?a=1?b=%3F&c"))
    assert (head.raw_path, head.raw_query) == (b"/b", b"a=1?b=%3F&c")


def test_headers_keep_order_duplicates_and_raw_values() -> None:
    head = parse_head(head_of("X-Amz-Meta-A:  \xe4 b \t", "x-amz-meta-a: 2"))
    assert head.headers == [(b"host", b"x"), (b"x-amz-meta-a", b"\xe4 b"), (b"x-amz-meta-a", b"2")]


def test_an_absolute_target_is_reduced_to_its_path() -> None:
    assert parse_head(head_of(target="http://X/b/k?q")).raw_path == b"/b/k"
    assert parse_head(head_of(target="http://x?q")).raw_path == b"/"


def test_an_absolute_target_of_another_host_is_refused() -> None:
    assert code_of(head_of(target="http://y/b/k")) == "BadRequest"


def test_an_asterisk_is_a_target_of_options_only() -> None:
    assert parse_head(head_of(target="*", method="OPTIONS")).raw_path == b"*"
    assert code_of(head_of(target="*")) == "InvalidURI"


@pytest.mark.parametrize("target", ["foo", "b/k", "ftp://x/b", "?q"])
def test_a_target_that_is_no_path_is_refused(target: str) -> None:
    assert code_of(head_of(target=target)) in ("BadRequest", "InvalidURI")


@pytest.mark.parametrize("target", ["/b/\xe4", "/b/ k", "/b/\x01", "/b/#f", "/b/\x7f", ""])
def test_a_target_with_raw_bytes_that_need_escapes_is_refused(target: str) -> None:
    assert code_of(head_of(target=target)) == "BadRequest"


def test_a_body_is_counted_or_chunked_or_absent() -> None:
    assert parse_head(head_of("Content-Length: 12")).length == 12
    assert parse_head(head_of("Transfer-Encoding: Chunked")).length is None
    assert parse_head(head_of()).length == 0


SMUGGLING = {
    "length and chunked": ["Content-Length: 5", "Transfer-Encoding: chunked"],
    "chunked and length": ["Transfer-Encoding: chunked", "Content-Length: 5"],
    "two lengths": ["Content-Length: 5", "Content-Length: 6"],
    "two equal lengths": ["Content-Length: 5", "Content-Length: 5"],
    "a list of lengths": ["Content-Length: 5, 5"],
    "a signed length": ["Content-Length: +5"],
    "a negative length": ["Content-Length: -5"],
    "a hexadecimal length": ["Content-Length: 0x5"],
    "an empty length": ["Content-Length:"],
    "an endless length": ["Content-Length: " + "9" * 30],
    "an unknown coding": ["Transfer-Encoding: xchunked"],
    "a list of codings": ["Transfer-Encoding: gzip, chunked"],
    "identity": ["Transfer-Encoding: identity"],
    "two codings": ["Transfer-Encoding: chunked", "Transfer-Encoding: chunked"],
    "a folded line": ["X-A: 1", " 2"],
    "a folded coding": ["Transfer-Encoding:", " chunked"],
    "a blank before the colon": ["Content-Length : 5"],
    "a blank before the name": [" Content-Length: 5"],
    "a name with a control character": ["Content\x0bLength: 5"],
    "a line without a colon": ["nonsense"],
    "an empty name": [": 5"],
    "NUL in a value": ["X-A: a\0b"],
    "a second host": ["Host: y"],
    "an upgrade to WebSocket": ["Upgrade: websocket", "Connection: Upgrade"],
}


@pytest.mark.parametrize("lines", SMUGGLING.values(), ids=SMUGGLING)
def test_a_head_that_could_be_read_in_two_ways_is_refused(lines: list[str]) -> None:
    assert code_of(head_of(*lines)) in ("BadRequest", "NotImplemented")


@pytest.mark.parametrize("data", [
    b"GET / HTTP/1.1\nHost: x\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\nX: y\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\rX: y\r\n\r\n",
    b"GET / HTTP/2.0\r\nHost: x\r\n\r\n",
    b"GET / HTTP/1.2\r\nHost: x\r\n\r\n",
    b"GET / HTTP/9.9\r\nHost: x\r\n\r\n",
    b"GET /\r\n\r\n",
    b"GET  / HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET\t/ HTTP/1.1\r\nHost: x\r\n\r\n",
    b"get / HTTP/1.1\r\nHost: x\r\n\r\n",
    b"MADEUP / HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET / RTSP/1.0\r\nHost: x\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\n",
    b"\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n",
    b"\x16\x03\x01\x02\r\n\r\n",
])  # fmt: skip
def test_a_malformed_request_line_or_line_end_is_refused(data: bytes) -> None:
    assert code_of(data) == "BadRequest"


HOSTS = [
    "x",
    "X.Example.",
    "a_b-c~d:9000",
    "127.0.0.1:9000",
    "[::1]:9000",
    "[::ffff:1.2.3.4]",
    "l" * 63 + ".y",
    "x:",
    "",
]


@pytest.mark.parametrize("host", HOSTS)
def test_a_host_is_a_name_or_an_address_and_a_port(host: str) -> None:
    assert dict(parse_head(head_of(host=f"Host: {host}")).headers)[b"host"] == host.encode()


BAD_HOSTS = ["x y", "x/y", "x@y", '"x"', "l" * 64, "x..y", ".x", "x:y", "x:1:2", "x:123456", "[::1", "::1", "[x]", "[]"]


@pytest.mark.parametrize("host", ["", *(f"Host: {host}" for host in BAD_HOSTS)])
def test_a_missing_or_malformed_host_is_refused(host: str) -> None:
    assert code_of(head_of(host=host)) == "BadRequest"


def test_http_1_0_needs_no_host_and_has_no_chunks() -> None:
    assert parse_head(b"GET / HTTP/1.0\r\n\r\n").http_version == "1.0"
    assert code_of(b"PUT / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n") == "BadRequest"


def test_connect_is_refused() -> None:
    assert code_of(head_of(method="CONNECT", target="x:80")) == "MethodNotAllowed"


def test_an_offer_of_h2c_is_ignored() -> None:
    head = parse_head(head_of("Upgrade: h2c", "Connection: Upgrade, HTTP2-Settings", "HTTP2-Settings: !!!"))
    assert (head.method, head.keeps_alive) == ("GET", True)


@pytest.mark.parametrize(("version", "connection", "expected"), [
    ("1.1", None, True),
    ("1.1", "close", False),
    ("1.1", "Keep-Alive", True),
    ("1.1", "foo, Close", False),
    ("1.1", "disclose", True),
    ("1.0", None, False),
    ("1.0", "keep-alive", True),
    ("1.0", "keep-alive, close", False),
])  # fmt: skip
def test_keep_alive_follows_version_and_connection(version: str, connection: str | None, expected: bool) -> None:
    line = f"Connection: {connection}\r\n" if connection else ""
    assert parse_head(f"GET / HTTP/{version}\r\nHost: x\r\n{line}\r\n".encode()).keeps_alive is expected


def test_expect_counts_in_http_1_1_only() -> None:
    assert parse_head(head_of("Expect: 100-Continue")).expects_continue
    assert not parse_head(b"PUT / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n").expects_continue


def test_a_head_is_bounded_in_bytes_and_lines() -> None:
    fitting = head_of(*["a: b"] * (limits.headers_count_max - 1))
    assert len(parse_head(fitting).headers) == limits.headers_count_max
    assert code_of(head_of(*["a: b"] * limits.headers_count_max)) == "MaxMessageLengthExceeded"
    assert code_of(head_of("a: " + "b" * limits.head_bytes_max)) == "MaxMessageLengthExceeded"


@pytest.mark.parametrize("data", [b"GET / HTTP/1.1\n", b"\x16\x03\x01", b"{}", b"G" * (limits.head_bytes_max + 1)])
def test_a_hopeless_beginning_is_refused_at_once(data: bytes) -> None:
    with pytest.raises(BadHead):
        check_beginning(data)


@pytest.mark.parametrize("data", [b"", b"\r", b"G", b"GET / HTTP/1.1\r", b"GET / HTTP/1.1\r\nHost: x\r\n"])
def test_a_good_beginning_is_waited_for(data: bytes) -> None:
    if data:
        check_beginning(data)


LOOSE = [b"GET / HTTP/1.1\r\nHost: x\r\nX: y\n", b"GET /\n", b"GET / HTTP/1.1\r\n\n", b"G\r\r\n\n"]


@pytest.mark.parametrize("data", LOOSE)
def test_a_bare_line_feed_is_found_wherever_a_head_is_cut(data: bytes) -> None:
    for cut in range(1, len(data)):
        assert data[:cut].replace(b"\r\n", b"").count(b"\n") == 0
        check_beginning(data[:cut])
        with pytest.raises(BadHead):
            check_beginning(data, cut)


@pytest.mark.parametrize("cut", range(1, 31))
def test_what_was_checked_before_is_good_however_a_head_is_cut(cut: int) -> None:
    check_beginning(b"GET / HTTP/1.1\r\nHost: x\r\nX: y\r\n", cut)


def test_any_damage_to_a_head_is_read_or_refused_but_never_crashes() -> None:
    chance = random.Random(5)
    whole = head_of("Content-Length: 5", "Connection: keep-alive", "X-Amz-Date: 20260101T000000Z")
    for _ in range(3000):
        data = bytearray(whole)
        for _ in range(chance.randint(1, 4)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        try:
            head = parse_head(bytes(data))
        except BadHead:
            continue
        assert head.raw_path[:1] == b"/"
