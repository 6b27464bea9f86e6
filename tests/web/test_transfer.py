"""Body framing: however the bytes are cut, the same body; whatever else arrives, a refusal."""

import random

import pytest

from mys3d import limits
from mys3d.web.transfer import BadFraming, Chunked, Counted, Framing

WIRE = b'5\r\nhello\r\n6;name="v"\r\n world\r\n0\r\nX-Trailer: 1\r\n\r\n'


def fed(framing: Framing, *pieces: bytes) -> tuple[bytes, bytes]:
    body, behind = b"", b""
    for piece in pieces:
        assert not framing.is_done
        part, behind = framing.feed(piece)
        body += part
    return body, behind


def test_a_counted_body_ends_at_its_length() -> None:
    framing = Counted(5)
    assert fed(framing, b"he", b"lloGET /") == (b"hello", b"GET /")
    assert framing.is_done


def test_a_counted_body_of_no_length_is_done() -> None:
    assert Counted(0).is_done


def test_a_counted_body_is_not_done_before_its_length() -> None:
    framing = Counted(5)
    assert fed(framing, b"hell") == (b"hell", b"")
    assert not framing.is_done


def test_chunks_are_joined_and_what_follows_is_given_back() -> None:
    framing = Chunked()
    assert fed(framing, WIRE + b"GET /") == (b"hello world", b"GET /")
    assert framing.is_done


def test_chunks_mean_the_same_wherever_they_are_cut() -> None:
    for cut in range(1, len(WIRE)):
        assert fed(Chunked(), WIRE[:cut], WIRE[cut:]) == (b"hello world", b"")


@pytest.mark.parametrize("extension", [b"", b";a", b";a=b;c", b';a="b c;\\"\\\\";d=e', b';a="\xc3\xa9"'])
def test_an_extension_is_read_over(extension: bytes) -> None:
    assert fed(Chunked(), b"5" + extension + b"\r\nhello\r\n0" + extension + b"\r\n\r\n") == (b"hello", b"")


def test_chunks_may_arrive_byte_by_byte() -> None:
    framing = Chunked()
    assert fed(framing, *(WIRE[i : i + 1] for i in range(len(WIRE)))) == (b"hello world", b"")
    assert framing.is_done


@pytest.mark.parametrize("data", [
    b"\r\n",
    b"g\r\n",
    b"-1\r\n",
    b"+1\r\n",
    b"0x1\r\n",
    b" 1\r\n",
    b"1 \r\n",
    b"1\n",
    b"1_0\r\n",
    b"f" * 16 + b"\r\n",
    b"1;\r\n",
    b"1;a \r\n",
    b"1;a=b\t\r\n",
    b"1 ;a=b\r\n",
    b"1;a =b\r\n",
    b'1;a="b\r\n',
    b"1;a;;b\r\n",
    b"1;a\x00b\r\n",
    b"1;a\rb\r\n",
    b"1\r\nab\r\n",
    b"1\r\na\n",
    b"1\r\na\r",
    b"1\r\naX\n",
    b"0\r\nX\r\n\r\n",
    b"0\r\nX: a\n\r\n",
    b"0\r\n X: folded\r\n\r\n",
    b"0\r\nX : a\r\n\r\n",
    b"0\r\nContent-Length: 5\r\n\r\n",
    b"0\r\nTRANSFER-ENCODING: chunked\r\n\r\n",
    b"0\r\nHost: x\r\n\r\n",
    b"0\r\n\n",
])  # fmt: skip
def test_a_deviation_from_the_grammar_is_refused(data: bytes) -> None:
    framing = Chunked()
    with pytest.raises(BadFraming):
        framing.feed(data + b"0\r\n\r\n")


def test_a_chunk_line_is_bounded() -> None:
    with pytest.raises(BadFraming):
        Chunked().feed(b"1;" + b"x" * limits.chunk_line_bytes_max)


def test_trailers_are_bounded() -> None:
    fitting = b"0\r\n" + b"a: b\r\n" * limits.chunk_trailers_max
    framing = Chunked()
    framing.feed(fitting + b"\r\n")
    assert framing.is_done
    with pytest.raises(BadFraming):
        Chunked().feed(fitting + b"a: b\r\n")


def test_extensions_cannot_cost_much_more_than_the_body() -> None:
    framing = Chunked()
    with pytest.raises(BadFraming, match="much larger"):
        for _ in range(1000):
            framing.feed(b"1;" + b"x" * 900 + b"\r\na\r\n")


def test_small_chunks_alone_are_no_reason_to_refuse() -> None:
    assert fed(Chunked(), b"1\r\na\r\n" * 20_000 + b"0\r\n\r\n") == (b"a" * 20_000, b"")


def test_random_bytes_are_refused_or_waited_for() -> None:
    chance = random.Random(6)
    for _ in range(3000):
        data = bytearray(WIRE)
        data[chance.randrange(len(data))] = chance.randrange(256)
        cut = chance.randrange(len(data))
        framing = Chunked()
        try:
            framing.feed(bytes(data[:cut]))
            if not framing.is_done:
                framing.feed(bytes(data[cut:]))
        except BadFraming:
            continue


def test_what_went_elsewhere_counts_and_no_more_than_is_left_can() -> None:
    body = Counted(10)
    body.take(4)
    assert body.feed(b"123") == (b"123", b"") and not body.is_done
    with pytest.raises(AssertionError):
        body.take(4)
    body.take(3)
    assert body.is_done
