"""Answers as servers send them, in any pieces."""

import pytest

from mys3d.bench.answer import AnswerReader

ENDS = {
    "length": b'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nETag: "x"\r\n\r\nhello',
    "chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\nTrailer: t\r\n\r\n",
    "old": b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\nhello",
}


def read(wire: bytes, step: int, *, has_body: bool = True) -> tuple[AnswerReader, bool]:
    reader = AnswerReader()
    reader.begin(has_body=has_body, keeps_body=True)
    is_done = False
    for at in range(0, len(wire), step):
        assert not is_done, "the answer ended before its bytes did"
        is_done = reader.feed(memoryview(wire)[at : at + step])
    return reader, is_done


@pytest.mark.parametrize("step", [1, 2, 3, 7, 1000])
@pytest.mark.parametrize("name", ENDS)
def test_an_answer_is_the_same_in_pieces_of_any_length(name: str, step: int) -> None:
    reader, is_done = read(ENDS[name], step)
    assert is_done
    assert (reader.answer().status, reader.answer().body, reader.is_last) == (200, b"hello", False)


def test_an_answer_that_ends_by_closing_is_complete_then() -> None:
    reader, is_done = read(b"HTTP/1.0 200 OK\r\nServer: old\r\n\r\nhello", 5)
    assert not is_done
    assert reader.closed()
    assert (reader.answer().body, reader.is_last) == (b"hello", True)


def test_a_close_before_the_end_is_no_end() -> None:
    reader, is_done = read(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello", 99)
    assert (is_done, reader.closed()) == (False, False)


@pytest.mark.parametrize(
    ("head", "has_body"),
    [(b"200 OK\r\nContent-Length: 50", False), (b"204 No Content\r\nX: y", True), (b"304 Not Modified\r\nX: y", True)],
)
def test_some_answers_have_no_body(head: bytes, has_body: bool) -> None:
    _, is_done = read(b"HTTP/1.1 " + head + b"\r\n\r\n", 5, has_body=has_body)
    assert is_done


def test_headers_are_found_by_name_and_connections_that_close_are_known() -> None:
    reader, _ = read(ENDS["length"], 99)
    assert (reader.answer().header(b"etag"), reader.answer().header(b"server")) == ('"x"', "")
    closing, _ = read(b"HTTP/1.1 200 OK\r\nConnection: Close\r\nContent-Length: 0\r\n\r\n", 99)
    assert closing.is_last


def test_a_body_that_nobody_wants_is_not_kept() -> None:
    for wire in ENDS.values():
        reader = AnswerReader()
        reader.begin(has_body=True, keeps_body=False)
        assert reader.feed(memoryview(wire))
        assert reader.answer().body == b""


@pytest.mark.parametrize(
    ("wire", "error"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nlonger than declared", "more bytes"),
        (b"HTTP/1.1 200 OK\r\n\r\n", "without content-length"),
        (b"SSH-2.0-OpenSSH\r\n\r\n", "no HTTP/1.1"),
        (b"x" * 70_000, "does not end"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1" * 2000, "head of a chunk"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "invalid literal"),
    ],
)
def test_what_is_no_answer_is_refused(wire: bytes, error: str) -> None:
    with pytest.raises(ValueError, match=error):
        read(wire, 70_000)
