"""A request as a value."""

from mys3d.s3.message import Request


def request(*headers: tuple[bytes, bytes]) -> Request:
    return Request("GET", b"/", b"", headers, "http", "127.0.0.1", "0" * 16)


def test_the_first_of_equal_headers_counts() -> None:
    assert request((b"a", b"1"), (b"b", b"2"), (b"a", b"3")).header(b"a") == "1"


def test_an_absent_header_is_none() -> None:
    assert request((b"a", b"1")).header(b"b") is None


def test_a_header_of_any_bytes_can_be_read() -> None:
    assert request((b"a", b"\xff\x00")).header(b"a") == "\xff\x00"
