"""Response framing: a body is exactly as long as its head says."""

import pytest

from mys3d.web.answer import Answer, BadAnswer, DateLine


def sent(answer: Answer, *pieces: bytes) -> bytes:
    out = b""
    for number, piece in enumerate(pieces):
        before, body = answer.frame(piece, number < len(pieces) - 1)
        out += before + body
    return out


def answer_to(method: str = "GET", version: str = "1.1", status: int = 200, **headers: str) -> Answer:
    answer = Answer(method, version, keeps_alive=True)
    answer.start(status, [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()])
    return answer


def test_a_body_in_one_piece_gets_its_length() -> None:
    data = sent(answer_to(), b"hello")
    assert data.startswith(b"HTTP/1.1 200 OK\r\ndate: ")
    assert data.endswith(b"\r\ncontent-length: 5\r\n\r\nhello")


def test_a_stream_of_declared_length_is_sent_as_it_is() -> None:
    assert sent(answer_to(content_length="5"), b"he", b"llo").endswith(b"content-length: 5\r\n\r\nhello")


def test_a_stream_of_unknown_length_is_chunked() -> None:
    data = sent(answer_to(), b"he", b"", b"llo", b"")
    assert data.endswith(b"transfer-encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n")


def test_a_stream_of_unknown_length_ends_an_http_1_0_connection() -> None:
    answer = answer_to(version="1.0")
    assert sent(answer, b"he", b"llo").endswith(b"connection: close\r\n\r\nhello")
    assert not answer.keeps_alive


@pytest.mark.parametrize("pieces", [(b"hell",), (b"he", b"ll"), (b"hello!",), (b"hello", b"!", b"")])
def test_a_body_that_differs_from_its_length_is_an_error(pieces: tuple[bytes, ...]) -> None:
    with pytest.raises(BadAnswer):
        sent(answer_to(content_length="5"), *pieces)


def test_the_answer_to_head_has_the_length_but_no_body() -> None:
    assert sent(answer_to("HEAD", content_length="5"), b"").endswith(b"content-length: 5\r\n\r\n")
    assert sent(answer_to("HEAD", content_length="5"), b"hello").endswith(b"content-length: 5\r\n\r\n")
    assert b"content-length" not in sent(answer_to("HEAD"), b"")


def test_204_has_neither_length_nor_body() -> None:
    data = sent(answer_to(status=204, content_length="0"), b"")
    assert data.startswith(b"HTTP/1.1 204 No Content\r\n")
    assert b"content-length" not in data
    assert b"transfer-encoding" not in data


def test_304_keeps_the_length_of_what_it_does_not_send() -> None:
    assert sent(answer_to(status=304, content_length="5"), b"").endswith(b"content-length: 5\r\n\r\n")


@pytest.mark.parametrize("value", ["a\r\nx: y", "a\nb", "a\rb", "a\0b"])
def test_a_header_cannot_carry_another(value: str) -> None:
    with pytest.raises(BadAnswer):
        sent(answer_to(x=value), b"")


def test_the_date_of_the_application_wins() -> None:
    assert sent(answer_to(Date="then"), b"").count(b"date: ") == 1


def test_an_application_may_close() -> None:
    answer = answer_to(Connection="close")
    assert sent(answer, b"").count(b"connection: close\r\n") == 1
    assert not answer.keeps_alive


def test_an_unknown_status_has_an_empty_reason() -> None:
    assert sent(answer_to(status=599), b"").startswith(b"HTTP/1.1 599 \r\n")


def test_a_response_starts_once_and_ends_once() -> None:
    answer = answer_to()
    with pytest.raises(BadAnswer):
        answer.start(200, [])
    sent(answer, b"")
    with pytest.raises(BadAnswer):
        answer.frame(b"", False)
    with pytest.raises(BadAnswer):
        Answer("GET", "1.1", keeps_alive=True).frame(b"", False)


def test_the_date_line_is_formatted_once_a_second() -> None:
    line = DateLine()
    first = line.get()
    assert first.startswith(b"date: ")
    assert first.endswith(b" GMT\r\n")
